"""The question of a trace, whose numbers can be exchanged: its optimizer, objective and start."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from compute.arithmetic.namespace import Array
from compute.optimizers.run.config import NO_STEPS, OptimizerConfig, build_run
from compute.optimizers.run.initial_state import InitialState
from compute.optimizers.run.objective import Objective, Parameters, ProgramObjective, RecordedGradients
from compute.optimizers.run.question import PreparedTrace
from compute.optimizers.run.trace import Run

RATE = "optimizer.learning_rate"


@dataclass(frozen=True)
class TraceSetup:
    """Everything that a trace is computed from, by the place in its request.

    Names of tensors are `start.x`, `inputs.y` and `gradients[0].x`; `optimizer.learning_rate` is one number.
    """

    optimizer: OptimizerConfig
    objective: Objective
    start: Parameters
    initial: InitialState = NO_STEPS

    def inputs(self) -> Mapping[str, Array]:
        """Return the floats that can be exchanged, by name: the start, the data or gradients, the rate."""
        tensors = {f"start.{name}": array for name, array in self.start.items()}
        tensors |= {f"inputs.{name}": array for name, array in self.objective.data.items()}
        if isinstance(self.objective, RecordedGradients):
            for step, gradient in enumerate(self.objective.gradients):
                tensors |= {f"gradients[{step}].{name}": array for name, array in gradient.items()}
        rate = self.optimizer.learning_rate
        if rate is not None and not isinstance(rate, str):
            tensors[RATE] = np.asarray(rate, dtype=np.float64)
        floats = {name: np.asarray(array) for name, array in tensors.items()}
        return {name: array for name, array in floats.items() if array.dtype.kind == "f"}

    def with_inputs(self, inputs: Mapping[str, Array]) -> "TraceSetup":
        """Return the same question with other numbers of the same shapes."""
        whole = self.objective.arithmetic.whole

        def exchange(group: str, tensors: Parameters) -> Parameters:
            return {
                name: whole(inputs[f"{group}.{name}"]) if f"{group}.{name}" in inputs else array
                for name, array in tensors.items()
            }

        objective, optimizer = self.objective, self.optimizer
        if isinstance(objective, ProgramObjective):
            objective = objective.with_data(exchange("inputs", objective.data))
        elif isinstance(objective, RecordedGradients):
            gradients = [exchange(f"gradients[{step}]", one) for step, one in enumerate(objective.gradients)]
            objective = RecordedGradients(gradients, objective.arithmetic, objective.before)
        if RATE in inputs:
            optimizer = replace(optimizer, learning_rate=float(inputs[RATE]))
        return TraceSetup(optimizer, objective, exchange("start", self.start), self.initial)

    def run(self) -> Run:
        """Return the run of the trace. Raises QuestionErrors for a number out of bounds."""
        return build_run(self.optimizer, self.objective, self.initial)


def trace_setup(prepared: PreparedTrace) -> TraceSetup:
    """Return the question of a prepared trace."""
    trace = prepared.trace
    return TraceSetup(prepared.optimizer, trace.run.objective, trace.start, trace.run.initial)
