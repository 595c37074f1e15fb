"""All that there is to remark of one answer."""

from collections.abc import Collection, Mapping, Sequence, Set
from typing import NamedTuple

import numpy as np

from compute.arithmetic.namespace import Array
from compute.readings.evaluation import Evaluation
from compute.readings.notes.diagnosis import diagnosed
from compute.readings.notes.explanation import explained
from compute.readings.notes.names import Names
from compute.readings.notes.note import Note
from compute.readings.notes.sites import backward, forward_site, spoiled_values
from compute.readings.notes.tracing import Tracing
from compute.readings.reverse_mode import Differentiation, Gradients


class Observed(NamedTuple):
    """Notes, and the names of all values and gradients that hold an entry that is not finite."""

    notes: Sequence[Note] = ()
    spoiled: Set[str] = frozenset()
    spoiled_gradients: Set[str] = frozenset()


NOTHING = Observed()


def observe(
    evaluation: Evaluation,
    values: Mapping[int, Array],
    watched: Collection[int],
    differentiation: Differentiation | None,
    found: Gradients,
    *,
    diagnose: bool = False,
) -> Observed:
    """What there is to remark of a run. Where all numbers are finite, the few that are watched show it."""
    is_finite = evaluation.arithmetic.is_finite
    finite = all(is_finite(values[index]) for index in watched)
    finite_back = differentiation is None or all(
        is_finite(found.totals[index]) for index in differentiation.sentinels if index in found.totals
    )
    if finite and finite_back and not diagnose:
        return NOTHING
    spoiled = [] if finite else spoiled_values(evaluation, values)
    names = Names(evaluation, differentiation)
    tracing = Tracing(evaluation.arithmetic, found.slots or values)
    if not finite_back or not all(_is_masked(evaluation, values, index) for index in spoiled):
        for index in spoiled:
            _trace(tracing, evaluation, names, index)
    spoiled_back: list[int] = []
    if differentiation is not None and not finite_back:
        spoiled_back = [index for index, gradient in found.totals.items() if not is_finite(gradient)]
        tracing.make_room()
        for slot in differentiation.upstream.values():
            tracing.came_in(slot)
        for site in backward(differentiation):
            tracing.step(site)
    notes = explained(tracing, names) + _remarks(evaluation, values, set(spoiled), names)
    if diagnose:
        notes += diagnosed(evaluation, values, differentiation, found.totals, tracing, names)
    return Observed(notes, set(names.of_values(spoiled)), set(names.of_values(spoiled_back)))


def _is_masked(evaluation: Evaluation, values: Mapping[int, Array], index: int) -> bool:
    """Whether a value is infinite only as it is meant to be: then there is nothing to trace."""
    outlines = evaluation.arithmetic.outlines(values[index])
    never = np.isnan(outlines).any() or (outlines == np.inf).any()
    return evaluation.graph.values[index].may_be_infinite and not never


def _trace(tracing: Tracing, evaluation: Evaluation, names: Names, index: int) -> None:
    value = evaluation.graph.values[index]
    if index in evaluation.known:
        tracing.came_in(index, may_be_infinite=value.may_be_infinite)
    else:
        tracing.step(forward_site(value), may_be_infinite=names.step(value).may_be_infinite)


def _remarks(
    evaluation: Evaluation, values: Mapping[int, Array], spoiled: Collection[int], names: Names
) -> list[Note]:
    """What primitives say of operands that are not finite."""
    notes: list[Note] = []
    if not spoiled:
        return notes
    for value in evaluation.graph.values:
        primitive = value.primitive
        if primitive is None or primitive.remark is None or value.index not in values:
            continue
        if value.index not in evaluation.known and any(one.index in spoiled for one in value.inputs):
            operands = [values[operand.index] for operand in value.inputs]
            said = primitive.remark(evaluation.arithmetic, values[value.index], *operands, **value.attributes)
            if said is not None:
                notes.append(Note(said[0], names.owner(value.index), said[1]))
    return notes
