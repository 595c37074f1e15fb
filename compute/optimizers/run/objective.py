"""The objective that an optimizer minimizes: a program's scalar, or gradients given for each step."""

import copy
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
from compute.graph.graph import Graph
from compute.graph.spec import Tensor
from compute.optimizers.run.scalar_program import ScalarProgram
from compute.programs.building import at_line, build_program
from compute.question.predicted_size import predict_backward_pass
from compute.readings.cost import count_applications, sum_costs
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation

Parameters = dict[str, Array]
MAX_SCALAR_WORK = 300  # operations up to which a program may run on single numbers
COMPLEX_COST = 3  # of complex numbers, relative to floats


@dataclass(frozen=True, slots=True)
class LossAndGradients:
    """The loss on the data of one step, and its gradient with respect to each parameter."""

    loss: Array | None
    gradient: Parameters


class Objective(Protocol):
    """A loss with its gradients. Steps count from 1.

    steps: number of steps it has gradients for, if bounded.
    data: tensors other than the parameters.
    arithmetic: the numbers it is computed in.
    batches: whether a step uses only part of the data.
    work: predicted operations of one step.
    hessian_row_work: predicted operations of one row of the Hessian.
    entries: numbers held at once.
    """

    steps: int | None
    data: Parameters
    arithmetic: Arithmetic
    batches: bool
    work: int
    hessian_row_work: int
    entries: int

    def at(self, parameters: Parameters, step: int) -> LossAndGradients:
        """Return loss and gradients of a step at these parameters."""

    def rows(self, step: int) -> Sequence[int] | None:
        """Return the rows of the data that a step uses, or None for all."""


class RecordedGradients:
    """Gradients given for each step, without a loss. before: the number of the last step before them."""

    batches = False
    work = hessian_row_work = entries = 0

    def __init__(self, gradients: Sequence[Parameters], arithmetic: Arithmetic, before: int = 0) -> None:
        self.gradients, self.arithmetic, self.before = gradients, arithmetic, before
        self.data: Parameters = {}
        self.steps: int | None = len(gradients)

    def at(self, parameters: Parameters, step: int) -> LossAndGradients:  # noqa: ARG002 - an objective has it
        return LossAndGradients(None, self.gradients[step - 1 - self.before])

    def rows(self, step: int) -> Sequence[int] | None:  # noqa: ARG002 - an objective has it
        return None


@dataclass(frozen=True)
class Batches:
    """The rows of some inputs that each step uses, cyclically."""

    inputs: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]


