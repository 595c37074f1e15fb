"""Constraints on a variant: each is checked on its computed values and has a name that failures count."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from compute.arithmetic.namespace import Array
from compute.grading.checking import largest_distance
from compute.grading.computations import Computation, Slot
from compute.grading.explanations import Variant
from compute.grading.marking import TOLD_APART
from compute.grading.rubrics import Rubric
from compute.variants.measures import FEW, has_few_digits, measure

Inputs = Mapping[str, Array]
Check = Callable[[Any, Inputs], bool]
"""Takes the computation of a variant and its varied inputs."""
NamedValues = Callable[[Any], Iterator[tuple[str, Array]]]
"""Returns the values of a computation by name."""
WITHIN = 2.0  # factor by which the largest number may differ from the template's


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition on a variant. name: public."""

    name: str
    holds: Check


@dataclass(frozen=True, slots=True)
class Wanted:
    """The constraints that a request asks for.

    friendly: the most significant digits of values before functions with endless digits; 0 for any.
    integer_norms: inputs whose rows, along the last axis, have lengths that are integers.
    distinguishes: the known mistakes that have to be told apart: those that the template tells apart, all,
        none, or some codes.
    like_template: whether the difficulty has to be the template's.
    """

    friendly: int = 0
    integer_norms: tuple[str, ...] = ()
    no_ties: bool = False
    no_saturation: bool = False
    like_template: bool = True
    distinguishes: Literal["template", "all", "none"] | tuple[str, ...] = "template"


def none_further(template: Any) -> Iterator[Constraint]:
    """Yield no constraint."""
    return iter(())


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of computation, as constraints look at it.

    values: returns the computed numbers by name.
    friendly_names: returns the names of the values that are to have few digits.
    has_ties: whether an entry meets a kink, or two entries share a maximum.
    is_saturated: whether the output of a gate is at its bound.
    further: yields constraints that always hold.
    like_template: yields bounds of difficulty beside digits, size and saturation.
    """

    values: NamedValues
    friendly_names: Callable[[Any], Collection[str]]
    has_ties: Callable[[Any], bool]
    is_saturated: Callable[[Any], bool]
    further: Callable[[Any], Iterator[Constraint]] = none_further
    like_template: Callable[[Any], Iterator[Constraint]] = none_further


def list_constraints(
    kind: Kind, wanted: Wanted, template: Computation, mistakes: Sequence[Variant], rubric: Rubric
) -> Iterator[Constraint]:
    """Yield the constraints on variants of a template, the cheap ones first."""
    for name in wanted.integer_norms:
        yield Constraint(f"integer_norms:{name}", partial(_has_integer_norms, name))
    yield _constrain_finite(template, kind.values)
    yield from kind.further(template)
    if wanted.friendly:
        names, digits = kind.friendly_names(template), wanted.friendly
        yield Constraint("friendly", lambda computation, _: all(
            has_few_digits(array, digits)
            for name, array in kind.values(computation) if name in names))  # fmt: skip
    if wanted.like_template:
        yield from _constrain_difficulty(template, kind.values)
        yield from kind.like_template(template)
        if not kind.is_saturated(template):
            yield Constraint(
                "difficulty:saturation", lambda computation, _: not kind.is_saturated(computation)
            )
    if wanted.no_ties:
        yield Constraint("no_ties", lambda computation, _: not kind.has_ties(computation))
    if wanted.no_saturation:
        yield Constraint("no_saturation", lambda computation, _: not kind.is_saturated(computation))
    yield from _constrain_mistakes(wanted, template, mistakes, rubric)


def short_names(template: Computation, values: NamedValues) -> set[str]:
    """Return the names of the values that have few digits in the template."""
    return {name for name, array in values(template) if has_few_digits(array, FEW)}


def _constrain_finite(template: Computation, values: NamedValues) -> Constraint:
    """Return the constraint that every value is finite that is so in the template."""
    finite = {name for name, array in values(template) if np.isfinite(array).all()}

    def check(computation: Any, _: Inputs) -> bool:
        found = {name for name, array in values(computation) if np.isfinite(array).all()}
        return finite <= found

    return Constraint("finite", check)


def _constrain_difficulty(template: Computation, values: NamedValues) -> Iterator[Constraint]:
    """Yield the bounds of difficulty: digits of values that are short in the template, and sizes."""
    short = short_names(template, values)
    digits = measure(array for name, array in values(template) if name in short).significant_digits
    largest = measure(array for _, array in values(template)).largest
    yield Constraint("difficulty:digits", lambda computation, _: all(
        has_few_digits(array, digits) for name, array in values(computation) if name in short))  # fmt: skip
    yield Constraint("difficulty:size", lambda computation, _: (
        largest / WITHIN <= measure(array for _, array in values(computation)).largest
        <= largest * WITHIN))  # fmt: skip


def _constrain_mistakes(
    wanted: Wanted, template: Computation, mistakes: Sequence[Variant], rubric: Rubric
) -> Iterator[Constraint]:
    """Yield a constraint for each known mistake that has to be told from the right answer."""
    for variant in mistakes:
        code = variant.mistakes[0].code
        if _is_wanted(code, variant, wanted, template, rubric):
            yield Constraint(f"distinguishes:{code}", _tells_apart(variant, rubric))


def _has_integer_norms(name: str, _: Any, inputs: Inputs) -> bool:
    array = inputs[name]
    norms = np.sqrt((array * array).sum(axis=-1))
    return bool((np.abs(norms - np.round(norms)) <= 1e-9).all())


def _tells_apart(variant: Variant, rubric: Rubric) -> Check:
    def check(computation: Computation, inputs: Inputs) -> bool:
        if variant.computation is None:  # it cannot be made in these shapes
            return False
        other = variant.computation.with_inputs(inputs)
        apart = largest_distance(computation, other, _marked(computation, rubric), rubric)
        return apart is not None and apart >= TOLD_APART

    return check


def _marked(computation: Computation, rubric: Rubric) -> list[Slot]:
    return [slot for slot in computation.slots if not rubric.marks or slot in rubric.marks]


def _is_wanted(code: str, variant: Variant, wanted: Wanted, template: Computation, rubric: Rubric) -> bool:
    other, codes = variant.computation, wanted.distinguishes
    if isinstance(codes, tuple):
        return code in codes
    if other is None or codes == "none":
        return False
    apart = largest_distance(template, other, _marked(template, rubric), rubric)
    if codes == "template":
        return apart is not None and apart >= TOLD_APART
    return apart is not None
