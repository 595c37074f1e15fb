"""A loss and its gradients as a list of what is done to single numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.arithmetic.recorder import Line, NotRecorded, Recorder
from compute.graph.graph import Graph
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation

LINE = 200  # predicted work of one of them, see `compute.graph.work`
WORTHWHILE = 8  # lines for each step of arrays, up to which single numbers are faster


class Recorded:
    """One run of a graph, forward and backward, noted once and repeated on other numbers.

    Raises NotRecorded where what is done goes by the numbers, or is so much that arrays are faster.
    """

    def __init__(
        self, graph: Graph, inputs: Mapping[str, tuple[int, ...]], loss: int, wanted: list[str]
    ) -> None:
        recorder: Any = Recorder()
        noted = {name: recorder.input(shape) for name, shape in inputs.items()}
        indices = {name: graph.names[name].index for name in inputs}
        evaluation = Evaluation(graph, recorder, indices.values())
        evaluation.request([loss])
        differentiation = Differentiation(evaluation, [loss], [indices[name] for name in wanted])
        try:
            values = evaluation.run({indices[name]: array for name, array in noted.items()})
            forward = len(recorder.lines)
            found = differentiation.run(values, {loss: recorder.one_hot((), 0)}).totals
        except (TypeError, ValueError, AttributeError):  # NumPy's own functions on noted numbers
            raise NotRecorded from None
        steps = len(evaluation.instructions) + len(differentiation.instructions)
        if len(recorder.lines) > WORTHWHILE * steps:
            raise NotRecorded
        self._start, self._lines, self._forward = recorder.start, recorder.lines, recorder.lines[:forward]
        self.work = LINE * len(recorder.lines)  # of one run, forward and backward
        self._takes = [(name, _places(array)) for name, array in noted.items()]
        self._loss = _places(values[loss])[0]
        self._gives: list[tuple[str, tuple[int, ...], list[int]]] = []
        for name in wanted:
            gradient = found.get(indices[name], recorder.zeros(inputs[name]))
            self._gives.append((name, inputs[name], _places(gradient)))

    def run(self, known: Mapping[str, Any]) -> tuple[Any, dict[str, Array]]:
        """The loss, and its gradients by name."""
        numbers = self._done(known, self._lines)
        gradients: dict[str, Array] = {}
        for name, shape, places in self._gives:
            if shape:
                gradients[name] = np.array([numbers[one] for one in places]).reshape(shape)
            else:
                gradients[name] = numbers[places[0]]
        return numbers[self._loss], gradients

    def loss(self, known: Mapping[str, Any]) -> Any:
        """The loss alone."""
        return self._done(known, self._forward)[self._loss]

    def _done(self, known: Mapping[str, Any], lines: list[Line]) -> list[Any]:
        numbers: list[Any] = self._start.copy()
        for name, places in self._takes:
            array = known[name]
            if not array.shape:
                numbers[places[0]] = array
            else:
                for place, number in zip(places, array.flat, strict=True):
                    numbers[place] = number
        for function, takes, out in lines:
            if len(takes) == 2:
                numbers[out] = function(numbers[takes[0]], numbers[takes[1]])
            elif len(takes) == 1:
                numbers[out] = function(numbers[takes[0]])
            else:
                numbers[out] = function(*[numbers[one] for one in takes])
        return numbers


def _places(noted: Array) -> list[int]:
    """Where the entries of an array will stand."""
    entries: list[Any] = noted.ravel().tolist()
    return [one.place for one in entries]
