"""Turn origins into notes: what happened, why, what it spoiled, and the usual remedy."""

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
    first_indices,
    join_names,
    list_entries,
    spell_value,
    write_number,
)
from compute.readings.notes.tracing import Origin, Tracing
from compute.readings.notes.witness import NonFiniteEvent, root_id


def explain(tracing: Tracing, names: Names) -> list[Note]:
    """Return a note for each origin that spoils a named value, and one for all origins beyond the limit."""
    explanations = [Explanation(origin, tracing, names) for origin in tracing.origins]
    notes = [one.make_note() for one in explanations if one.origin.is_listed and one.is_needed]
    for rest in explanations:
        if not rest.origin.is_listed and rest.origin.steps and rest.at:
            steps = f"{rest.origin.steps} more step{'s' * (rest.origin.steps > 1)}"
            notes.append(Note("more", rest.at, f"numbers stop being finite at {steps}, here first"))
    return notes


@dataclass
class Explanation:
    """The explanation of one origin."""

    origin: Origin
    tracing: Tracing
    names: Names

    @property
    def is_needed(self) -> bool:
        """True if it spoils a named value or gradient, and is not an intended -infinity such as a mask's."""
        return not (self.origin.is_meant and self._stays_meant()) and bool(self.at)

    @cached_property
    def at(self) -> str:
        """The name that the note is about; empty if no named value or gradient is spoiled."""
        if self.is_about_gradients:
            return self._gradients[0] if self._gradients else ""
        return self.names.owner_name(self.origin.key)

    @property
    def is_about_gradients(self) -> bool:
        """True if it spoils no named value."""
        return self.origin.key < 0 or not self._values

    @cached_property
    def overflows(self) -> bool:
        """True if it is an overflow."""
        event = self.origin.event
        return event is not None and event.is_overflow(self.inside(event))

    @cached_property
    def first(self) -> tuple[int, ...]:
        """The index of the entry that the note describes."""
        event, at = self.origin.event, self.origin.at
        return first_index(at & event.fresh if event is not None and _within(event, at) else at)

    def make_note(self) -> Note:
        """Return the explanation as a note."""
        about = self.is_about_gradients
        values = [name for name in self._values if about or name != self.at]
        gradients = [name for name in self._gradients if not about or name != self.at]
        became_nan, spoils = self._tell_transition(), _spoils(values, gradients)
        if self.origin.step is None and not (about or spoils):
            spoils = "Nothing follows from it."  # it is padding, say, or masked
        only = _joined(values, gradients)
        if len(values) + len(gradients) == 1 and became_nan.startswith((f"In {only} ", f"In {only}, ")):
            spoils = ""  # the sentence before names it already
        sentences = (self._tell_what_happened(), self.tell_reason(), became_nan, spoils)
        remedy = self.find_remedy()
        value = None if self.origin.step is None else self.origin.step.value
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
        """The first few indices, beginning with `first`."""
        indices = first_indices(self.origin.at)
        return (self.first, *(index for index in indices if index != self.first))[: len(indices)]

    @property
    def result(self) -> Number:
        return as_number(np.asarray(self.origin.array)[self.first])

    @cached_property
    def operands(self) -> tuple[Operand, ...]:
        """The step's operands at `first`, without constants."""
        event, step = self.origin.event, self.origin.step
        if event is None or step is None:
            return ()
        operands: dict[str, Operand] = {}
        for array, entry in zip(event.operands, event.operands_at(self.inside(event)), strict=False):
            key = self._find_key(array, step.operands)
            if key is not None and not self.names.is_constant(key):
                name = self.names.describe_operand(key)
                operands.setdefault(name, Operand(name, as_number(entry)))
        return tuple(operands.values())

    def _find_key(self, array: Any, operands: tuple[int, ...]) -> int | None:
        """Return the key of the operand that an array is, or is a view of."""
        arrays = self.tracing.arrays
        found = [key for key in operands if root_id(arrays[key]) == root_id(array)]
        if len({id(arrays[key]) for key in found}) > 1:  # parts of one array, which begin elsewhere
            found = [key for key in found if _start(arrays[key]) == _start(array)]
        return found[0] if found else None

    @cached_property
    def _values(self) -> list[str]:
        return self.names.list_values(self.origin.reach)

    @cached_property
    def _gradients(self) -> list[str]:
        return self.names.list_gradients(self.origin.reach)

    def _stays_meant(self) -> bool:
        """Return whether an intended -infinity stays one, and no sum or NaN absorbs it."""
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
            if not (outlines[self.tracing.entries_reached(origin, key)] == -np.inf).all():
                return False
        return True

    def inside(self, event: NonFiniteEvent) -> tuple[int, ...]:
        """Return the index of `first` in an event inside the step, whose arrays may have other shapes."""
        return self.first if _within(event, self.origin.at) else first_index(event.fresh)

    def _tell_what_happened(self) -> str:
        origin, first = self.origin, write_number(np.asarray(self.origin.array)[self.first])
        where = list_entries(self.entries, int(origin.at.sum()))
        bad = origin.outlines[origin.at]
        alike = bool(np.isnan(bad).all() or (bad == bad[0]).all())
        is_so = f"{first}{where}" if alike else f"not finite{where}, the first {first}"
        if origin.step is None:
            if origin.key < 0:
                return f"its gradient came in under upstream as {is_so}."
            given = "" if self.names.values[origin.key].is_input else " under given"
            return f"came in{given} as {is_so}."
        value, event = origin.step.value, origin.event
        seen = "" if event is None else f": {event.sentence(self.inside(event))}"
        if value is None:
            return f"the sum of its gradients is {is_so}{seen}."
        through = spell_value(value, outermost=True)
        if seen == f": {through} = {first}":  # of a constant
            seen = ""
        if origin.key >= 0:
            owner = self.names.owner_name(origin.key)
            inside = "" if value.name == owner else "inside it, " if owner == self.at else f"inside {owner}, "
            return f"{inside}{through} is {is_so}{seen}."
        numbers = ", ".join(f"{one.name} = {_short(one.value)}" for one in self.operands)
        return f"its gradient, back through {through}, is {is_so}{seen}{f' ({numbers})' if numbers else ''}."

    def tell_reason(self) -> str:
        """Return the reason in a sentence."""
        step, arithmetic = self.origin.step, self.tracing.arithmetic
        if step is None:
            return ""
        if self.overflows:
            limit = f"beyond the largest number of {arithmetic.name}, about {largest_number(arithmetic):.2g}"
            if self.result == "NaN":
                return f"Parts of it are {limit}, and Infinity less Infinity is NaN."
            return f"That is {limit}."
        reason = step.hazard.slope if step.is_backward else step.hazard.pole
        return f"{reason[:1].upper()}{reason[1:]}." if reason else ""

    def _tell_transition(self) -> str:
        transition = self.origin.transition
        if transition is None:
            return ""
        seen, through = (
            transition.event.sentence(transition.index),
            self.names.pulled_back_through(transition.key),
        )
        back = "" if through is None else f", back through {spell_value(through, outermost=True)},"
        return f"In {self.names.describe_place(transition.key)}{back} it becomes NaN: {seen}."

    def find_remedy(self) -> str:
        """Return the usual remedy."""
        step = self.origin.step
        if step is None:
            return ""
        hazard = step.hazard
        if step.is_backward:
            return hazard.slope_remedy or (OVERFLOWING.slope_remedy if self.overflows else hazard.remedy)
        if self.overflows and (hazard.pole or not hazard.remedy):  # the hazard's remedy is for its pole
            return OVERFLOWING.remedy
        return hazard.remedy


def _within(event: NonFiniteEvent, at: Array) -> bool:
    return event.fresh.shape == at.shape and bool((event.fresh & at).any())


def _start(array: Any) -> Any:
    """Return the address at which an array begins."""
    return np.asarray(array).__array_interface__["data"]


def _short(number: Number) -> str:
    return f"{number:.6g}" if isinstance(number, float) else number


def _spoils(values: list[str], gradients: list[str]) -> str:
    return f"It spoils {_joined(values, gradients)}." if values or gradients else ""


def _joined(values: list[str], gradients: list[str]) -> str:
    parts = [join_names(values)] if values else []
    if gradients:
        parts.append(f"the gradient{'s' * (len(gradients) > 1)} of {join_names(gradients)}")
    return ", and ".join(parts)


def largest_number(arithmetic: Arithmetic) -> float:
    """Return the largest number of a floating-point type."""
    return float(np.finfo(arithmetic.name).max)
