"""Asking a question in a test as a caller would in code."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compute.answers import Answer, Prepared
from compute.arithmetic.kinds import FLOATING
from compute.operations.binding import Tensor
from compute.questions import Asked, prepare

Arrays = Mapping[str, Any]


def arrays(tensors: Arrays, arithmetic: str = "float64") -> dict[str, Any]:
    found = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    return {
        name: array if array.dtype == np.bool_ else FLOATING[arithmetic].cast(array.astype(np.float64))
        for name, array in found.items()
    }


def plan(
    operation: str,
    inputs: Arrays,
    attributes: Mapping[str, Any] | None = None,
    *,
    given: Arrays | None = None,
    upstream: Arrays | None = None,
    jacobian: Sequence[tuple[str, str]] = (),
    select: Sequence[str] | None = None,
    arithmetic: str = "float64",
) -> Prepared:
    def shapes(tensors: Arrays) -> tuple[tuple[str, Tensor], ...]:
        return tuple(
            (name, Tensor(np.shape(tensor), "boolean" if np.asarray(tensor).dtype == np.bool_ else "real"))
            for name, tensor in tensors.items()
        )

    asked = Asked(
        operation=operation,
        attributes=tuple((attributes or {}).items()),
        inputs=shapes(inputs),
        given=shapes(given or {}),
        upstream=shapes(upstream or {}),
        jacobian=tuple(jacobian),
        select=None if select is None else tuple(select),
        arithmetic=arithmetic,
    )
    return prepare(asked)


def answer(
    operation: str,
    inputs: Arrays,
    attributes: Mapping[str, Any] | None = None,
    *,
    given: Arrays | None = None,
    upstream: Arrays | None = None,
    arithmetic: str = "float64",
    **asked: Any,
) -> Answer:
    prepared = plan(
        operation, inputs, attributes, given=given, upstream=upstream, arithmetic=arithmetic, **asked
    )
    sent = (arrays(tensors, arithmetic) for tensors in (inputs, given or {}, upstream or {}))
    return prepared.answer(*sent)
