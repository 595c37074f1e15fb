"""Values and gradients that follow from others in the place of computed ones.

A value in the place of a step cuts nothing, unlike a given one: derivatives are taken at it and go on through
it. A gradient in the place of the accumulated one is passed on by everything behind it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from compute.arithmetic.namespace import Array
from compute.dimensions import product, show
from compute.errors import Path, QuestionErrors, UnfitEntries, at, unknown_name
from compute.graph.graph import Value
from compute.graph.spec import Tensor
from compute.question.declared_readings.declaration import (
    Amounts,
    AnswerPart,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
    Work,
)
from compute.question.plan_bytes import differentiation_bytes
from compute.question.predicted_size import predict_backward_pass
from compute.question.sent_values import known_size
from compute.readings.described import described
from compute.readings.reverse_mode import Differentiation

FIELD = "substitute"
MOST = 100


@dataclass(frozen=True, slots=True)
class Substitution:
    """A value, or a gradient, in the place of the computed one."""

    name: str = described("The name of the value.")
    value: Tensor | None = described("The value that is used in its place.", default=None)
    gradient: Tensor | None = described(
        "The gradient that is used in the place of the accumulated one.", default=None
    )


@dataclass(frozen=True, slots=True)
class Substituted:
    """All values and gradients with the substitutes in place."""

    values: dict[str, Array] = field(default_factory=dict)
    gradients: dict[str, Array] = field(default_factory=dict)


class _Planned(PlannedReading):
    def __init__(self, planning: Planning, requests: tuple[Substitution, ...]) -> None:
        self._graph, self._evaluation = planning.graph, planning.evaluation
        self._returned, self._differentiated = planning.returned, planning.differentiated
        self._values: dict[int, str] = {}
        self._gradients: dict[int, str] = {}
        self._backward: Differentiation | None = None
        if planning.differentiation is not None:
            targets = [planning.graph.names[name].index for name in planning.differentiated]
            self._backward = Differentiation(planning.evaluation, planning.seeds, targets, replaceable=True)
        for place, request in enumerate(requests):
            self._add(request, place)

    def _add(self, request: Substitution, place: int) -> None:
        path: Path = (FIELD, place)
        value = self._graph.names.get(request.name)
        if value is None or not self._evaluation.reachable[value.index]:
            raise QuestionErrors([unknown_name((*path, "name"), "value", request.name, self._graph.names)])
        if request.value is None and request.gradient is None:
            raise at(path, "puts nothing in place", "a value or a gradient", "neither")
        if request.value is not None:
            _check(value, request.value, (*path, "value"), self._values)
            self._values[value.index] = f"{place}.value"
            self._evaluation.request([value.index])
        if request.gradient is not None:
            if self._backward is None or value.index not in self._backward.cotangents:
                raise at((*path, "gradient"), f"{request.name} has no gradient here",
                         "a value that upstream depends on", "one that gets no gradient")  # fmt: skip
            _check(value, request.gradient, (*path, "gradient"), self._gradients)
            self._gradients[value.index] = f"{place}.gradient"

    def predict(self, work: Work) -> Amounts:
        backward, held = 0, 0
        if self._backward is not None:
            backward, held = predict_backward_pass(self._backward)
            self.held = differentiation_bytes(self._backward)
        answer = sum(count for _, count in self.sent())
        return Amounts(
            work=work.forward + backward,
            entries=answer,
            transient=answer + held,
            answer=answer,
            differentiates=self._backward is not None,
        )

    def sent(self) -> Iterable[tuple[str, int]]:
        for name in (*self._returned, *self._differentiated):
            yield f"{name} with the substitutes", known_size(product(self._graph.names[name].shape))

    def run(self, run: Execution) -> Substituted:
        names = self._graph.names
        replaced = {index: run.tensors[path] for index, path in self._values.items()}
        try:
            with np.errstate(all="ignore"):
                values = self._evaluation.run(run.known, replaced)
                gradients = {}
                if self._backward is not None:
                    own = {index: run.tensors[path] for index, path in self._gradients.items()}
                    gradients = self._backward.run(values, run.upstream, own).totals
        except UnfitEntries as error:
            raise error.computed(FIELD) from None
        return Substituted(
            {name: values[names[name].index] for name in self._returned},
            {
                name: gradients[names[name].index]
                for name in self._differentiated
                if names[name].index in gradients
            },
        )


def _check(value: Value, sent: Tensor, path: Path, taken: dict[int, str]) -> None:
    """Raise QuestionErrors if a substitute does not fit its value, or is the second one."""
    if value.index in taken:
        raise at(path, "is put in place twice", "one substitute for each value", "two, under two names")
    if sent.shape != value.shape:
        raise at(path, "the shape does not fit the value", f"shape {show(value.shape)}",
                 f"shape {show(sent.shape)}")  # fmt: skip


class SubstituteReading(Reading):
    """Values and gradients that follow from others in the place of computed ones."""

    field = RequestField(
        FIELD,
        list[Substitution],
        [],
        "Values and gradients to put in the place of computed ones. Nothing is cut: derivatives are taken at"
        " them and go on through them.",
        "Substitutions",
        MOST,
    )
    part = AnswerPart("substituted", Substituted, "All values and gradients with the substitutes in place.")

    def names(self, request: tuple[Substitution, ...]) -> Iterable[str]:
        return [one.name for one in request]

    def plan(self, planning: Planning, request: tuple[Substitution, ...]) -> PlannedReading:
        return _Planned(planning, request)
