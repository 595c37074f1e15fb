"""What an exact answer has beside that of floats: LaTeX, approximations, and names for what repeats."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.question.answer import Answer, Plan
from compute.readings.closed_forms import approximation, each, latex, shared, symbol_written, text


def write_answer(answer: Answer, prepared: Plan, *, shares: bool = True) -> tuple[Answer, dict[str, Any]]:
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
        return approximation(arithmetic.in_full(entry))

    hidden = [name for name in defined if name not in first.values()]
    beside = [pair for name in hidden for pair in arithmetic.definition(name)]
    common, shorter = _name_repeated_parts(answer, [one for _, one in beside]) if shares else ([], answer)
    more: dict[str, Any] = {
        "approximations": _map_once(answer.values, approximated),
        "latex": {"values": _map_once(shorter.values, latex)},
    }
    if answer.gradients:
        more["gradient_approximations"] = _map_once(answer.gradients, approximated)
        more["latex"]["gradients"] = _map_once(shorter.gradients, latex)
    common = beside + common
    if common:
        more["common"] = [
            {
                "name": str(name),
                "expression": text(part),
                "latex": f"{symbol_written(str(name))} = {latex(part)}",
            }
            for name, part in common
        ]
    return _map_arrays(shorter, lambda array: each(array, text)), more


def _map_once(arrays: Mapping[str, Array], write: Callable[[Any], Any]) -> dict[str, Any]:
    write_once = _cache_by_array(lambda array: each(array, write).tolist())
    return {name: write_once(array) for name, array in arrays.items()}


def _cache_by_array(function: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """A function of arrays that is called once for an array that has several names."""
    found: dict[int, tuple[Array, Any]] = {}

    def call(array: Array) -> Any:
        if id(array) not in found:
            found[id(array)] = array, function(array)  # the array is held, so that its id stays its own
        return found[id(array)][1]

    return call


def _name_repeated_parts(answer: Answer, beside: list[Any]) -> tuple[list[tuple[Any, Any]], Answer]:
    """Repeated parts, and the answer in terms of them. beside: what else the answer shows."""
    arrays: list[Array] = []

    def noted(array: Array) -> Array:
        arrays.append(array)
        return array

    _map_arrays(answer, noted)
    common, reduced = shared(arrays, {symbol.name for one in beside for symbol in one.free_symbols})
    rest = iter(reduced)
    return common, _map_arrays(answer, lambda _: next(rest))


def _map_arrays(answer: Answer, change: Callable[[Array], Array]) -> Answer:
    """The answer with all its arrays changed, one after the other; each once."""
    change = _cache_by_array(change)

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
    return each(np.asarray(number), text).tolist()


def approximate(numbers: Any) -> Any:
    """Exact numbers, or objects of them, as floats; None where symbols are free."""
    if isinstance(numbers, Mapping):
        return {name: approximate(one) for name, one in numbers.items()}
    return each(np.asarray(numbers), approximation).tolist()


def as_latex(number: Any) -> Any:
    """An exact number as LaTeX, or an array of them as nested lists of it."""
    return each(np.asarray(number), latex).tolist()
