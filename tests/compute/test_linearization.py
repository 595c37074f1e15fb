"""Small changes carried forward: Jacobians times directions, and the transpose of what goes backward."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.evaluation import Evaluation
from compute.linearization import Linearization
from tests.compute.asking import answer, arrays, plan
from tests.oracles.cases import COUNTS, case

PLACES = [(kind, seed) for kind in COUNTS for seed in range(12)]


@pytest.mark.parametrize(("kind", "seed"), PLACES)
def test_forward_is_the_transpose_of_backward(kind: int, seed: int) -> None:
    """Upstream times the change is the gradient times the direction, whatever the two are."""
    posed = case(kind, seed)
    rng = np.random.default_rng([kind, seed, 1])
    graph = plan(posed.operation, posed.inputs, posed.attributes).graph
    known = {graph.names[name].index: array for name, array in arrays(posed.inputs).items()}
    directions = {
        graph.names[name].index: rng.standard_normal(posed.inputs[name].shape)
        for name in posed.differentiated
    }
    evaluation = Evaluation(graph, FLOAT64, known)
    output = graph.names["output"].index
    forward = Linearization(evaluation, directions, [output])
    change = forward.run(evaluation.run(known), directions)[output]
    backward = answer(
        posed.operation, posed.inputs, posed.attributes, upstream={"output": posed.upstream}
    ).gradients
    there = float((posed.upstream * change).sum())
    back = sum(
        float((backward[name] * directions[graph.names[name].index]).sum()) for name in posed.differentiated
    )
    assert there == pytest.approx(back, rel=1e-9, abs=1e-9)


def test_what_does_not_change_has_no_tangent() -> None:
    inputs: dict[str, Any] = {"x": np.eye(3), "w_q": np.eye(3), "w_k": np.eye(3)}
    graph = plan("self_attention", inputs).graph
    known = {graph.names[name].index: array for name, array in inputs.items()}
    evaluation = Evaluation(graph, FLOAT64, known)
    names = [graph.names[name].index for name in ("query", "scores", "output")]
    plan_for_keys = Linearization(evaluation, [graph.names["key"].index], names)
    found = plan_for_keys.run(evaluation.run(known), {graph.names["key"].index: np.ones((3, 3))})
    assert set(found) >= set(names[1:])
    assert names[0] not in found
