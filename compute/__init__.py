"""Deep-learning layers as graphs of named values, with every reading of them.

Pure numerics: nothing in this package knows of HTTP. `answer` alone hands over to `service.in_process`, which
reads documents, and imports it on the first call.
"""

from typing import Any


def answer(operation: str, /, **fields: Any) -> Any:
    """Return the answer of the service to the fields of an operation, computed in this process.

    operation: the path below /v1, such as "self_attention", "graph" or "grade".
    fields: those of the request. Tensors may be NumPy arrays, nested lists, or text.

    Returns an `Answer`: `answer["weights"]` or `answer.weights` is a value,
    `answer.gradients["x"]` a gradient, and `answer.document` the whole. Tensors of floats are NumPy arrays if
    the computation has the field `encoding`; exact numbers are text in nested lists.

    Predicted work and size are limited as in the service, by WORKINGS_... variables. An exact answer also
    ends after WORKINGS_EXACT_SECONDS of processor time, on the main thread of Linux and macOS; elsewhere, and
    while the caller runs a profiling timer, time is not limited. Memory is not limited anywhere.

    Raises `workings.Problem`, as the client does; its `errors` have JSON pointers to the fields.
    """
    from service import in_process  # noqa: PLC0415 - loads the libraries of the web

    return in_process.answer(operation, fields)
