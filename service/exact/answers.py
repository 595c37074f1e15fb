"""What an exact answer has beside that of floats: LaTeX, approximations, and names for what repeats."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.question.answer import Answer, Plan
from compute.readings.closed_forms import (
    approximate,
    map_entries,
    name_repeated,
    write_latex,
    write_symbol,
    write_text,
)


def written(answer: Answer, prepared: Plan, *, shares: bool = True) -> tuple[Answer, dict[str, Any]]:
    """Write the answer as text in the place of numbers, with what stands beside it.

    Values that are abbreviated and not returned stand beside it under their names, and if it shares, so do
    parts that repeat in long entries.
    """
    arithmetic: Any = prepared.evaluation.arithmetic
    first = {name: str(prepared.graph.names[name].name) for name in answer.values}
    defined = arithmetic.definitions
    answer = replace(
        answer, values={name: defined.get(first[name], one) for name, one in answer.values.items()}
    )

    def approximated(entry: Any) -> float | str | None:
        return approximate(arithmetic.in_full(entry))

    hidden = [name for name in defined if name not in first.values()]
    beside = [pair for name in hidden for pair in arithmetic.definition(name)]
    common, shorter = _named(answer, [one for _, one in beside]) if shares else ([], answer)
    more: dict[str, Any] = {
        "approximations": _mirrored(answer.values, approximated),
        "latex": {"values": _mirrored(shorter.values, write_latex)},
    }
    if answer.gradients:
        more["gradient_approximations"] = _mirrored(answer.gradients, approximated)
        more["latex"]["gradients"] = _mirrored(shorter.gradients, write_latex)
    common = beside + common
    if common:
        more["common"] = [
            {
                "name": str(name),
                "expression": write_text(part),
                "latex": f"{write_symbol(str(name))} = {write_latex(part)}",
            }
            for name, part in common
        ]
    return _changed(shorter, lambda array: map_entries(array, write_text)), more


def _mirrored(arrays: Mapping[str, Array], write: Callable[[Any], Any]) -> dict[str, Any]:
    write_once = _once(lambda array: map_entries(array, write).tolist())
    return {name: write_once(array) for name, array in arrays.items()}


def _once(function: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """A function of arrays that is called once for an array that has several names."""
    found: dict[int, tuple[Array, Any]] = {}

    def call(array: Array) -> Any:
        if id(array) not in found:
            found[id(array)] = array, function(array)  # the array is held, so that its id stays its own
        return found[id(array)][1]

    return call


def _named(answer: Answer, beside: list[Any]) -> tuple[list[tuple[Any, Any]], Answer]:
    """Repeated parts, and the answer in terms of them. beside: what else the answer shows."""
    arrays: list[Array] = []

    def noted(array: Array) -> Array:
        arrays.append(array)
        return array

    _changed(answer, noted)
    common, reduced = name_repeated(arrays, {symbol.name for one in beside for symbol in one.free_symbols})
    rest = iter(reduced)
    return common, _changed(answer, lambda _: next(rest))


def _changed(answer: Answer, change: Callable[[Array], Array]) -> Answer:
    """The answer with all its arrays changed, one after the other; each once."""
    change = _once(change)

    def each_of(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: change(array) for name, array in arrays.items()}

    return replace(
        answer,
        values=each_of(answer.values),
        gradients=each_of(answer.gradients),
        contributions={name: each_of(parts) for name, parts in answer.contributions.items()},
        jacobians=[
            replace(one, value=change(one.value), contributions=each_of(one.contributions))
            for one in answer.jacobians
        ],
    )


def as_text(number: Any) -> Any:
    """An exact number as text, or an array of them as nested lists of it."""
    return map_entries(np.asarray(number), write_text).tolist()


def approximated(numbers: Any) -> Any:
    """Exact numbers, or objects of them, as floats; None where symbols are free."""
    if isinstance(numbers, Mapping):
        return {name: approximated(one) for name, one in numbers.items()}
    return map_entries(np.asarray(numbers), approximate).tolist()


def as_latex(number: Any) -> Any:
    """An exact number as LaTeX, or an array of them as nested lists of it."""
    return map_entries(np.asarray(number), write_latex).tolist()
