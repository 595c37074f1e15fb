"""Write exact answers: entries as text, with LaTeX, approximations, and names for repeated parts."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.question.answer import Answer, Plan
from compute.readings.closed_forms import approximate as approximate_entry
from compute.readings.closed_forms import map_entries, name_repeated, write_latex, write_symbol, write_text
from service.questions.readings import map_arrays


def write_answer(answer: Answer, plan: Plan, *, shares: bool = True) -> tuple[Answer, dict[str, Any]]:
    """Return the answer with entries as text, and the further fields of an exact answer.

    `common` defines abbreviated values that the answer does not return.

    shares: whether `common` also defines names for parts that repeat in long entries.
    """
    arithmetic: Any = plan.evaluation.arithmetic
    first = {name: str(plan.graph.names[name].name) for name in answer.values}
    defined = arithmetic.definitions
    written = {id(answer.values[name]): defined[own] for name, own in first.items() if own in defined}
    answer = replace(
        answer,
        values={name: written.get(id(array), array) for name, array in answer.values.items()},
        parts=map_arrays(answer.parts, lambda array: written.get(id(array), array)),
    )

    def approximate_in_full(entry: Any) -> float | str | None:
        return approximate_entry(arithmetic.in_full(entry))

    hidden = [name for name in defined if name not in first.values()]
    definitions = [pair for name in hidden for pair in arithmetic.definition(name)]
    if shares:
        common, shorter = _name_repeated_parts(answer, [expression for _, expression in definitions])
    else:
        common, shorter = [], answer
    more: dict[str, Any] = {
        "approximations": _map_once(answer.values, approximate_in_full),
        "latex": {"values": _map_once(shorter.values, write_latex)},
    }
    if answer.gradients:
        more["gradient_approximations"] = _map_once(answer.gradients, approximate_in_full)
        more["latex"]["gradients"] = _map_once(shorter.gradients, write_latex)
    common = definitions + common
    if common:
        more["common"] = [
            {
                "name": str(name),
                "expression": write_text(part),
                "latex": f"{write_symbol(str(name))} = {write_latex(part)}",
            }
            for name, part in common
        ]
    return _map_arrays(shorter, lambda array: map_entries(array, write_text)), more


def _map_once(arrays: Mapping[str, Array], write: Callable[[Any], Any]) -> dict[str, Any]:
    write_once = _cache_by_array(lambda array: map_entries(array, write).tolist())
    return {name: write_once(array) for name, array in arrays.items()}


def _cache_by_array(function: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """Return the function with a cache, so that it is called once for an array with several names."""
    cache: dict[int, tuple[Array, Any]] = {}

    def call(array: Array) -> Any:
        if id(array) not in cache:
            cache[id(array)] = array, function(array)  # the reference keeps the id from being reused
        return cache[id(array)][1]

    return call


def _name_repeated_parts(answer: Answer, definitions: list[Any]) -> tuple[list[tuple[Any, Any]], Answer]:
    """Return names with the repeated parts that they stand for, and the answer in terms of these names.

    definitions: further expressions of the answer, whose symbols must not be used as names.
    """
    arrays: list[Array] = []

    def collect(array: Array) -> Array:
        arrays.append(array)
        return array

    _map_arrays(answer, collect)
    used = {symbol.name for expression in definitions for symbol in expression.free_symbols}
    common, reduced = name_repeated(arrays, used)
    rest = iter(reduced)
    return common, _map_arrays(answer, lambda _: next(rest))


def _map_arrays(answer: Answer, change: Callable[[Array], Array]) -> Answer:
    """Return the answer with a function applied to each distinct array, always in the same order."""
    change = _cache_by_array(change)

    return replace(
        answer,
        values=map_arrays(answer.values, change),
        gradients=map_arrays(answer.gradients, change),
        contributions=map_arrays(answer.contributions, change),
        parts=map_arrays(answer.parts, change),
    )


def as_text(number: Any) -> Any:
    """Return an exact number as text, or an array of exact numbers as nested lists of text."""
    return map_entries(np.asarray(number), write_text).tolist()


def approximate(numbers: Any) -> Any:
    """Return exact numbers as floats, in the same nesting; None for an entry with free symbols."""
    if isinstance(numbers, Mapping):
        return {name: approximate(entries) for name, entries in numbers.items()}
    return map_entries(np.asarray(numbers), approximate_entry).tolist()


def as_latex(number: Any) -> Any:
    """Return an exact number as LaTeX, or an array of exact numbers as nested lists of LaTeX."""
    return map_entries(np.asarray(number), write_latex).tolist()
