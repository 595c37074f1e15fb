"""From an origin to a note: what happened there, why, what it spoiled, and what is usually done about it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.numerics import OVERFLOWING, first_index
from compute.graph.primitive import no_cost
from compute.readings.notes.names import Names
from compute.readings.notes.note import (
    Note,
    Number,
    Operand,
    as_number,
    indices,
    joined,
    listed,
    spelled,
    written,
)
from compute.readings.notes.tracing import Origin, Tracing
from compute.readings.notes.witness import NonFiniteEvent, root


def explained(tracing: Tracing, names: Names) -> list[Note]:
    """A note for each origin that spoils something with a name, and one for all beyond."""
    found = [Explanation(origin, tracing, names) for origin in tracing.origins]
    notes = [one.note() for one in found if one.origin.is_listed and one.is_worth_it]
    for rest in found:
        if not rest.origin.is_listed and rest.origin.steps and rest.at:
            steps = f"{rest.origin.steps} more step{'s' * (rest.origin.steps > 1)}"
            notes.append(Note("more", rest.at, f"numbers stop being finite at {steps}, here first"))
    return notes


@dataclass
class Explanation:
    """What there is to say of one origin."""

    origin: Origin
    tracing: Tracing
    names: Names

    @property
    def is_worth_it(self) -> bool:
        """Whether it spoils something with a name, and is not what a mask means."""
        return not (self.origin.is_meant and self._stays_meant()) and bool(self.at)

    @cached_property
    def at(self) -> str:
        """The name that it is told under; none where it spoils nothing with a name."""
        if self.is_about_gradients:
            return self._gradients[0] if self._gradients else ""
        return self.names.owner(self.origin.key)

    @property
    def is_about_gradients(self) -> bool:
        """Whether no named value is spoiled."""
        return self.origin.key < 0 or not self._values

    @cached_property
    def overflows(self) -> bool:
        """Whether it is infinite for the size of its numbers alone."""
        fault = self.origin.fault
        return fault is not None and fault.is_overflow(self.inside(fault))

    @cached_property
    def first(self) -> tuple[int, ...]:
        """The entry that is spoken of."""
        fault, at = self.origin.fault, self.origin.at
        return first_index(at & fault.fresh if fault is not None and _within(fault, at) else at)

    def note(self) -> Note:
        """All of it as a note."""
        about = self.is_about_gradients
        values = [name for name in self._values if about or name != self.at]
        gradients = [name for name in self._gradients if not about or name != self.at]
        turned, spoils = self._turned(), _spoils(values, gradients)
        if self.origin.site is None and not (about or spoils):
            spoils = "Nothing follows from it."  # it is padding, say, or masked
        only = _joined(values, gradients)
        if len(values) + len(gradients) == 1 and turned.startswith((f"In {only} ", f"In {only}, ")):
            spoils = ""  # which is said by then
        sentences = (self._happened(), self.why(), turned, spoils)
        remedy = self.remedy()
        value = None if self.origin.site is None else self.origin.site.value
        return Note(
            "non_finite_gradient" if about else "non_finite",
            self.at,
            " ".join(filter(None, (*sentences, f"Usual remedy: {remedy}." if remedy else ""))),
            operation=value.primitive.name if value is not None and value.primitive is not None else "",
            entries=self.entries,
            count=int(self.origin.at.sum()),
            operands=self.operands,
            result=self.result,
            spoiled=tuple(values),
            spoiled_gradients=tuple(gradients),
            remedy=remedy,
        )

    @property
    def entries(self) -> tuple[tuple[int, ...], ...]:
        """The first few, from the one that is spoken of on."""
        found = indices(self.origin.at)
        return (self.first, *(one for one in found if one != self.first))[: len(found)]

    @property
    def result(self) -> Number:
        return as_number(np.asarray(self.origin.array)[self.first])

    @cached_property
    def operands(self) -> tuple[Operand, ...]:
        """What the step worked on there, of the operands that are no constants."""
        fault, site = self.origin.fault, self.origin.site
        if fault is None or site is None:
            return ()
        found: dict[str, Operand] = {}
        for array, entry in zip(fault.operands, fault.at(self.inside(fault)), strict=False):
            key = self._key(array, site.operands)
            if key is not None and not self.names.is_constant(key):
                name = self.names.of_operand(key)
                found.setdefault(name, Operand(name, as_number(entry)))
        return tuple(found.values())

    def _key(self, array: Any, operands: tuple[int, ...]) -> int | None:
        """Which operand a function worked on, though it may have been seen through views."""
        arrays = self.tracing.arrays
        found = [key for key in operands if root(arrays[key]) == root(array)]
        if len({id(arrays[key]) for key in found}) > 1:  # parts of one array, which begin elsewhere
            found = [key for key in found if _start(arrays[key]) == _start(array)]
        return found[0] if found else None

    @cached_property
    def _values(self) -> list[str]:
        return self.names.of_values(self.origin.reach)

    @cached_property
    def _gradients(self) -> list[str]:
        return self.names.of_gradients(self.origin.reach)

    def _stays_meant(self) -> bool:
        """Whether what a mask wrote is still nothing but that: -infinity, and not swallowed by a sum."""
        origin = self.origin
        for key in origin.reach:
            if key < 0:
                return False
            value = self.names.values[key]
            outlines = self.tracing.arithmetic.outlines(self.tracing.arrays[key])
            smaller = product(value.shape) != product(self.names.values[origin.key].shape)
            moved = value.primitive is None or value.primitive.cost is no_cost
            if key != origin.key and smaller and not moved:
                return False
            if not (outlines[self.tracing.reached_at(origin, key)] == -np.inf).all():
                return False
        return True

    def inside(self, fault: NonFiniteEvent) -> tuple[int, ...]:
        """The entry that is spoken of, inside the step, whose arrays may be of other shapes."""
        return self.first if _within(fault, self.origin.at) else first_index(fault.fresh)

    def _happened(self) -> str:
        origin, first = self.origin, written(np.asarray(self.origin.array)[self.first])
        where = listed(self.entries, int(origin.at.sum()))
        bad = origin.outlines[origin.at]
        alike = bool(np.isnan(bad).all() or (bad == bad[0]).all())
        is_so = f"{first}{where}" if alike else f"not finite{where}, the first {first}"
        if origin.site is None:
            if origin.key < 0:
                return f"its gradient came in under upstream as {is_so}."
            given = "" if self.names.values[origin.key].is_input else " under given"
            return f"came in{given} as {is_so}."
        value, fault = origin.site.value, origin.fault
        seen = "" if fault is None else f": {fault.sentence(self.inside(fault))}"
        if value is None:
            return f"the sum of its gradients is {is_so}{seen}."
        through = spelled(value, outermost=True)
        if seen == f": {through} = {first}":  # of a constant
            seen = ""
        if origin.key >= 0:
            owner = self.names.owner(origin.key)
            inside = "" if value.name == owner else "inside it, " if owner == self.at else f"inside {owner}, "
            return f"{inside}{through} is {is_so}{seen}."
        numbers = ", ".join(f"{one.name} = {_short(one.value)}" for one in self.operands)
        return f"its gradient, back through {through}, is {is_so}{seen}{f' ({numbers})' if numbers else ''}."

    def why(self) -> str:
        """The reason in a sentence."""
        site, arithmetic = self.origin.site, self.tracing.arithmetic
        if site is None:
            return ""
        if self.overflows:
            limit = f"beyond the largest number of {arithmetic.name}, about {largest(arithmetic):.2g}"
            if self.result == "NaN":
                return f"Parts of it are {limit}, and Infinity less Infinity is NaN."
            return f"That is {limit}."
        reason = site.hazard.slope if site.is_backward else site.hazard.pole
        return f"{reason[:1].upper()}{reason[1:]}." if reason else ""

    def _turned(self) -> str:
        turn = self.origin.turn
        if turn is None:
            return ""
        seen, through = turn.fault.sentence(turn.index), self.names.through(turn.key)
        back = "" if through is None else f", back through {spelled(through, outermost=True)},"
        return f"In {self.names.place(turn.key)}{back} it becomes NaN: {seen}."

    def remedy(self) -> str:
        """What is usually done."""
        site = self.origin.site
        if site is None:
            return ""
        hazard = site.hazard
        if site.is_backward:
            return hazard.slope_remedy or (OVERFLOWING.slope_remedy if self.overflows else hazard.remedy)
        if self.overflows and (hazard.pole or not hazard.remedy):  # then its remedy is for something else
            return OVERFLOWING.remedy
        return hazard.remedy


def _within(fault: NonFiniteEvent, at: Array) -> bool:
    return fault.fresh.shape == at.shape and bool((fault.fresh & at).any())


def _start(array: Any) -> Any:
    """Where in memory an array begins."""
    return np.asarray(array).__array_interface__["data"]


def _short(number: Number) -> str:
    return f"{number:.6g}" if isinstance(number, float) else number


def _spoils(values: list[str], gradients: list[str]) -> str:
    return f"It spoils {_joined(values, gradients)}." if values or gradients else ""


def _joined(values: list[str], gradients: list[str]) -> str:
    parts = [joined(values)] if values else []
    if gradients:
        parts.append(f"the gradient{'s' * (len(gradients) > 1)} of {joined(gradients)}")
    return ", and ".join(parts)


def largest(arithmetic: Arithmetic) -> float:
    """The largest floating-point number of a kind."""
    return float(np.finfo(arithmetic.name).max)
