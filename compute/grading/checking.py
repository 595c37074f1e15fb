"""Checks of a rubric before a class meets it.

A mistake is hidden if the inputs of the question make its numbers those of the right answer: d_k = 1 hides
every scale, symmetric scores hide an exchange of queries and keys, an upstream gradient of zeros hides all
gradients.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import UnfitEntries
from compute.grading.comparison import FLOATS, are_floats
from compute.grading.computations import Computation, Slot
from compute.grading.explanations import Explanations, Variant
from compute.grading.marking import TOLD_APART
from compute.grading.rubrics import Rubric

MAX_TRIED = 60  # changes of single entries that are tried for a hidden mistake
CHANGES = (1.0, 0.5, -0.5)
VANISHING = 1e-8  # of the largest input: a value this small has no usable digits
SAME = 1e-9  # relative difference of numbers that nobody can tell apart


@dataclass(frozen=True, slots=True)
class Finding:
    """One weakness of a rubric or of its question.

    code: public; at: the name or the mistake it is about; details: further fields.
    """

    code: str
    at: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


def check_inputs(
    computation: Computation,
    explanations: Explanations,
    rubric: Rubric,
    inputs: Mapping[str, Array],
) -> list[Finding]:
    """Return what the inputs of a question hide.

    inputs: the tensors that may be changed, by name.
    """
    slots = [slot for slot in computation.slots if not rubric.marks or slot in rubric.marks]
    findings = list(_find_vanishing(computation, slots, inputs))
    shown: dict[str, Mapping[Slot, Array]] = {}
    for variant in explanations.mistakes:
        other = variant.computation
        if other is None:
            continue
        mistake = variant.mistakes[0]
        apart = largest_distance(computation, other, slots, rubric)
        if apart is None:
            continue  # it changes nothing that has marks
        if apart >= TOLD_APART:
            shown[mistake.code] = other.results()
        elif apart > SAME:
            message = "the tolerance is so coarse that this mistake is not told from the right answer"
            findings.append(Finding("tolerance_hides_mistake", mistake.code, message, {"note": mistake.note}))
        else:
            findings.append(_describe_hidden(computation, variant, slots, rubric, inputs))
    return findings + list(_find_alike(shown, slots))


def largest_distance(
    computation: Computation, other: Computation, slots: Sequence[Slot], rubric: Rubric
) -> float | None:
    """Return the largest distance between two computations, in allowed deviations.

    None if the other one cannot differ in any of the slots.
    """
    distances = []
    right, wrong = computation.results(), other.results()
    for slot in slots:
        if slot not in wrong or not other.affects(slot, frozenset()):
            continue
        if not are_floats(right[slot], wrong[slot]) or right[slot].shape != wrong[slot].shape:
            distances.append(TOLD_APART if not np.array_equal(right[slot], wrong[slot]) else 0.0)
            continue
        allowed = FLOATS.allowed(right[slot], rubric.tolerance_of(slot))
        with np.errstate(all="ignore"):
            apart = np.abs(right[slot] - wrong[slot])
            ratio = np.where(apart <= SAME * np.abs(right[slot]), 0.0, apart / allowed)
        ratio = np.where(np.isfinite(right[slot]) == np.isfinite(wrong[slot]), np.nan_to_num(ratio), np.inf)
        distances.append(float(ratio.max(initial=0.0)))
    return max(distances, default=None)


def _describe_hidden(
    computation: Computation,
    variant: Variant,
    slots: Sequence[Slot],
    rubric: Rubric,
    inputs: Mapping[str, Array],
) -> Finding:
    mistake = variant.mistakes[0]
    change = _find_change(computation, variant, slots, rubric, inputs)
    if change is None:
        message = "these inputs hide this mistake, and no change of one entry shows it: change the sizes"
        return Finding("hidden_mistake", mistake.code, message, {"note": mistake.note})
    message = f"these inputs hide this mistake; another entry of {change['input']} shows it"
    return Finding("hidden_mistake", mistake.code, message, {"note": mistake.note, "change": change})


def _find_change(
    computation: Computation,
    variant: Variant,
    slots: Sequence[Slot],
    rubric: Rubric,
    inputs: Mapping[str, Array],
) -> dict[str, Any] | None:
    """Return a change of one entry that shows a mistake, the smallest of those that are tried."""
    other = variant.computation
    assert other is not None
    for place, (name, at, by) in enumerate(_changes(inputs)):
        if place == MAX_TRIED:
            return None
        changed = inputs[name].copy()
        changed[at] += by
        try:
            right, wrong = (each.with_inputs({name: changed}) for each in (computation, other))
            apart = largest_distance(right, wrong, slots, rubric)
        except UnfitEntries:
            continue
        if apart is not None and apart >= TOLD_APART:
            return {"input": name, "at": list(at), "by": by}
    return None


def _changes(inputs: Mapping[str, Array]) -> Iterator[tuple[str, tuple[int, ...], float]]:
    """Yield changes of single entries: the first entries of every input first."""
    floats = {name: array for name, array in inputs.items() if are_floats(array)}
    longest = max((array.size for array in floats.values()), default=0)
    for by in CHANGES:
        for place in range(min(longest, MAX_TRIED)):
            for name, array in floats.items():
                if place < array.size:
                    yield name, tuple(int(index) for index in np.unravel_index(place, array.shape)), by


def _find_alike(shown: Mapping[str, Mapping[Slot, Array]], slots: Sequence[Slot]) -> Iterator[Finding]:
    """Yield groups of mistakes that give the same numbers."""
    groups: dict[bytes, list[str]] = {}
    for code, results in shown.items():
        parts = [
            np.round(results[slot], 9).tobytes()
            for slot in slots
            if slot in results and are_floats(results[slot])
        ]
        groups.setdefault(b"".join(parts), []).append(code)
    for codes in groups.values():
        if len(codes) > 1:
            message = "these mistakes give the same numbers here, so that all of them are named"
            yield Finding("mistakes_alike", codes[0], message, {"codes": codes})


def _find_vanishing(
    computation: Computation, slots: Sequence[Slot], inputs: Mapping[str, Array]
) -> Iterator[Finding]:
    """Yield values that are zero, or so small that only rounding is left."""
    largest = max((float(np.abs(array).max(initial=0.0)) for array in inputs.values() if are_floats(array)),
                  default=1.0)  # fmt: skip
    for slot in slots:
        result = computation.results()[slot]
        if are_floats(result) and result.size and np.abs(np.nan_to_num(result)).max() <= VANISHING * largest:
            name = slot.name if slot.of == "value" else f"the gradient of {slot.name}"
            message = f"{name} is zero up to rounding, so that an answer of zeros gets its marks"
            yield Finding("vanishing", slot.name, message, {"of": slot.of})
