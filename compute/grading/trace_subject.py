"""Grading of optimizer traces: any value of any step, by its path in the trace's own answer."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

from compute.arithmetic.namespace import Array
from compute.errors import QuestionErrors
from compute.grading.computations import Computation, Of, Slot
from compute.grading.explanations import Explanations, Variant, explain
from compute.grading.forms import Expected
from compute.grading.trace_conventions import other_settings, under_settings
from compute.grading.traces import TraceComputation, trace_computation
from compute.optimizers.run.config import OptimizerConfig
from compute.optimizers.run.misconceptions import MISTAKES
from compute.optimizers.run.question import PreparedTrace


class TraceSubject:
    """A trace of an optimizer, to be graded.

    config: the configuration of its optimizer.
    named, answered: the names that the rubric and the student mention; a value's name may be short.
    accepted: the settings of listed conventions, their credit, and the trace with them.
    """

    rows: Mapping[str, list[str]] = {}

    def __init__(
        self,
        prepared: PreparedTrace,
        config: OptimizerConfig,
        named: Iterable[tuple[Of, str]],
        answered: Iterable[tuple[Of, str]] = (),
        accepted: Sequence[tuple[Mapping[str, Any], Fraction, PreparedTrace]] = (),
    ) -> None:
        self._prepared, self._config, self._accepted = prepared, config, accepted
        self._wanted = [name for of, name in (*named, *answered) if of == "value"]

    @cached_property
    def computation(self) -> TraceComputation:
        """The right computation."""
        return trace_computation(self._prepared, self._wanted)

    @property
    def conventions(self) -> Mapping[str, Any]:
        """Every setting of the question."""
        return self._prepared.conventions

    @property
    def held(self) -> int:
        """Estimate the bytes that it holds once every known mistake has been tried."""
        return 20_000 * (1 + len(MISTAKES) // 4) + 2_000 * len(self.computation.slots)

    def resolve(self, slot: Slot) -> Slot:
        """Return a slot by its full path, from a short form such as `x[2]`."""
        place = self.computation.names.find(slot.name) if slot.of == "value" else None
        return slot if place is None else slot._replace(name=place.path)

    def has(self, slot: Slot) -> bool:
        """Return whether the trace has a value of this name."""
        return slot.of == "value" and self.computation.names.find(slot.name) is not None

    def known_names(self) -> Iterable[str]:
        """Return the names of all values, for suggestions."""
        names = self.computation.names
        return [place.path for step in names.numbers[:4] for place in names.at(step)]

    def describe(self, slot: Slot) -> Expected:
        """Return the shape and kind of a slot."""
        return Expected(self.computation.results()[slot].shape)

    def inputs(self) -> Mapping[str, Array]:
        """Return the numbers of the question that can be exchanged; see `TraceSetup`."""
        return self.computation.setup.inputs()

    def values(self) -> Mapping[str, Array]:
        """Return the values that were asked for, by path."""
        return {slot.name: array for slot, array in self.computation.results().items()}

    @cached_property
    def explanations(self) -> Explanations:
        """The conventions and mistakes that a student's values are compared with."""
        listed = [dict(settings) for settings, _, _ in self._accepted]
        return Explanations(
            conventions=[
                *(Variant(partial(trace_computation, other, self._wanted, None), settings, credit)
                  for settings, credit, other in self._accepted),
                *(Variant(partial(self._under, settings), settings)
                  for settings in other_settings(self._config) if settings not in listed),
            ],
            mistakes=[
                Variant(partial(self.computation.mistaken, code), mistakes=(explain(mistake),))
                for code, mistake in MISTAKES.items()
                if self._config.name in mistake.optimizers
            ],
        )  # fmt: skip

    def _under(self, settings: Mapping[str, Any]) -> Computation | None:
        try:
            return under_settings(self.computation, self._config, settings)
        except QuestionErrors:
            return None
