"""Cost, against formulas written out by hand."""

from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial, big_o
from compute.graph.spec import Tensor
from compute.question.answer import Plan
from compute.question.plan import Question, describe_cost, prepare
from tests.compute.asking import plan, readings

n, d = Polynomial.symbol("n"), Polynomial.symbol("d")


def test_self_attention_in_letters() -> None:
    square = Tensor((d, d))
    shapes = {"x": Tensor((n, d)), "w_q": square, "w_k": square, "w_v": square}
    total, steps, conventions = describe_cost("self_attention", shapes, {})
    assert total.multiply_adds == 3 * d * d * n + 2 * d * n * n
    assert total.comparisons == n * n
    assert total.parameters == 3 * d * d
    assert big_o(total.multiply_adds) == "O(d²n + n²d)"
    assert {one.name: one.multiply_adds for one in total.steps} == {
        "query": d * d * n, "key": d * d * n, "value": d * d * n, "scores": d * n * n, "scaled_scores": 0,
        "weights": 0, "output": d * n * n,
    }  # fmt: skip
    assert [step.name for step in steps] == [one.name for one in total.steps]
    assert conventions["scale"] == "1/sqrt(d_k)"


@pytest.mark.parametrize("batch", [(), (7,)])
@pytest.mark.parametrize(("heads", "shared"), [(1, 1), (4, 2)])
def test_self_attention_in_numbers(batch: tuple[int, ...], heads: int, shared: int) -> None:
    tokens, width, d_k, d_v, d_o = 5, 6, 3, 2, 4
    copies = int(np.prod(batch, dtype=int))
    inputs: dict[str, Any] = {
        "x": np.ones((*batch, tokens, width)),
        "w_q": np.ones((width, heads * d_k)),
        "w_k": np.ones((width, shared * d_k)),
        "w_v": np.ones((width, shared * d_v)),
        "w_o": np.ones((heads * d_v, d_o)),
        "b_q": np.ones(heads * d_k),
    }
    cost = plan("self_attention", inputs, {"heads": heads, "kv_heads": shared}).cost
    projections = tokens * width * (heads * d_k + shared * d_k + shared * d_v)
    scores, sums = heads * tokens * tokens * d_k, heads * tokens * tokens * d_v
    assert cost.multiply_adds == copies * (projections + scores + sums + tokens * heads * d_v * d_o)
    assert cost.comparisons == copies * heads * tokens * tokens
    assert cost.parameters == sum(inputs[name].size for name in inputs if name != "x")
    # The bias, the scale, and five operations for each entry of the softmax.
    assert cost.elementwise == copies * (tokens * heads * d_k + 6 * heads * tokens * tokens)


def test_what_is_given_costs_nothing() -> None:
    given = {"weights": np.ones((3, 3)) / 3, "value": np.ones((3, 2))}
    cost = plan("attention", {}, given=given).cost
    assert cost.multiply_adds == 3 * 3 * 2
    assert cost.comparisons == 0


def test_predictions_grow_with_what_is_asked() -> None:
    inputs = {"query": np.ones((3, 4)), "key": np.ones((5, 4)), "value": np.ones((5, 2))}
    once = plan("attention", inputs).predicted
    assert plan("attention", inputs).cost.multiply_adds == 3 * 5 * 4 + 3 * 5 * 2 < once.work
    assert once.answer == 15 * 5 + 3 * 2  # capped_scores and masked_scores repeat scaled_scores
    backward = plan("attention", inputs, upstream={"output": np.ones((3, 2))}).predicted
    assert 2 * once.work < backward.work < 6 * once.work
    assert 2 * once.entries <= backward.entries < 3 * once.entries
    jacobian = plan("attention", inputs, jacobian=[("output", "key")]).predicted
    assert 6 * once.work < jacobian.work < 40 * once.work
    assert 2 * once.entries + 6 * 20 <= jacobian.entries < 3 * once.entries + 6 * 20


def test_work_done_for_claims_alone_is_predicted() -> None:
    def asked(*claims: str) -> Plan:
        tensors = (("x", Tensor((3, 4))), ("w", Tensor((4, 3))))
        return prepare(
            Question("graph", inputs=tensors, program=("y = x @ w",), readings=readings(claims=claims))
        )

    without, claiming = asked(), asked("x @ w @ x == y @ x")
    assert claiming.predicted.work > 3 * without.predicted.work
    assert claiming.cost.multiply_adds == without.cost.multiply_adds == 3 * 4 * 3
