"""A primitive in a graph of its own, over any numbers: its result, and the gradients of its operands."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic
from compute.graph.graph import Graph, apply
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation
from tests.compute.primitives.drawing import Array


def through(
    arithmetic: Arithmetic, name: str, attributes: dict[str, Any], operands: list[Array], upstream: Array
) -> tuple[Array, list[Array | None]]:
    """The result, and the gradient of each operand or None."""
    graph = Graph()
    handles = []
    for at, operand in enumerate(operands):
        kind: Any = "boolean" if operand.dtype == np.bool_ else "real"
        handles.append(graph.input(f"x{at}", operand.shape, symbol="x", axes=(), kind=kind))
    result = apply(name, *handles, **attributes)
    result.name = "result"
    known = dict(enumerate(operands))
    evaluation = Evaluation(graph, arithmetic, known)
    evaluation.request([result.index])
    differentiation = Differentiation(evaluation, [result.index])
    values = evaluation.run(known)
    found = differentiation.run(values, {result.index: upstream}).totals
    return values[result.index], [found.get(handle.index) for handle in handles]
