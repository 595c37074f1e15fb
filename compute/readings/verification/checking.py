"""Compare gradients and Jacobians with finite differences: plan which values and entries to perturb, within a
budget, and judge the results.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from typing import TypeVar

import numpy as np

from compute.arithmetic.complex_step import COMPLEX_STEP
from compute.arithmetic.floating import FLOAT64, Floating
from compute.arithmetic.namespace import Arithmetic, Array
from compute.arithmetic.perturbed import rounding_unit
from compute.budgets.planning import look_through
from compute.dimensions import product
from compute.errors import UnfitEntries
from compute.graph.graph import Graph
from compute.readings.evaluation import Evaluation
from compute.readings.verification.differences import EVALUATIONS, MEASURED, USUAL
from compute.readings.verification.evidence import Check, JacobianCheck
from compute.readings.verification.judging import Standard, nothing_to_compare
from compute.readings.verification.probing import Comparison, Probe, compare_with_slopes
from compute.readings.verification.rounding import RUNS, TIMES, Again, Rounded
from compute.readings.verification.targets import STEP, Target, Traits, numeric_size, weight_of

Found = TypeVar("Found")


def _standard(kind: str, tolerance: float, near: float) -> Standard:
    numbers = np.finfo(kind)
    return Standard(tolerance, near, float(numbers.eps), float(numbers.tiny / numbers.eps))


STANDARDS = {"float64": _standard("float64", 1e-6, 1e-7), "float32": _standard("float32", 1e-3, 1e-4)}
SAMPLES = (64, 16, 4, 1, 0)  # entries checked one by one: the largest number within the budget is taken
MOST = EVALUATIONS + TIMES * (MEASURED + 1)  # evaluations that one slope takes at most
BUDGET = 1_000_000_000  # elementary operations that all slopes together usually take
WHOLE = 2.0**53  # up to here floats hold every integer
FOLLOWED = 2  # passes over a graph's instructions for each perturbed value
TARGET, INSTRUCTION, REFERENCE = 400, 220, 8  # bytes of a plan's parts


@dataclass(frozen=True, slots=True)
class Doubted:
    """A gradient compared with slopes, and the verdict."""

    probe: Probe
    comparison: Comparison
    standard: Standard
    check: Check

    def is_against(self) -> bool:
        return "disagrees" in (self.check.verdict, self.check.direction)

    def rejudged(self) -> "Doubted":
        """Return it with the verdict on the comparison as it is now."""
        return replace(self, check=self.comparison.judge(self.standard))


class GradientChecks:
    """The plan of comparing gradients and Jacobians with finite differences, in float64.

    arithmetic: a float64 namespace.
    budget: see `BUDGET`.
    kind: the dtype of the answer; None for exact numbers.
    sample: how many entries of each value are checked one by one, at most.
    """

    def __init__(
        self,
        graph: Graph,
        known: Iterable[int],
        seeds: Sequence[int],
        differentiated: Iterable[str],
        jacobians: Iterable[tuple[str, str]],
        arithmetic: Arithmetic = FLOAT64,
        budget: int = BUDGET,
        kind: str | None = None,
    ) -> None:
        self.graph, self.jacobian_names, self.kind = graph, list(jacobians), kind
        self.evaluation = Evaluation(graph, arithmetic, frozenset(known))
        self.seeds = tuple(index for index in seeds if self.evaluation.reachable[index])
        self.evaluation.request(
            [*seeds, *(graph.names[one].index for pair in self.jacobian_names for one in pair)]
        )
        names: dict[int, list[str]] = {}
        for name in differentiated:
            names.setdefault(graph.names[name].index, []).append(name)
        self.evaluation.request(names)
        self.traits = Traits(graph)
        hidden = self._ancestors_of([index for index in seeds if not self.evaluation.reachable[index]])
        self.gradients = [
            self._target(index, tuple(same), self.seeds, index in hidden) for index, same in names.items()
        ]
        self.jacobians = [
            self._target(graph.names[wrt].index, (of, wrt), (graph.names[of].index,))
            for of, wrt in self.jacobian_names
        ]
        fitting = (many for many in SAMPLES if USUAL * self._total(many, weight_of) <= budget)
        self.sample = next(fitting, SAMPLES[-1])
        self.work = MOST * self._total(self.sample, lambda target: target.work)

    @property
    def held(self) -> int:
        """An estimate of the bytes of the plan."""
        targets = [*self.gradients, *self.jacobians]
        held = sum(len(one.instructions) for one in targets) + len(self.graph.values)
        return REFERENCE * held + TARGET * len(targets) + INSTRUCTION * len(self.evaluation.instructions)

    def _ancestors_of(self, indices: Collection[int]) -> set[int]:
        """Return the values from which one of these is reached without passing a known value."""
        ancestors = set(indices)
        for value in reversed(self.graph.values if ancestors else ()):
            if value.index in ancestors and value.index not in self.evaluation.known:
                ancestors.update(operand.index for operand in value.inputs)
        return ancestors

    def _target(
        self, index: int, names: tuple[str, ...], outputs: tuple[int, ...], hidden: bool = False
    ) -> Target:
        look_through(FOLLOWED * len(self.evaluation.instructions))
        instructions = [] if hidden else self.evaluation.instructions_after(index, outputs)
        entries = sum(numeric_size(product(self.graph.values[one].shape)) for one in outputs)
        size = numeric_size(product(self.graph.values[index].shape))
        behind = [self.traits.of(one) for one, *_ in instructions]
        beside = 4 * entries + size + 10 * STEP
        work = sum(one[0] for one in behind) + beside
        counted = sum(one[1] for one in behind) + beside
        excuse = next((one[2] for one in behind if one[2]), None)
        smooth = all(one[3] for one in behind)
        return Target(index, names, instructions, outputs, work, counted, size, hidden, excuse, smooth)

    def _total(self, many: int, spent: Callable[[Target], int]) -> int:
        """Return the cost of one evaluation for each checked entry and each direction, together."""
        targets = [*self.gradients, *self.jacobians]
        entries = sum(min(one.size, many) * spent(one) for one in targets)
        return entries + sum(spent(one) for one in targets if one.size > many)

    def check_gradients(
        self, base: Mapping[int, Array], upstream: Mapping[int, Array], gradients: Mapping[str, Array],
        standard: Standard,
    ) -> dict[str, Check]:  # fmt: skip
        """Return the verdict on each gradient, by name."""
        rounded = self._rounded()
        found: dict[int, Check] = {}
        doubted: dict[int, Doubted] = {}
        for target in self.gradients:
            array = gradients[target.names[0]]
            if target.hidden:
                found[target.index] = nothing_to_compare(
                    array.size, "what upstream stands at is unknown, and has no differences"
                )
                continue
            one = self._compared(
                self._probe(target, base, upstream, rounded, standard), array, target, standard
            )
            found[target.index] = one.check
            if one.is_against():
                doubted[target.index] = one
        if doubted:
            again = self._again(base, partial(Rounded.gradients, upstream=upstream, indices=doubted))
            for index, one in doubted.items():
                found[index] = self._reconsider(one, [run[index] for run in again])
        checks = {name: found[target.index] for target in self.gradients for name in target.names}
        return {name: checks[name] for name in gradients if name in checks}

    def check_jacobians(
        self, base: Mapping[int, Array], jacobians: Iterable[Array], standard: Standard
    ) -> list[JacobianCheck]:
        """Return the verdict on each Jacobian."""
        rounded = self._rounded()
        found = []
        for target, array in zip(self.jacobians, jacobians, strict=True):
            probe = self._probe(target, base, None, rounded, standard)
            one = self._compared(probe, array, target, standard)
            check = one.check
            if one.is_against():
                [output], index = target.outputs, target.index
                again = self._again(base, partial(Rounded.jacobians, of=output, wrt=index))
                check = self._reconsider(one, again)
            of, wrt = target.names
            found.append(JacobianCheck(of, wrt, check))
        return found

    def _compared(self, probe: Probe, array: Array, target: Target, standard: Standard) -> Doubted:
        its = replace(standard, excuse=target.excuse, smooth=target.smooth)
        comparison = compare_with_slopes(probe, array, self.sample)
        return Doubted(probe, comparison, its, comparison.judge(its))

    def _reconsider(self, doubted: Doubted, others: Sequence[Array]) -> Check:
        """Return the verdict on a gradient that differs from its slopes, after two further tests.

        They are the rounding of the gradient itself, and a derivative by a complex step.
        others: the gradient with other roundings.
        """
        if others:
            doubted = replace(doubted, comparison=doubted.comparison.with_rounding(others)).rejudged()
        if doubted.is_against():
            witness = Again(self.evaluation, _complex_step_like(self.evaluation.arithmetic))
            comparison = doubted.comparison.with_witness(doubted.probe, witness)
            doubted = replace(doubted, comparison=comparison).rejudged()
        return doubted.check

    def _probe(
        self,
        target: Target,
        base: Mapping[int, Array],
        weights: Mapping[int, Array] | None,
        rounded: Callable[[], Rounded],
        standard: Standard,
    ) -> Probe:
        behind, outputs, allowed = target.instructions, target.outputs, standard.tolerance
        return Probe(self.evaluation, base, target.index, behind, outputs, weights, rounded, allowed)

    def _rounded(self) -> Callable[[], Rounded]:
        """Return a function that gives the randomly rounding evaluation, made when it is first needed."""
        return cache(lambda: Rounded(self.evaluation, rounding_unit("float64"), "float64"))

    def _again(self, base: Mapping[int, Array], gradients: Callable[..., Iterator[Found]]) -> list[Found]:
        """Return some gradients several times with random roundings.

        For exact answers the rounding is that to the floats which differences are taken of.
        gradients: a method of `Rounded`, called with the known values and the indices to perturb.
        """
        kind = self.kind or "float64"
        moved = [index for index in self.evaluation.known if self.kind is None and _was_rounded(base[index])]
        try:
            rounded = Rounded(self.evaluation, rounding_unit(kind), kind)
            return list(islice(gradients(rounded, base, moved), RUNS))
        except UnfitEntries:
            return []

    def describe_steps(self) -> list[str]:
        """Return the steps of the verification, in sentences."""
        if not self.gradients and not self.jacobians:
            return ["no gradient was asked for: upstream or jacobian would ask for gradients to verify"]
        what = "each entry was moved up and down, and what follows from it computed again, in float64"
        if any(one.size > self.sample for one in (*self.gradients, *self.jacobians)):
            few = f"{self.sample} of its entries, drawn, were" if self.sample else "no entry was"
            return [
                f"{what}; of a value with more than {self.sample} entries {few} moved by themselves, and all"
                " together in one random direction"
            ]
        return [what]


def _complex_step_like(arithmetic: Arithmetic) -> Floating:
    """Return the complex-step namespace with the constants of another namespace."""
    found = copy(COMPLEX_STEP)
    for name in ("constant", "power", "powers"):
        setattr(found, name, getattr(arithmetic, name))
    return found


def _was_rounded(array: Array) -> bool:
    """Return whether an array holds floats that may be rounded: non-integers and very large numbers."""
    return array.dtype.kind == "f" and bool((array != np.rint(array)).any() or (np.abs(array) > WHOLE).any())
