"""Operations made of operations, and loops: names, gradients and given values reach into them."""

from typing import Annotated, Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.graph.graph import Value, apply
from compute.graph.spec import Tensor, ValueSpec
from compute.operations import CATALOGUE
from compute.operations.framework.build import build, call
from compute.operations.framework.declaration import Attribute, Input, operation
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation
from tests.compute.asking import answer


@operation((ValueSpec("output", "token d", "... n d", "The output.", "Y"),))
def twice(
    x: Annotated[Value, Input("... n d", "The tokens.", "X")],
    w: Annotated[Value, Input("d d", "All weights.", "W", parameter=True)],
    *,
    heads: Annotated[int, Attribute("The number of heads.", dimension=True)] = 1,
) -> Value:
    """Two layers of self-attention, the second causal."""
    layer = CATALOGUE["self_attention"]
    first = call(layer, "layer[0]", x=x, w_q=w, w_k=w, w_v=None, heads=heads)
    return call(layer, "layer[1]", x=first, w_q=w, w_k=w, causal=True, scale="1/d_k").named("output")


@operation((ValueSpec("hidden[t]", "d", "d d", "The state after each step.", "H"),))
def steps(x: Annotated[Value, Input("d d", "A matrix.", "X")]) -> Value:
    """Powers of a matrix, squashed."""
    state = x
    for t in range(3):
        state = apply("tanh", state @ x).named(f"hidden[{t}]")
    return state


RNG = np.random.default_rng(41)
X, W = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 4))


def run(graph: Any, known: dict[str, Any], seeds: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    indices = {graph.names[name].index: array for name, array in known.items()}
    evaluation = Evaluation(graph, FLOAT64, indices)
    evaluation.request(value.index for value in graph.named_values())
    upstream = {graph.names[name].index: array for name, array in seeds.items()}
    plan = Differentiation(evaluation, upstream)
    values = evaluation.run(indices)
    totals = plan.run(values, upstream).totals
    by_name = {name: value.index for name, value in graph.names.items()}
    return (
        {name: values[index] for name, index in by_name.items() if index in values},
        {name: totals[index] for name, index in by_name.items() if index in totals},
    )


def test_a_composite_is_its_parts_under_their_scopes() -> None:
    graph = build(twice, {"x": Tensor(X.shape), "w": Tensor(W.shape)}, {"heads": 2})
    assert graph.names["layer[0].weights"].shape == (2, 3, 3)
    assert graph.names["layer[1].weights"].shape == (3, 3)
    upstream = RNG.standard_normal((3, 4))
    values, gradients = run(graph, {"x": X, "w": W}, {"layer[1].output": upstream})
    weights = {"w_q": W, "w_k": W}
    first = answer("self_attention", {"x": X, **weights}, {"heads": 2})
    inner = {"x": first.values["output"], **weights}
    second = answer(
        "self_attention", inner, {"causal": True, "scale": "1/d_k"}, upstream={"output": upstream}
    )
    for name, value in second.values.items():
        np.testing.assert_array_equal(values[f"layer[1].{name}"], value)
    np.testing.assert_allclose(gradients["layer[0].output"], second.gradients["x"], rtol=1e-13)
    outer = answer(
        "self_attention", {"x": X, **weights}, {"heads": 2}, upstream={"output": second.gradients["x"]}
    )
    expected = sum(one.gradients[name] for one in (outer, second) for name in ("w_q", "w_k"))
    np.testing.assert_allclose(gradients["w"], expected, rtol=1e-12)


@operation((ValueSpec("output", "token d", "... n d", "The output.", "Y"),))
def chain(
    x: Annotated[Value, Input("... n d", "The tokens.", "X")],
    w: Annotated[Value, Input("d d", "All weights.", "W", parameter=True)],
) -> Value:
    """Six residual attention layers that share their weights."""
    for depth in range(6):
        x = x + call(CATALOGUE["cross_attention"], f"layer[{depth}]", x=x, context=x, w_q=w, w_k=w, w_v=w)
    return x.named("output")


def test_contributions_sum_to_gradients_however_deep_the_chain() -> None:
    graph = build(chain, {"x": Tensor(X.shape), "w": Tensor(W.shape)}, {})
    known = {graph.names["x"].index: X, graph.names["w"].index: W}
    evaluation = Evaluation(graph, FLOAT64, known)
    output = graph.names["output"].index
    plan = Differentiation(evaluation, [output])
    upstream = RNG.standard_normal((3, 4))
    found = plan.run(evaluation.run(known), {output: upstream})
    consumers = {
        graph.values[one].name for one in found.contributions[graph.names["w"].index] if isinstance(one, int)
    }
    assert consumers == {f"layer[{depth}].{name}" for depth in range(6) for name in ("query", "key", "value")}
    for index, parts in found.contributions.items():
        np.testing.assert_allclose(sum(parts.values()), found.totals[index], rtol=1e-10, atol=1e-12)
    direction, step = RNG.standard_normal((4, 4)), 1e-6
    ahead, behind = (
        run(graph, {"x": X, "w": W + sign * step * direction}, {})[0]["output"] for sign in (1, -1)
    )
    change = float(((ahead - behind) * upstream).sum()) / (2 * step)
    assert float((found.totals[graph.names["w"].index] * direction).sum()) == pytest.approx(change, rel=1e-6)


def test_a_value_inside_a_part_can_be_given() -> None:
    tensors = {"x": Tensor(X.shape), "w": Tensor(W.shape)}
    values, _ = run(build(twice, tensors, {}), {"x": X, "w": W}, {})
    given = {"layer[1].weights": values["layer[1].weights"], "layer[1].value": values["layer[1].value"]}
    graph = build(twice, {}, {}, {name: Tensor(array.shape) for name, array in given.items()})
    again, _ = run(graph, given, {})
    np.testing.assert_array_equal(again["layer[1].output"], values["layer[1].output"])
    assert "layer[0].output" not in again


def test_steps_of_a_loop_are_named_by_their_index() -> None:
    graph = build(steps, {"x": Tensor((4, 4))}, {})
    assert [name for name in graph.names if name.startswith("hidden")] == [f"hidden[{t}]" for t in range(3)]
    values, gradients = run(graph, {"x": W}, {"hidden[2]": np.ones((4, 4))})
    np.testing.assert_allclose(values["hidden[1]"], np.tanh(np.tanh(W @ W) @ W), rtol=1e-15)
    direction, step = RNG.standard_normal((4, 4)), 1e-6
    ahead, behind = (run(graph, {"x": W + s * step * direction}, {})[0]["hidden[2]"].sum() for s in (1, -1))
    assert float((gradients["x"] * direction).sum()) == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)


def test_a_part_takes_no_argument_that_it_does_not_declare() -> None:
    graph = build(steps, {"x": Tensor((4, 4))}, {})
    with pytest.raises(TypeError, match="takes no w_z"):
        call(CATALOGUE["self_attention"], "part", x=graph.names["x"], w_z=None)
