"""A note, and how numbers and steps are written in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, ExpressionError
from compute.arithmetic.namespace import Array
from compute.graph.graph import Value, nearest_names
from compute.latex import written_items

Number: TypeAlias = float | str
LONGEST = 60  # characters of a number or a step in a sentence
SIGNS = {
    "add": "+", "subtract": "-", "difference": "-", "multiply": "*", "divide": "/", "softmax_divide": "/",
    "matmul": "@", "guarded_matmul": "@", "project": "@", "add_mask": "+", "weighted_product": "*",
}  # fmt: skip
UNWRITTEN = frozenset({"identity", "reshape", "expand_dims", "broadcast_to", "check_entries", "clear_masked"})
"""Primitives that formulas by hand leave out."""
SHOWN = 5  # entries that are listed


class Operand(NamedTuple):
    """An entry that a step worked on, with the name of its array."""

    name: str
    value: Number


@dataclass(frozen=True, slots=True)
class Note:
    """A note on an answer; fields that do not apply are empty.

    code: for programs.
    at: the name that the note is about.
    message: a sentence for people.
    operation: the step's primitive.
    entries: the first indices that the note is about; count: the number of all of them.
    operands: the operands at the first index; result: the result there.
    spoiled, spoiled_gradients: names of values and gradients that are not finite because of this.
    remedy: the usual remedy.
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
    """Return an entry as a float, or as text if it is exact or JSON cannot hold it."""
    if isinstance(entry, np.generic | float | int):
        number = float(str(entry))
        return number if np.isfinite(number) else write_number(entry)
    return write_number(entry)


def write_number(entry: Any) -> str:
    """Return an entry as people read it."""
    if isinstance(entry, np.generic | float | int):
        number = float(entry)
        if np.isfinite(number):
            return f"{number:.6g}"
        return "NaN" if np.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    text = str(_exact_text()(entry))
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


@cache
def _exact_text() -> Any:
    """Return the writer of exact numbers. It imports SymPy, which is loaded if there is an exact number."""
    from compute.readings.closed_forms import write_text  # noqa: PLC0415 - loads SymPy

    return write_text


def first_indices(at: Array) -> tuple[tuple[int, ...], ...]:
    """Return the first few indices at which an array is true."""
    flat = np.flatnonzero(at)[:SHOWN]
    return tuple(tuple(int(axis) for axis in np.unravel_index(place, at.shape)) for place in flat)


def list_entries(entries: tuple[tuple[int, ...], ...], count: int) -> str:
    """Return ` at [0, 2] and 3 other entries`; nothing for the only entry of a scalar."""
    if not entries or not entries[0]:
        return ""
    first = f" at {list(entries[0])}"
    return first if count == 1 else f"{first} and {count - 1} other entr{'y' if count == 2 else 'ies'}"


def join_names(names: Iterable[str], most: int = 8) -> str:
    """Return `a, b and c`, with at most `most` names."""
    names = list(names)
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def spell_value(value: Value, *, outermost: bool = False) -> str:
    """Return a value in terms of named values, such as `log(leaky_relu(x, slope=0))`.

    outermost: write the step even if the value has a name.
    """
    text = _spell(value, 0) if not outermost else _spell_step(value, 0)
    if len(text) <= LONGEST or value.primitive is None:
        return text
    return f"{value.primitive.name}({', '.join(name for one in value.inputs for name in nearest_names(one))})"


def _spell(value: Value, depth: int) -> str:
    if value.name is not None:
        return value.name
    return "..." if depth > 6 else _spell_step(value, depth)


def _spell_step(value: Value, depth: int) -> str:
    assert value.primitive is not None  # every input has a name
    name, inner = value.primitive.name, value.inputs
    if name == "constant":
        return _spell_constant(value.attributes["expression"], value.attributes.get("sizes"))
    operands = [_spell(operand, depth + 1) for operand in inner]
    if name in UNWRITTEN:
        return operands[0]
    if name in SIGNS:
        return f" {SIGNS[name]} ".join(map(_bracket, inner, operands))
    if name == "part":
        return f"{_bracket(inner[0], operands[0])}[{written_items(value.attributes['items'])}]"
    if name == "derivative":
        return f"{value.attributes['function']}'({operands[0]})"
    if name == "log_probability":
        operand = f"1 - {_bracket(inner[0], operands[0])}" if value.attributes["complement"] else operands[0]
        return f"log({operand})"
    if name == "power":
        return f"{_bracket(inner[0], operands[0])}^{_spell_constant(value.attributes['exponent'])}"
    settings = [
        f"{key}={_spell_constant(setting) if isinstance(setting, Expression) else setting}"
        for key, setting in value.attributes.items()
        if isinstance(setting, Expression | int) and not isinstance(setting, bool)
    ]
    return f"{name}({', '.join((*operands, *settings))})"


def _bracket(value: Value, text: str) -> str:
    """Return a text in brackets if it is an infix expression or negative."""
    loose = value.name is None and value.primitive is not None and value.primitive.name in {*SIGNS, "power"}
    return f"({text})" if loose or text.startswith("-") else text


def _spell_constant(expression: Expression, sizes: Any = None) -> str:
    try:
        return f"{evaluate(expression, sizes):.6g}"
    except ExpressionError:
        return expression.text or "..."
