"""Gradients and Jacobians held against differences: which values are moved, how many of their entries, and
what that will take.
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
from compute.arithmetic.perturbed import unit
from compute.budgets.planning import look_through
from compute.dimensions import product
from compute.errors import UnfitEntries
from compute.graph.graph import Graph
from compute.readings.evaluation import Evaluation
from compute.readings.verification.differences import EVALUATIONS, MEASURED, USUAL
from compute.readings.verification.evidence import Check, JacobianCheck
from compute.readings.verification.judging import Standard, nothing_to_compare
from compute.readings.verification.probing import Comparison, Probe, compared
from compute.readings.verification.rounding import RUNS, TIMES, Again, Rounded
from compute.readings.verification.targets import STEP, Target, Traits, number_of, weight

Found = TypeVar("Found")


def _standard(kind: str, tolerance: float, near: float) -> Standard:
    numbers = np.finfo(kind)
    return Standard(tolerance, near, float(numbers.eps), float(numbers.tiny / numbers.eps))


STANDARDS = {"float64": _standard("float64", 1e-6, 1e-7), "float32": _standard("float32", 1e-3, 1e-4)}
SAMPLES = (64, 16, 4, 1, 0)  # entries that are checked one by one, the most that keep to the budget
MOST = EVALUATIONS + TIMES * (MEASURED + 1)  # evaluations that one slope takes at most
BUDGET = 1_000_000_000  # elementary operations that slopes usually take together
WHOLE = 2.0**53  # up to which whole numbers are floats
FOLLOWED = 2  # looks at each instruction of a graph, for each value that is moved
TARGET, INSTRUCTION, REFERENCE = 400, 220, 8  # bytes of a plan's parts


@dataclass(frozen=True, slots=True)
class Doubted:
    """A gradient beside slopes, and the verdict."""

    probe: Probe
    comparison: Comparison
    standard: Standard
    check: Check

    def is_against(self) -> bool:
        return "disagrees" in (self.check.verdict, self.check.direction)

    def again(self) -> "Doubted":
        """The same with the verdict of what is known by now."""
        return replace(self, check=self.comparison.judged(self.standard))


class GradientChecks:
    """Which gradients and Jacobians are held against differences, in float64.

    arithmetic: floating-point numbers of that precision; budget: see BUDGET; kind: the numbers of the answer,
    None for exact ones; sample: how many entries of each value are checked one by one, where it has more.
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
        hidden = self._leading_to([index for index in seeds if not self.evaluation.reachable[index]])
        self.gradients = [
            self._target(index, tuple(same), self.seeds, index in hidden) for index, same in names.items()
        ]
        self.jacobians = [
            self._target(graph.names[wrt].index, (of, wrt), (graph.names[of].index,))
            for of, wrt in self.jacobian_names
        ]
        fitting = (many for many in SAMPLES if USUAL * self._total(many, weight) <= budget)
        self.sample = next(fitting, SAMPLES[-1])
        self.work = MOST * self._total(self.sample, lambda target: target.work)

    @property
    def held(self) -> int:
        """An estimate of the bytes that it holds."""
        targets = [*self.gradients, *self.jacobians]
        held = sum(len(one.instructions) for one in targets) + len(self.graph.values)
        return REFERENCE * held + TARGET * len(targets) + INSTRUCTION * len(self.evaluation.instructions)

    def _leading_to(self, indices: Collection[int]) -> set[int]:
        """Values from which one of these is reached, past nothing that is known."""
        found = set(indices)
        for value in reversed(self.graph.values if found else ()):
            if value.index in found and value.index not in self.evaluation.known:
                found.update(operand.index for operand in value.inputs)
        return found

    def _target(
        self, index: int, names: tuple[str, ...], outputs: tuple[int, ...], hidden: bool = False
    ) -> Target:
        look_through(FOLLOWED * len(self.evaluation.instructions))
        instructions = [] if hidden else self.evaluation.instructions_after(index, outputs)
        entries = sum(number_of(product(self.graph.values[one].shape)) for one in outputs)
        size = number_of(product(self.graph.values[index].shape))
        behind = [self.traits.of(one) for one, *_ in instructions]
        beside = 4 * entries + size + 10 * STEP
        work = sum(one[0] for one in behind) + beside
        counted = sum(one[1] for one in behind) + beside
        excuse = next((one[2] for one in behind if one[2]), None)
        smooth = all(one[3] for one in behind)
        return Target(index, names, instructions, outputs, work, counted, size, hidden, excuse, smooth)

    def _total(self, many: int, spent: Callable[[Target], int]) -> int:
        """What one evaluation behind each entry that is checked, or direction, takes together."""
        targets = [*self.gradients, *self.jacobians]
        entries = sum(min(one.size, many) * spent(one) for one in targets)
        return entries + sum(spent(one) for one in targets if one.size > many)

    def checks(
        self, base: Mapping[int, Array], upstream: Mapping[int, Array], gradients: Mapping[str, Array],
        standard: Standard,
    ) -> dict[str, Check]:  # fmt: skip
        """The verdict on each gradient, by name."""
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
                found[index] = self._heard(one, [run[index] for run in again])
        checks = {name: found[target.index] for target in self.gradients for name in target.names}
        return {name: checks[name] for name in gradients if name in checks}

    def jacobian_checks(
        self, base: Mapping[int, Array], jacobians: Iterable[Array], standard: Standard
    ) -> list[JacobianCheck]:
        """The verdict on each Jacobian."""
        rounded = self._rounded()
        found = []
        for target, array in zip(self.jacobians, jacobians, strict=True):
            probe = self._probe(target, base, None, rounded, standard)
            one = self._compared(probe, array, target, standard)
            check = one.check
            if one.is_against():
                [output], index = target.outputs, target.index
                again = self._again(base, partial(Rounded.jacobians, of=output, wrt=index))
                check = self._heard(one, again)
            of, wrt = target.names
            found.append(JacobianCheck(of, wrt, check))
        return found

    def _compared(self, probe: Probe, array: Array, target: Target, standard: Standard) -> Doubted:
        its = replace(standard, excuse=target.excuse, smooth=target.smooth)
        comparison = compared(probe, array, self.sample)
        return Doubted(probe, comparison, its, comparison.judged(its))

    def _heard(self, doubted: Doubted, others: Sequence[Array]) -> Check:
        """The verdict where differences speak against a gradient, once its own rounding is known, and what a
        complex step makes of it. others: the gradient as rounding might have made it too.
        """
        found = doubted
        if others:
            found = replace(found, comparison=found.comparison.rounded(others)).again()
        if found.is_against():
            witness = Again(self.evaluation, _complex(self.evaluation.arithmetic))
            found = replace(found, comparison=found.comparison.witnessed(found.probe, witness)).again()
        return found.check

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
        """The evaluation with numbers that round at random, made where it is needed first."""
        return cache(lambda: Rounded(self.evaluation, unit("float64"), "float64"))

    def _again(self, base: Mapping[int, Array], gradients: Callable[..., Iterator[Found]]) -> list[Found]:
        """Some gradients again and again, as rounding might have made them too; of exact numbers, as rounding
        them to the floats that differences are taken of might have.

        gradients: a method of `Rounded`, with what follows the known values and those of them to change.
        """
        kind = self.kind or "float64"
        moved = [index for index in self.evaluation.known if self.kind is None and _was_rounded(base[index])]
        try:
            return list(islice(gradients(Rounded(self.evaluation, unit(kind), kind), base, moved), RUNS))
        except UnfitEntries:
            return []

    def said(self) -> list[str]:
        """The steps of the verification, in sentences."""
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


def _complex(arithmetic: Arithmetic) -> Floating:
    """Numbers that carry a derivative, with constants as they are in these."""
    found = copy(COMPLEX_STEP)
    for name in ("constant", "power", "powers"):
        setattr(found, name, getattr(arithmetic, name))
    return found


def _was_rounded(array: Array) -> bool:
    """Whether there are floats that need not be the numbers that they stand for."""
    return array.dtype.kind == "f" and bool((array != np.rint(array)).any() or (np.abs(array) > WHOLE).any())