class ProgramObjective:
    """A scalar of a program as a function of some inputs; the other inputs are data.

    Small float64 programs run on single numbers, which is much faster than arrays. Raises QuestionErrors if
    the program has no such scalar, or names and shapes do not fit.
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
        self._full_plan = _Plan(program, loss, parameters, self.data, arithmetic)
        if self._full_plan.is_scalar:
            arithmetic = Scalars()
            self.data = {name: arithmetic.one(tensor) for name, tensor in data.items()}
            parameters = {name: arithmetic.one(tensor) for name, tensor in parameters.items()}
        self.arithmetic, self.start = arithmetic, dict(parameters)
        self._plans: dict[int, _Plan] = {}
        self._batch_data = self._split(self.data)
        for batch, rows in zip(self._batch_data, batches.rows if batches else (), strict=True):
            if len(rows) not in self._plans:
                self._plans[len(rows)] = self._plan_batch(batch, len(rows))
        plans = (
            [self._full_plan, max(self._plans.values(), key=lambda plan: plan.work)]
            if batches
            else [self._full_plan]
        )
        self.work = sum(plan.work for plan in plans)
        self.hessian_row_work = plans[-1].array_work * COMPLEX_COST
        self.entries = 2 * sum(plan.entries for plan in plans)

    def _split(self, data: Parameters) -> list[Parameters]:
        """Return the data of each batch."""
        batches = self._batches
        if batches is None:
            return []
        return [
            {**data, **{name: data[name][list(rows)] for name in batches.inputs}} for rows in batches.rows
        ]

    def _plan_batch(self, data: Parameters, rows: int) -> "_Plan":
        """Plan a batch; errors are reported at the batch, since the program fits the whole data."""
        try:
            return _Plan(self.program, self.name, self.start, data, self.arithmetic)
        except QuestionErrors as errors:
            first = errors.errors[0]
            message = f"the program cannot be computed on a batch of {rows} rows: {first.message}"
            raise at(("batches", "rows"), message, first.expected, first.received) from None

    def at(self, parameters: Parameters, step: int) -> LossAndGradients:
        if self._batches is None:
            return self._full_plan.run(parameters, self.data)
        batch = (step - 1) % len(self._batch_data)
        return self._plans[len(self._batches.rows[batch])].run(parameters, self._batch_data[batch])

    def evaluate_all(self, parameters: Parameters) -> LossAndGradients:
        """Return loss and gradients on all data."""
        return self._full_plan.run(parameters, self.data)

    def loss(self, parameters: Parameters) -> Array:
        """Return the loss on all data alone."""
        return self._full_plan.value(parameters, self.data)

    def rows(self, step: int) -> Sequence[int] | None:
        return None if self._batches is None else self._batches.rows[(step - 1) % len(self._batch_data)]

    @property
    def graph(self) -> Graph:
        """The graph of the program."""
        return self._full_plan.evaluation.graph

    def values(self, parameters: Parameters) -> Mapping[int, Array]:
        """Return the values that the loss on all data is computed from, by index in the graph."""
        values = {**self._full_plan.evaluation.constants, **self._full_plan.values(parameters, self.data)}
        count = len(self.graph.values)  # behind them are residuals for gradients
        return {index: value for index, value in values.items() if index < count}

    def with_data(self, data: Parameters) -> "ProgramObjective":
        """Return the same objective on other data of the same shapes."""
        other = copy.copy(self)
        other.data = data
        other._batch_data = self._split(data)
        return other

    def with_arithmetic(self, arithmetic: Arithmetic) -> "ProgramObjective":
        """Return the same objective in another arithmetic with arrays of the same shapes."""
        return ProgramObjective(self.program, self.name, self.start, self.data, arithmetic, self._batches)


class _Plan:
    """A program's scalar and its gradients, planned for data of certain shapes."""

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
            raise at(("loss",), f"{loss} is not a scalar", "one number", sizes)
        self.indices = {name: graph.names[name].index for name in tensors}
        self.evaluation = Evaluation(graph, arithmetic, self.indices.values())
        if not self.evaluation.reachable[value.index]:
            expected = "a program whose every value follows from its inputs"
            raise at(
                ("loss",), f"{loss} depends on a value that is unknown", expected, f"the unknown value {loss}"
            )
        self.evaluation.request([value.index])
        self._parameters = [(name, self.indices[name]) for name in parameters]
        targets = [index for _, index in self._parameters]
        self._differentiation = Differentiation(self.evaluation, [value.index], targets)
        self._loss, self._seed = value.index, {value.index: arithmetic.one_hot((), 0)}
        computed = self.evaluation.computed_values()
        counts = count_applications(computed)
        cost = sum_costs(counts)
        amounts = (cost.multiply_adds, cost.elementwise, *(product(step.shape) for step in computed))
        forward = sum(applied.work * times for applied, times in counts.items())
        self.entries = sum(amount for amount in amounts if isinstance(amount, int))
        self.work = self.array_work = forward + predict_backward_pass(self._differentiation)[0]
        self._scalar_program: ScalarProgram | None = None
        if arithmetic is FLOAT64 and self.entries <= MAX_SCALAR_WORK:
            shapes = {name: array.shape for name, array in (*parameters.items(), *data.items())}
            with suppress(NotRecorded):
                self._scalar_program = ScalarProgram(graph, shapes, value.index, list(parameters))
                self.work = self._scalar_program.work
        only_scalars = all(tensor.shape == () and tensor.kind == "real" for tensor in tensors.values())
        self.is_scalar = only_scalars and self._scalar_program is not None

    def run(self, parameters: Parameters, data: Parameters) -> LossAndGradients:
        if self._scalar_program is not None:
            return LossAndGradients(*self._scalar_program.run({**data, **parameters}))
        values = self.values(parameters, data)
        gradients = self._differentiation.run(values, self._seed).totals
        gradient = {
            name: gradients[index]
            if index in gradients
            else self.evaluation.arithmetic.zeros(parameters[name].shape)
            for name, index in self._parameters
        }
        return LossAndGradients(values[self._loss], gradient)

    def value(self, parameters: Parameters, data: Parameters) -> Array:
        if self._scalar_program is not None:
            loss: Array = self._scalar_program.loss({**data, **parameters})
            return loss
        return self.values(parameters, data)[self._loss]

    def values(self, parameters: Parameters, data: Parameters) -> dict[int, Array]:
        """Return all values by index. Raises UnfitEntries and QuestionErrors."""
        try:
            return self.evaluation.run(self._known(parameters, data))
        except UnfitEntries as error:
            if error.name in parameters or error.name in data:
                raise error.within("start" if error.name in parameters else "inputs") from None
            raise at_line(self.evaluation.graph, error) from None

    def _known(self, parameters: Parameters, data: Parameters) -> dict[int, Any]:
        indices = self.indices
        known: dict[int, Any] = {indices[name]: array for name, array in parameters.items()}
        for name, array in data.items():
            known[indices[name]] = array
        return known
