"""Every primitive: the predicted nonzero entries of its Jacobian, against Jacobians at random operands."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.graph.graph import Graph, apply
from compute.readings.evaluation import Evaluation
from compute.readings.jacobians import Support, compute_jacobian
from compute.readings.reverse_mode import Differentiation
from compute.readings.sparsity import reach
from tests.compute.primitives.cases import CASES
from tests.compute.primitives.drawing import Array

DRAWS = 200  # enough for every entry of a pooling window to be the largest once
CHOSEN = [(name, at) for name, cases in CASES.items() for at in range(len(cases))]


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_the_support_is_that_of_jacobians_at_random_operands(name: str, at: int) -> None:
    case = CASES[name][at]
    rules = case.rules(name)
    first = [operand(np.random.default_rng(0)) for operand in case.operands]
    graph = Graph()
    handles = []
    for place, operand in enumerate(first):
        kind: Any = "boolean" if operand.dtype == np.bool_ else "real"
        handles.append(graph.input(f"x{place}", operand.shape, symbol="x", axes=(), kind=kind))
    result = apply(name, *handles, **case.attributes)
    result.name = "result"
    for place in [place for place, rule in enumerate(rules) if rule is not None]:
        evaluation = Evaluation(graph, FLOAT64, range(len(handles)))
        plan = Differentiation(evaluation, [result.index], [handles[place].index])
        evaluation.request([result.index])
        seen: Array = np.zeros((), dtype=bool)
        support: list[Array] = []
        for draw in range(DRAWS):
            rng = np.random.default_rng(draw)
            operands = [
                draw_operand(rng) if rules[at] is not None else first[at]
                for at, draw_operand in enumerate(case.operands)
            ]
            known = dict(enumerate(operands))
            value, _ = compute_jacobian(plan, evaluation.run(known), result, handles[place])
            if not support:
                nothing = reach(np.zeros_like(value), result.rank)
                support = Support(evaluation, result, handles[place]).find(known, nothing)
            seen = seen | (value != 0)
            reached = reach(seen, result.rank)
            if all(map(np.array_equal, reached, support)):
                break
        assert all(map(np.array_equal, reached, support))
