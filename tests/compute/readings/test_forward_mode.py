"""Small changes carried forward: Jacobians times directions, and the transpose of what goes backward."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT32, FLOAT64, Floating
from compute.readings.evaluation import Evaluation
from compute.readings.forward_mode import Linearization
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


@pytest.mark.parametrize("arithmetic", [FLOAT64, FLOAT32])
def test_steps_put_together_are_carried_by_a_complex_step(arithmetic: Floating) -> None:
    """Several operands move at once, and the change is in the numbers of the answer."""
    rng = np.random.default_rng(8)
    inputs = {
        "x": rng.standard_normal((4, 6)),
        "gain": rng.standard_normal(6),
        "bias": rng.standard_normal(6),
    }
    upstream = {"output": rng.standard_normal((4, 6))}
    asked = plan(
        "layer_norm", inputs, upstream=upstream, select=["output", *inputs], arithmetic=arithmetic.name
    )
    assert [one.primitive.tangents for one in asked.graph.values if one.primitive] == ["complex_step"]
    cast = {name: one.astype(arithmetic.dtype) for name, one in (inputs | upstream).items()}
    known = {asked.graph.names[name].index: cast[name] for name in inputs}
    directions = {at: rng.standard_normal(one.shape).astype(arithmetic.dtype) for at, one in known.items()}
    evaluation = Evaluation(asked.graph, arithmetic, known)
    output = asked.graph.names["output"].index
    forward = Linearization(evaluation, directions, [output])
    change = forward.run(evaluation.run(known), directions)[output]
    assert change.dtype == arithmetic.dtype
    backward = asked.answer({name: cast[name] for name in inputs}, {}, {"output": cast["output"]}).gradients
    back = sum(float((backward[name] * directions[asked.graph.names[name].index]).sum()) for name in inputs)
    there = float((cast["output"] * change).sum())
    assert there == pytest.approx(back, rel=1e-9 if arithmetic is FLOAT64 else 1e-4)
