"""A loss and its gradients as a list of operations on single numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.arithmetic.recorder import Line, NotRecorded, Recorder
from compute.graph.graph import Graph
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation

LINE_WORK = 200  # predicted work of one operation, see `compute.graph.work`
MAX_LINES_PER_STEP = 8  # operations for each step on arrays, up to which single numbers are faster


class ScalarProgram:
    """One run of a graph, forward and backward, recorded once and replayed on other numbers.

    Raises NotRecorded if the operations depend on the numbers, or are so many that arrays are faster.
    """

    def __init__(
        self, graph: Graph, inputs: Mapping[str, tuple[int, ...]], loss: int, wanted: list[str]
    ) -> None:
        recorder: Any = Recorder()
        placeholders = {name: recorder.input(shape) for name, shape in inputs.items()}
        indices = {name: graph.names[name].index for name in inputs}
        evaluation = Evaluation(graph, recorder, indices.values())
        evaluation.request([loss])
        differentiation = Differentiation(evaluation, [loss], [indices[name] for name in wanted])
        try:
            values = evaluation.run({indices[name]: array for name, array in placeholders.items()})
            forward = len(recorder.lines)
            gradients = differentiation.run(values, {loss: recorder.one_hot((), 0)}).totals
        except (TypeError, ValueError, AttributeError):  # NumPy functions applied to placeholders
            raise NotRecorded from None
        steps = len(evaluation.instructions) + len(differentiation.instructions)
        if len(recorder.lines) > MAX_LINES_PER_STEP * steps:
            raise NotRecorded
        self._start, self._lines, self._forward = recorder.start, recorder.lines, recorder.lines[:forward]
        self.work = LINE_WORK * len(recorder.lines)  # of one run, forward and backward
        self._inputs = [(name, _slots(array)) for name, array in placeholders.items()]
        self._loss = _slots(values[loss])[0]
        self._outputs: list[tuple[str, tuple[int, ...], list[int]]] = []
        for name in wanted:
            gradient = gradients.get(indices[name], recorder.zeros(inputs[name]))
            self._outputs.append((name, inputs[name], _slots(gradient)))

    def run(self, inputs: Mapping[str, Any]) -> tuple[Any, dict[str, Array]]:
        """Return the loss, and its gradients by name."""
        numbers = self._execute(inputs, self._lines)
        gradients: dict[str, Array] = {}
        for name, shape, slots in self._outputs:
            if shape:
                gradients[name] = np.array([numbers[slot] for slot in slots]).reshape(shape)
            else:
                gradients[name] = numbers[slots[0]]
        return numbers[self._loss], gradients

    def loss(self, inputs: Mapping[str, Any]) -> Any:
        """Return the loss alone."""
        return self._execute(inputs, self._forward)[self._loss]

    def _execute(self, inputs: Mapping[str, Any], lines: list[Line]) -> list[Any]:
        numbers: list[Any] = self._start.copy()
        for name, slots in self._inputs:
            array = inputs[name]
            if not array.shape:
                numbers[slots[0]] = array
            else:
                for slot, number in zip(slots, array.flat, strict=True):
                    numbers[slot] = number
        for function, operands, result in lines:
            if len(operands) == 2:
                numbers[result] = function(numbers[operands[0]], numbers[operands[1]])
            elif len(operands) == 1:
                numbers[result] = function(numbers[operands[0]])
            else:
                numbers[result] = function(*[numbers[slot] for slot in operands])
        return numbers


def _slots(placeholders: Array) -> list[int]:
    """Return the slots of an array's entries in the list of numbers."""
    entries: list[Any] = placeholders.ravel().tolist()
    return [entry.place for entry in entries]
