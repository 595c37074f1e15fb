"""Asking a question in a test as a caller would in code."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact.algebra import Symbols, rational, value
from compute.arithmetic.expressions import parse
from compute.arithmetic.kinds import EXACT, FLOATING
from compute.graph.spec import Tensor
from compute.question.answer import Answer, Plan
from compute.question.declared_readings.jacobian import JacobianPair
from compute.question.plan import Question, prepare

Arrays = Mapping[str, Any]
# The one-dimensional network of which an exam asks.
NETWORK = (
    "z = conv1d(x, k) + b",
    "u = max_pool1d(z, size=2, stride=1)",
    "v = leaky_relu(u, slope=0.1)",
    "z4 = sum(w * v) + c",
    "y_hat = exp(z4)",
    "L = (y - y_hat)**2 / 2",
)


def arrays(tensors: Arrays, arithmetic: str = "float64", symbols: Symbols | None = None) -> dict[str, Any]:
    if arithmetic == EXACT:
        return {name: exact_entries(tensor, symbols or Symbols()) for name, tensor in tensors.items()}
    found = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    return {
        name: array if array.dtype == np.bool_ else FLOATING[arithmetic].cast(array.astype(np.float64))
        for name, array in found.items()
    }


def exact_entries(tensor: Any, symbols: Symbols | None = None) -> Any:
    """Numbers, text and SymPy expressions as exact numbers; truth values stay what they are."""
    if np.asarray(tensor).dtype == np.bool_:
        return np.asarray(tensor)
    entries = np.array(tensor, dtype=object)
    found = np.empty(entries.shape, dtype=object)
    for at in np.ndindex(entries.shape):
        entry: Any = entries[at]
        if isinstance(entry, str):
            found[at] = value(parse(entry, len(entry)), symbols or Symbols())
        else:
            found[at] = entry if isinstance(entry, sympy.Basic) else rational(repr(entry))
    return found


FLAGS = ("diagnose", "diagram", "hessian_vector", "verify", "workings")


def readings(
    *, jacobian: Sequence[tuple[str, str] | JacobianPair] = (), claims: Sequence[str] = (), **flags: Any
) -> tuple[tuple[str, Any], ...]:
    """Declared readings as a question holds them."""
    pairs = tuple(one if isinstance(one, JacobianPair) else JacobianPair(*one) for one in jacobian)
    asked: dict[str, Any] = {"jacobian": pairs, "claims": tuple(claims), **flags}
    return tuple((name, value) for name, value in asked.items() if value)


def plan(
    operation: str,
    inputs: Arrays,
    attributes: Mapping[str, Any] | None = None,
    *,
    given: Arrays | None = None,
    upstream: Arrays | None = None,
    jacobian: Sequence[tuple[str, str] | JacobianPair] = (),
    claims: Sequence[str] = (),
    select: Sequence[str] | None = None,
    arithmetic: str = "float64",
    **more: Any,
) -> Plan:
    """more: other fields of `Question`, and readings that are asked for by `True`."""

    def shapes(tensors: Arrays) -> tuple[tuple[str, Tensor], ...]:
        return tuple(
            (name, Tensor(np.shape(tensor), "boolean" if np.asarray(tensor).dtype == np.bool_ else "real"))
            for name, tensor in tensors.items()
        )

    asked = {name: more.pop(name) for name in FLAGS if name in more}
    question = Question(
        operation=operation,
        attributes=tuple((attributes or {}).items()),
        inputs=shapes(inputs),
        given=shapes(given or {}),
        upstream=shapes(upstream or {}),
        readings=readings(jacobian=jacobian, claims=claims, **asked),
        select=None if select is None else tuple(select),
        arithmetic=arithmetic,
        **more,
    )
    return prepare(question)


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
    symbols = Symbols(dict(asked.get("assumptions", ())))
    sent = (arrays(tensors, arithmetic, symbols) for tensors in (inputs, given or {}, upstream or {}))
    return prepared.answer(*sent)


def program(lines: Sequence[str], inputs: Arrays, **asked: Any) -> Answer:
    """The answer to a program in exact arithmetic."""
    return answer("graph", inputs, program=tuple(lines), arithmetic=EXACT, **asked)
