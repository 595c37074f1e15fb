"""All that there is to remark of one answer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from compute.arithmetic.namespace import Array
from compute.differentiation import Differentiation, Gradients
from compute.evaluation import Evaluation
from compute.notes.diagnosis import diagnosed
from compute.notes.explanation import explained
from compute.notes.names import Names
from compute.notes.note import Note
from compute.notes.sites import backward, forward_site, spoiled_values
from compute.notes.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Observed:
    """Notes, and the names of all values and gradients that hold an entry that is not finite."""

    notes: list[Note] = field(default_factory=list)
    spoiled: set[str] = field(default_factory=set)
    spoiled_gradients: set[str] = field(default_factory=set)


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
        is_finite(found.totals[index]) for index in differentiation.watched if index in found.totals
    )
    if finite and finite_back and not diagnose:
        return Observed()
    spoiled = set() if finite else spoiled_values(evaluation, values)
    names = Names(evaluation, differentiation)
    tracing = Tracing(evaluation.arithmetic, found.slots or values)
    for index in sorted(spoiled):
        _trace(tracing, evaluation, names, index)
    spoiled_back: set[int] = set()
    if differentiation is not None and not finite_back:
        spoiled_back = {index for index, gradient in found.totals.items() if not is_finite(gradient)}
        tracing.make_room()
        for slot in differentiation.upstream.values():
            tracing.came_in(slot)
        for site in backward(differentiation):
            tracing.step(site)
    notes = explained(tracing, names) + _remarks(evaluation, values, spoiled, names)
    if diagnose:
        notes += diagnosed(evaluation, values, differentiation, found.totals, tracing, names)
    named = (evaluation.graph.values[index].name for index in sorted(spoiled))
    return Observed(
        notes,
        {name for name in named if name is not None},
        {str(evaluation.graph.values[index].name) for index in spoiled_back},
    )


def _trace(tracing: Tracing, evaluation: Evaluation, names: Names, index: int) -> None:
    value = evaluation.graph.values[index]
    if index in evaluation.known:
        tracing.came_in(index, may_be_infinite=value.may_be_infinite)
    else:
        owner = names.owners.get(index, value)
        tracing.step(forward_site(value), may_be_infinite=owner.may_be_infinite)


def _remarks(
    evaluation: Evaluation, values: Mapping[int, Array], spoiled: Collection[int], names: Names
) -> list[Note]:
    """What primitives say of operands that are not finite."""
    notes = []
    for value in evaluation.computed() if spoiled else ():
        primitive = value.primitive
        if primitive is None or primitive.remark is None or value.index not in values:
            continue
        if any(operand.index in spoiled for operand in value.inputs):
            operands = [values[operand.index] for operand in value.inputs]
            said = primitive.remark(evaluation.arithmetic, values[value.index], *operands, **value.attributes)
            if said is not None:
                notes.append(Note(said[0], names.owner(value.index), said[1]))
    return notes
