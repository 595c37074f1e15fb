"""All notes on the numbers of one answer."""

from collections.abc import Collection, Mapping, Sequence, Set
from typing import NamedTuple

import numpy as np

from compute.arithmetic.namespace import Array
from compute.readings.evaluation import Evaluation
from compute.readings.notes.diagnosis import diagnose_run
from compute.readings.notes.explanation import explain
from compute.readings.notes.names import Names
from compute.readings.notes.note import Note
from compute.readings.notes.sites import backward_steps, find_nonfinite_values, make_forward_step
from compute.readings.notes.tracing import Tracing
from compute.readings.reverse_mode import Differentiation, Gradients


class Observed(NamedTuple):
    """Notes, and the names of all values and gradients that hold an entry that is not finite.

    tracing: the origins of these entries, if there are any.
    """

    notes: Sequence[Note] = ()
    spoiled: Set[str] = frozenset()
    spoiled_gradients: Set[str] = frozenset()
    tracing: Tracing | None = None


NOTHING_OBSERVED = Observed()


def observe(
    evaluation: Evaluation,
    values: Mapping[int, Array],
    sentinels: Collection[int],
    differentiation: Differentiation | None,
    gradients: Gradients,
) -> Observed:
    """Return the notes on a run.

    sentinels: indices of values that are all finite only if every value is (see `Evaluation.sentinels`).
    """
    is_finite = evaluation.arithmetic.is_finite
    finite = all(is_finite(values[index]) for index in sentinels)
    finite_back = differentiation is None or all(
        is_finite(gradients.totals[index]) for index in differentiation.sentinels if index in gradients.totals
    )
    if finite and finite_back:
        return NOTHING_OBSERVED
    spoiled = [] if finite else find_nonfinite_values(evaluation, values)
    names = Names(evaluation, differentiation)
    tracing = Tracing(evaluation.arithmetic, gradients.slots or values)
    if not finite_back or not all(_is_masked(evaluation, values, index) for index in spoiled):
        for index in spoiled:
            _trace(tracing, evaluation, names, index)
    spoiled_back: list[int] = []
    if differentiation is not None and not finite_back:
        spoiled_back = [index for index, gradient in gradients.totals.items() if not is_finite(gradient)]
        tracing.allow_more_origins()
        for slot in differentiation.upstream.values():
            tracing.receive(slot)
        for step in backward_steps(differentiation):
            tracing.follow(step)
    notes = explain(tracing, names) + _remarks(evaluation, values, set(spoiled), names)
    return Observed(notes, set(names.list_values(spoiled)), set(names.list_values(spoiled_back)), tracing)


def diagnose(
    evaluation: Evaluation,
    differentiation: Differentiation | None,
    values: Mapping[int, Array],
    found: Gradients,
    observed: Observed,
) -> list[Note]:
    """Return notes on numbers that are finite but unreliable."""
    tracing = observed.tracing or Tracing(evaluation.arithmetic, found.slots or values)
    names = Names(evaluation, differentiation)
    return diagnose_run(evaluation, values, differentiation, found.totals, tracing, names)


def _is_masked(evaluation: Evaluation, values: Mapping[int, Array], index: int) -> bool:
    """Return whether a value's only non-finite entries are intended -infinities, which need no tracing."""
    outlines = evaluation.arithmetic.outlines(values[index])
    is_unintended = np.isnan(outlines).any() or (outlines == np.inf).any()
    return evaluation.graph.values[index].may_be_infinite and not is_unintended


def _trace(tracing: Tracing, evaluation: Evaluation, names: Names, index: int) -> None:
    value = evaluation.graph.values[index]
    if index in evaluation.known:
        tracing.receive(index, may_be_infinite=value.may_be_infinite)
    else:
        tracing.follow(make_forward_step(value), may_be_infinite=names.step_of(value).may_be_infinite)


def _remarks(
    evaluation: Evaluation, values: Mapping[int, Array], spoiled: Collection[int], names: Names
) -> list[Note]:
    """Return the primitives' own notes on non-finite operands."""
    notes: list[Note] = []
    if not spoiled:
        return notes
    for value in evaluation.graph.values:
        primitive = value.primitive
        if primitive is None or primitive.remark is None or value.index not in values:
            continue
        if value.index not in evaluation.known and any(operand.index in spoiled for operand in value.inputs):
            operands = [values[operand.index] for operand in value.inputs]
            result = values[value.index]
            remark = primitive.remark(evaluation.arithmetic, result, *operands, **value.attributes)
            if remark is not None:
                code, message = remark
                notes.append(Note(code, names.owner_name(value.index), message))
    return notes
