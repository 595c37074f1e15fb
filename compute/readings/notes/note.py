"""A remark, and how numbers and steps are written in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, ExpressionError
from compute.arithmetic.namespace import Array
from compute.graph.value import Value, nearest_names
from compute.latex import written_items

Number: TypeAlias = float | str
LONGEST = 60  # of a number or a step in a sentence
SIGNS = {
    "add": "+", "subtract": "-", "difference": "-", "multiply": "*", "divide": "/", "softmax_divide": "/",
    "matmul": "@", "guarded_matmul": "@", "project": "@", "add_mask": "+", "weigh": "*",
}  # fmt: skip
UNSEEN = frozenset(
    {"identity", "reshape", "expand", "stretch", "admitted", "clear_masked"}
)  # nobody writes them
SHOWN = 5  # entries that are listed


class Operand(NamedTuple):
    """A number that a step worked on, and what it is an entry of."""

    name: str
    value: Number


@dataclass(frozen=True, slots=True)
class Note:
    """A remark: a code for programs, the name it is about, a sentence for people.

    operation: the step's primitive; entries: the first indices it is about; count: how many there are;
    operands: what the step worked on at the first; result: what came of it; spoiled, spoiled_gradients: names
    of what is not finite because of it; remedy: what is usually done. All of these are empty where they say
    nothing.
    """

    code: str
    at: str
    message: str
    operation: str = ""
    entries: tuple[tuple[int, ...], ...] = ()
    count: int = 0
    operands: tuple[Operand, ...] = ()
    result: Number | None = None
    spoiled: tuple[str, ...] = ()
    spoiled_gradients: tuple[str, ...] = ()
    remedy: str = ""


def as_number(entry: Any) -> Number:
    """An entry as a float, or as text where that has no form in JSON or is exact."""
    if isinstance(entry, np.generic | float | int):
        number = float(str(entry))
        return number if np.isfinite(number) else written(entry)
    return written(entry)


def written(entry: Any) -> str:
    """An entry as people read it."""
    if isinstance(entry, np.generic | float | int):
        number = float(entry)
        if np.isfinite(number):
            return f"{number:.6g}"
        return "NaN" if np.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    text = str(_exact_text()(entry))
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


@cache
def _exact_text() -> Any:
    """How exact numbers are written; loads SymPy, which whoever has such a number has loaded."""
    return import_module("compute.readings.closed_forms").write_text


def indices(at: Array) -> tuple[tuple[int, ...], ...]:
    """The first few indices at which an array is true."""
    flat = np.flatnonzero(at)[:SHOWN]
    return tuple(tuple(int(one) for one in np.unravel_index(place, at.shape)) for place in flat)


def listed(entries: tuple[tuple[int, ...], ...], count: int) -> str:
    """` at [0, 2] and 3 other entries`; nothing for the only entry of a scalar."""
    if not entries or not entries[0]:
        return ""
    first = f" at {list(entries[0])}"
    return first if count == 1 else f"{first} and {count - 1} other entr{'y' if count == 2 else 'ies'}"


def joined(names: Iterable[str], most: int = 8) -> str:
    """`a, b and c`, the first of many."""
    names = list(names)
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def spelled(value: Value, *, outermost: bool = False) -> str:
    """A value in terms of the named ones it is made of, such as `log(leaky_relu(x, slope=0))`."""
    text = _spelled(value, 0) if not outermost else _step(value, 0)
    if len(text) <= LONGEST or value.primitive is None:
        return text
    return f"{value.primitive.name}({', '.join(name for one in value.inputs for name in nearest_names(one))})"


def _spelled(value: Value, depth: int) -> str:
    if value.name is not None:
        return value.name
    return "..." if depth > 6 else _step(value, depth)


def _step(value: Value, depth: int) -> str:
    assert value.primitive is not None  # every input has a name
    name, inner = value.primitive.name, value.inputs
    if name == "constant":
        return _constant(value.attributes["expression"], value.attributes.get("sizes"))
    operands = [_spelled(one, depth + 1) for one in inner]
    if name in UNSEEN:
        return operands[0]
    if name in SIGNS:
        return f" {SIGNS[name]} ".join(map(_bound, inner, operands))
    if name == "part":
        return f"{_bound(inner[0], operands[0])}[{written_items(value.attributes['items'])}]"
    if name == "derivative":
        return f"{value.attributes['function']}'({operands[0]})"
    if name == "log_probability":
        operand = f"1 - {_bound(inner[0], operands[0])}" if value.attributes["complement"] else operands[0]
        return f"log({operand})"
    if name == "power":
        return f"{_bound(inner[0], operands[0])}^{_constant(value.attributes['exponent'])}"
    settings = [
        f"{setting}={_constant(one) if isinstance(one, Expression) else one}"
        for setting, one in value.attributes.items()
        if isinstance(one, Expression | int) and not isinstance(one, bool)
    ]
    return f"{name}({', '.join((*operands, *settings))})"


def _bound(value: Value, text: str) -> str:
    """A text in brackets, if it is no name and no function of something."""
    loose = value.name is None and value.primitive is not None and value.primitive.name in {*SIGNS, "power"}
    return f"({text})" if loose or text.startswith("-") else text


def _constant(expression: Expression, sizes: Any = None) -> str:
    try:
        return f"{evaluate(expression, sizes):.6g}"
    except ExpressionError:
        return expression.text or "..."
