"""A namespace that wraps another and records where numbers stop being finite.

A step is run again through it, which shows where inside the step that happened, without any code in the
primitives' rules.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, ExpressionError
from compute.arithmetic.namespace import Arithmetic, Array
from compute.readings.notes.note import SIGNS, write_number

EACH = frozenset({
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "negative", "exp", "absolute", "sqrt",
    "power", "sigmoid", "softplus", "log", "log1p", "expm1", "erf", "normal_cdf", "sin", "cos", "tanh",
    "difference", "softmax_divide",
})  # fmt: skip
ALONG = frozenset({"sum", "exponentials"})
CONSTANT = "constant"  # infinite if its type cannot hold it
WATCHED = EACH | ALONG | {"matmul", CONSTANT}
TOTALS = frozenset({"sum", "matmul"})  # NaN if partial sums overflow in both directions
MOVING = frozenset({
    "solve", "max_shift", "where", "select", "places", "take", "scatter", "argmax", "greater",
    "greater_equal", "argsort", "floor", "rint", "round_to", "det", "elementary", "power_of", "remainder",
    "equal", "sign", "masked", "log_total", "balanced", "powers", "whole", "zeros", "one_hot",
})  # fmt: skip
"""Functions that never make finite numbers infinite, return NaN on purpose, or are the whole of a step, whose
hazard says why."""
OVERWRITING = frozenset({"difference", "softmax_divide"})
LOGARITHMS = frozenset({"log", "log1p"})


@dataclass(frozen=True, slots=True)
class NonFiniteEvent:
    """One call of a function of the namespace with a non-finite result.

    outlines: the result, see `Arithmetic.outlines`.
    fresh: which non-finite entries come from finite numbers only.
    became_nan: which entries are NaN that comes from infinities.
    """

    function: str
    operands: tuple[Any, ...]
    result: Array
    outlines: Array
    fresh: Array
    became_nan: Array

    def operands_at(self, index: tuple[int, ...]) -> tuple[Any, ...]:
        """Return the operands' entries behind one entry of the result; of many terms those that matter."""
        if self.function == CONSTANT:
            return (self.operands[0],)
        if self.function == "matmul":
            return self._factors(index)
        if self.function in ALONG:
            return self._terms(index)
        entries = []
        for one in self.operands:
            if isinstance(one, np.ndarray | np.generic):
                spread: Array = np.broadcast_to(one, self.result.shape)
                entries.append(spread[index])
            else:
                entries.append(one)
        return tuple(entries)

    def _line(self, index: tuple[int, ...]) -> Array:
        """Return the row that one entry of the result was reduced from."""
        a, axis = self.operands[0], int(self.operands[1])
        return np.asarray(np.moveaxis(a, axis, -1)[_without(index, axis, a.ndim)])

    def _terms(self, index: tuple[int, ...]) -> tuple[Any, ...]:
        line = self._line(index)
        if self.function == "exponentials":
            return (line[index[self.operands[1]]], line[_worst(line)])
        return _pair(line)

    def _factors(self, index: tuple[int, ...]) -> tuple[Any, ...]:
        a, b = self.operands
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        row: Array = np.broadcast_to(a, (*batch, *a.shape[-2:]))[index[:-1]]
        column: Array = np.broadcast_to(b, (*batch, *b.shape[-2:]))[index[:-2]][:, index[-1]]
        with np.errstate(all="ignore"):
            worst = _worst(_outlined(row) * _outlined(column))
        return row[worst], column[worst]

    def length(self, index: tuple[int, ...]) -> int:
        """Return the number of terms of one entry."""
        return int(self.operands[0].shape[-1]) if self.function == "matmul" else self._line(index).size

    def sentence(self, index: tuple[int, ...]) -> str:
        """Return the call in numbers at one entry: `log(0) = -Infinity`."""
        entries = self.operands_at(index)
        numbers = [write_number(one) if not isinstance(one, Expression) else _power(one) for one in entries]
        if self.function not in ("divide", "power"):  # only here the sign of 0 matters
            numbers = ["0" if one == "-0" else one for one in numbers]
        result = write_number(self.result[index])
        dots = ""
        if self.function == "matmul":
            left, dots = f"{numbers[0]} * {_bracketed(numbers[1])}", " + ..." * (self.length(index) > 1)
        elif self.function == "sum":
            left = " + ".join((numbers[0], *map(_bracketed, numbers[1:])))
            dots = " + ..." * (self.length(index) > len(numbers))
        elif self.function == "exponentials":
            left = f"exp({numbers[0]} - {_bracketed(numbers[1])})"
        elif self.function == "power":
            left = f"{_bracketed(numbers[0])}^{_bracketed(numbers[1])}"
        elif self.function in SIGNS:
            left = f"{numbers[0]} {SIGNS[self.function]} {_bracketed(numbers[1])}"
        elif self.function == CONSTANT:
            left = numbers[0]
        else:
            left = f"{self.function}({', '.join(numbers)})"
        return f"{left}{dots} = {result}"

    def is_overflow(self, index: tuple[int, ...]) -> bool:
        """Return whether an entry overflowed, or is NaN because partial sums of it did."""
        is_size = np.isinf(self.outlines[index]) or self.function in TOTALS
        if not is_size or not self.fresh[index] or self.function in LOGARITHMS:
            return False
        entries = self.operands_at(index)
        return not any(not isinstance(one, Expression) and one == 0 for one in entries)


