"""What is minimized: a program's scalar, or gradients handed in step by step."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Arithmetic, Array
from compute.arithmetic.recorder import NotRecorded
from compute.arithmetic.scalars import Scalars
from compute.dimensions import product
from compute.errors import QuestionErrors, UnfitEntries, at, unknown_name
from compute.graph.value import Tensor
from compute.optimizers.recorded import Recorded
from compute.programs.building import build_program
from compute.question.predicted_size import back_work
from compute.readings.cost import count_applications, sum_costs
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation

Parameters = dict[str, Array]
FEW = 300  # operations up to which it is tried to do them number by number
COMPLEX = 3  # times as long as floats take complex numbers


@dataclass(frozen=True, slots=True)
class LossAndGradients:
    """What an objective says for one step: the gradient by each parameter, and the loss of that step's
    data.
    """

    loss: Array | None
    gradient: Parameters


class Objective(Protocol):
    """A loss with its gradients. Steps count from 1.

    steps: how many it has gradients for, where that is bounded; arithmetic: the numbers it is computed in;
    batches: whether a step sees a part of the data; data: what it is computed from beside the parameters;
    work: predicted operations of one step; hessian_row_work: of one row of its second derivatives;
    entries: numbers that it holds at once.
    """

    steps: int | None
    data: Parameters
    arithmetic: Arithmetic
    batches: bool
    work: int
    hessian_row_work: int
    entries: int

    def at(self, parameters: Parameters, step: int) -> LossAndGradients:
        """Loss and gradients for a step from these parameters."""

    def rows(self, step: int) -> Sequence[int] | None:
        """Which rows of the data a step sees; None where it sees them all."""


class RecordedGradients:
    """Gradients that came, one set for each step; there is no loss."""

    batches = False
    work = hessian_row_work = entries = 0

    def __init__(self, gradients: Sequence[Parameters], arithmetic: Arithmetic) -> None:
        self.gradients, self.arithmetic = gradients, arithmetic
        self.data: Parameters = {}
        self.steps: int | None = len(gradients)

    def at(self, parameters: Parameters, step: int) -> LossAndGradients:  # noqa: ARG002 - an objective has it
        return LossAndGradients(None, self.gradients[step - 1])

    def rows(self, step: int) -> Sequence[int] | None:  # noqa: ARG002 - an objective has it
        return None


@dataclass(frozen=True)
class Batches:
    """Which rows of which inputs each step sees, in turn and from the start again."""

    inputs: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]


class ProgramObjective:
    """A scalar of a program, as a function of some of its inputs; the others are data.

    A few numbers in float64 are computed one by one, which takes a fraction of the time of arrays. Raises
    QuestionErrors where the program has no such scalar, or names and shapes do not fit.
    """

    steps: int | None = None

    def __init__(
        self,
        program: tuple[str, ...],
        loss: str,
        parameters: Mapping[str, Array],
        data: Mapping[str, Array],
        arithmetic: Arithmetic,
        batches: Batches | None = None,
    ) -> None:
        self.program, self.name, self.data = program, loss, dict(data)
        self._batches = batches
        self.batches = batches is not None
        self._whole = _Plan(program, loss, parameters, self.data, arithmetic)
        if self._whole.is_single:
            arithmetic = Scalars()
            self.data = {name: arithmetic.one(array) for name, array in data.items()}
            parameters = {name: arithmetic.one(array) for name, array in parameters.items()}
        self.arithmetic, self.start = arithmetic, dict(parameters)
        self._plans: dict[int, _Plan] = {}
        self._parts: list[Parameters] = []
        for rows in batches.rows if batches else ():
            seen = {name: self.data[name][list(rows)] for name in batches.inputs} if batches else {}
            self._parts.append({**self.data, **seen})
            if len(rows) not in self._plans:
                self._plans[len(rows)] = self._planned(self._parts[-1], len(rows))
        plans = (
            [self._whole, max(self._plans.values(), key=lambda plan: plan.work)] if batches else [self._whole]
        )
        self.work = sum(plan.work for plan in plans)
        self.hessian_row_work = plans[-1].array_work * COMPLEX
        self.entries = 2 * sum(plan.entries for plan in plans)

    def _planned(self, part: Parameters, rows: int) -> "_Plan":
        """The plan for a batch; what does not fit there fits all data, and so is about the batch."""
        try:
            return _Plan(self.program, self.name, self.start, part, self.arithmetic)
        except QuestionErrors as errors:
            first = errors.errors[0]
            message = f"the program cannot be computed on a batch of {rows} rows: {first.message}"
            raise at(("batches", "rows"), message, first.expected, first.received) from None

    def at(self, parameters: Parameters, step: int) -> LossAndGradients:
        if self._batches is None:
            return self._whole.run(parameters, self.data)
        part = (step - 1) % len(self._parts)
        return self._plans[len(self._batches.rows[part])].run(parameters, self._parts[part])

    def whole(self, parameters: Parameters) -> LossAndGradients:
        """Loss and gradients of all data at parameters."""
        return self._whole.run(parameters, self.data)

    def loss(self, parameters: Parameters) -> Array:
        """The same loss alone."""
        return self._whole.value(parameters, self.data)

    def rows(self, step: int) -> Sequence[int] | None:
        return None if self._batches is None else self._batches.rows[(step - 1) % len(self._parts)]

    def over(self, arithmetic: Arithmetic) -> "ProgramObjective":
        """The same objective over other numbers, whose arrays have the same shapes."""
        return ProgramObjective(self.program, self.name, self.start, self.data, arithmetic, self._batches)


class _Plan:
    """A program's scalar and its gradients, planned for data of some shapes."""

    def __init__(
        self,
        program: tuple[str, ...],
        loss: str,
        parameters: Mapping[str, Array],
        data: Mapping[str, Array],
        arithmetic: Arithmetic,
    ) -> None:
        tensors = {
            name: Tensor(array.shape, "boolean" if array.dtype.kind == "b" else "real")
            for name, array in (*parameters.items(), *data.items())
        }
        graph, _ = build_program(
            program, tensors, {}, tuple(parameters), (), (), (loss,), everything=False,
            symbolic=not arithmetic.ordered,
        )  # fmt: skip
        if loss not in graph.names:
            raise QuestionErrors([unknown_name(("loss",), "value", loss, graph.names)])
        value = graph.names[loss]
        if value.shape != () or value.kind != "real":
            sizes = f"shape ({', '.join(map(str, value.shape))})" if value.kind == "real" else "booleans"
            raise at(("loss",), f"{loss} is no scalar", "one number", sizes)
        self.indices = {name: graph.names[name].index for name in tensors}
        self.evaluation = Evaluation(graph, arithmetic, self.indices.values())
        if not self.evaluation.reachable[value.index]:
            expected = "a program of which every value follows from its inputs"
            raise at(
                ("loss",), f"{loss} depends on a value that is unknown", expected, f"the unknown value {loss}"
            )
        self.evaluation.request([value.index])
        self._parameters = [(name, self.indices[name]) for name in parameters]
        targets = [index for _, index in self._parameters]
        self._differentiation = Differentiation(self.evaluation, [value.index], targets)
        self._loss, self._seed = value.index, {value.index: arithmetic.one_hot((), 0)}
        computed = self.evaluation.computed_values()
        shared = count_applications(computed)
        spent = sum_costs(shared)
        counted = (spent.multiply_adds, spent.elementwise, *(product(one.shape) for one in computed))
        forward = sum(applied.work * times for applied, times in shared.items())
        self.entries = sum(one for one in counted if isinstance(one, int))
        self.work = self.array_work = forward + back_work(self._differentiation)
        self._recorded: Recorded | None = None
        if arithmetic is FLOAT64 and self.entries <= FEW:
            shapes = {name: array.shape for name, array in (*parameters.items(), *data.items())}
            with suppress(NotRecorded):
                self._recorded = Recorded(graph, shapes, value.index, list(parameters))
                self.work = self._recorded.work
        single = all(one.shape == () and one.kind == "real" for one in tensors.values())
        self.is_single = single and self._recorded is not None

    def run(self, parameters: Parameters, data: Parameters) -> LossAndGradients:
        if self._recorded is not None:
            return LossAndGradients(*self._recorded.run({**data, **parameters}))
        values = self._values(parameters, data)
        found = self._differentiation.run(values, self._seed).totals
        gradient = {
            name: found[index] if index in found else self.evaluation.arithmetic.zeros(parameters[name].shape)
            for name, index in self._parameters
        }
        return LossAndGradients(values[self._loss], gradient)

    def value(self, parameters: Parameters, data: Parameters) -> Array:
        if self._recorded is not None:
            found: Array = self._recorded.loss({**data, **parameters})
            return found
        return self._values(parameters, data)[self._loss]

    def _values(self, parameters: Parameters, data: Parameters) -> dict[int, Array]:
        try:
            return self.evaluation.run(self._known(parameters, data))
        except UnfitEntries as fault:
            if fault.name in parameters or fault.name in data:
                raise fault.within("start" if fault.name in parameters else "inputs") from None
            raise fault.computed("program") from None

    def _known(self, parameters: Parameters, data: Parameters) -> dict[int, Any]:
        indices = self.indices
        known: dict[int, Any] = {indices[name]: array for name, array in parameters.items()}
        for name, array in data.items():
            known[indices[name]] = array
        return known