def _power(exponent: Expression) -> str:
    try:
        return f"{evaluate(exponent):.6g}"
    except ExpressionError:
        return "..."


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number


def _outlined(entries: Array) -> Array:
    """Return numbers as floats; of exact ones only non-finite ones and 0, and 1 for all others."""
    if entries.dtype != object:
        return entries
    words = {"oo": np.inf, "-oo": -np.inf, "nan": np.nan, "0": 0.0}
    return np.array([words.get(str(one), 1.0) for one in entries.flat])


def _worst(entries: Array) -> int:
    """Return the index of the entry of a row that matters most: NaN, then the largest magnitude."""
    sizes = np.abs(_outlined(entries))
    return int(np.where(np.isnan(sizes), np.inf, sizes).argmax() if not np.isnan(sizes).any()
               else np.isnan(sizes).argmax())  # fmt: skip


def _pair(line: Array) -> tuple[Any, ...]:
    """Return all terms of a short sum; of a long one the largest two, or an infinity of each sign."""
    if line.size <= 3:
        return tuple(line)
    sizes = _outlined(line)
    if np.isfinite(sizes).all():
        first, second = sorted(np.argsort(-np.abs(sizes), kind="stable")[:2])
        return line[first], line[second]
    high, low = int(np.nanargmax(sizes)), int(np.nanargmin(sizes))
    return (line[high], line[low]) if sizes[high] > 0 > sizes[low] else (line[_worst(line)],)


def _without(index: tuple[int, ...], axis: int, rank: int) -> tuple[int, ...]:
    at = axis % rank
    return (*index[:at], *index[at + 1 :])


class NonFiniteRecorder:
    """An arithmetic namespace that records non-finite results.

    events: the recorded events, in order.
    is_blind: whether no recorded function was called, constants aside.
    """

    def __init__(self, arithmetic: Arithmetic) -> None:
        self._arithmetic = arithmetic
        self.events: list[NonFiniteEvent] = []
        self.is_blind = True

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._arithmetic, name)
        if name in WATCHED:
            return partial(self._record, name, function)
        return function

    def entrywise(self, rule: Callable[..., Array], *arrays: Array) -> Array:
        """Apply the rule to whole arrays, so that recorded indices are those of the whole."""
        return rule(*arrays)

    def along(self, rule: Callable[..., Array], axis: int, *arrays: Array) -> Array:
        """Apply the rule to whole arrays, as `entrywise` does."""
        return rule(axis, *arrays)

    def _record(self, name: str, function: Callable[..., Array], *operands: Any) -> Array:
        self.is_blind &= name == CONSTANT
        kept = [np.array(one) for one in operands] if name in OVERWRITING else operands
        result = function(*kept)
        outlines = np.asarray(self._arithmetic.outlines(np.asarray(result)))
        bad = ~np.isfinite(outlines)
        if bad.any():
            arrays = [one for one in operands if isinstance(one, np.ndarray | np.generic)]
            seen = [np.asarray(self._arithmetic.outlines(np.asarray(one))) for one in arrays]
            infinite = _reach(name, operands, [~np.isfinite(one) for one in seen], bad.shape)
            undefined = _reach(name, operands, [np.isnan(one) for one in seen], bad.shape)
            fresh, became_nan = bad & ~infinite, np.isnan(outlines) & infinite & ~undefined
            if fresh.any() or became_nan.any():
                self.events.append(
                    NonFiniteEvent(name, operands, np.asarray(result), outlines, fresh, became_nan)
                )
        return result

    def fresh_events(self) -> Iterator[NonFiniteEvent]:
        """Yield the events with non-finite entries that come from finite numbers."""
        return (one for one in self.events if one.fresh.any())

    def nan_events(self) -> Iterator[NonFiniteEvent]:
        """Yield the events that turned infinities into NaN."""
        return (one for one in self.events if one.became_nan.any())


def root_id(array: Any) -> int:
    """Return an id that an array shares with all its views."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return id(array)


def _reach(name: str, operands: tuple[Any, ...], marked: list[Array], shape: tuple[int, ...]) -> Array:
    """Return which entries of a result depend on marked entries of the operands."""
    if name == "matmul":
        rows = np.asarray(marked[0].any(axis=-1, keepdims=True))
        return np.broadcast_to(rows | marked[1].any(axis=-2, keepdims=True), shape)
    if name in ALONG:
        return np.broadcast_to(marked[0].any(axis=operands[1], keepdims=True), shape)
    found: Array = np.zeros(shape, dtype=bool)
    for one in marked:
        found = found | one
    return np.broadcast_to(found, shape)
