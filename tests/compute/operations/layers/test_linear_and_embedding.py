"""Linear layers and embeddings against plain loops, in letters, and in symbols."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.plan import describe_cost
from tests.compute.asking import answer

RNG = np.random.default_rng(31)


def test_a_linear_layer_by_loops() -> None:
    x, w, b = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((4, 5)), RNG.standard_normal(5)
    found = answer("linear", {"x": x, "w": w, "b": b}).values
    for at in np.ndindex(2, 3, 5):
        *row, column = at
        total = sum(x[(*row, k)] * w[k, column] for k in range(4))
        assert found["projected"][at] == pytest.approx(total, rel=1e-12)
        assert found["output"][at] == pytest.approx(total + b[column], rel=1e-12)


def test_both_layouts_of_weights_are_one_layer() -> None:
    x, w = RNG.standard_normal((2, 4)), RNG.standard_normal((4, 5))
    upstream = {"output": RNG.standard_normal((2, 5))}
    one = answer("linear", {"x": x, "w": w}, upstream=upstream)
    other = answer("linear", {"x": x, "w": w.T}, {"weights": "out_in"}, upstream=upstream)
    np.testing.assert_array_equal(one.values["output"], one.values["projected"])
    np.testing.assert_allclose(one.values["output"], other.values["output"], rtol=1e-14)
    np.testing.assert_allclose(one.gradients["w"], other.gradients["w"].T, rtol=1e-14)


def test_a_vector_in_symbols() -> None:
    inputs = {"x": ["a", "b"], "w": [["c", "d"]], "b": ["f"]}
    found = answer("linear", inputs, {"weights": "out_in"}, upstream={"output": [1]}, arithmetic="exact")
    assert str(found.values["output"][0]) == "a*c + b*d + f"
    assert [str(one) for one in found.gradients["w"][0]] == ["a", "b"]


def test_what_a_linear_layer_costs_in_letters() -> None:
    n, d = map(Polynomial.symbol, "nd")
    cost, _, _ = describe_cost("linear", {"x": Tensor((n, d))}, {})
    assert str(cost.multiply_adds) == "d*d_out*n"


def test_an_embedding_is_one_hot_vectors_times_the_table() -> None:
    indices = np.array([[0.0, 3, 1], [3, 3, 0]])
    table = RNG.standard_normal((4, 2))
    upstream = RNG.standard_normal((2, 3, 2))
    found = answer("embedding", {"indices": indices, "weights": table}, upstream={"output": upstream})
    one_hot = np.eye(4)[indices.astype(int)]
    np.testing.assert_allclose(found.values["output"], one_hot @ table, rtol=1e-15)
    wanted = one_hot.reshape(-1, 4).T @ upstream.reshape(-1, 2)
    np.testing.assert_allclose(found.gradients["weights"], wanted, rtol=1e-14)
    assert "indices" not in found.gradients


@pytest.mark.parametrize("padding", [2, -2])
def test_the_padding_gets_no_gradient(padding: int) -> None:
    inputs: dict[str, Any] = {"indices": [2, 0, 2], "weights": RNG.standard_normal((4, 2))}
    found = answer("embedding", inputs, {"padding_index": padding, "scale": "sqrt(d)"},
                   upstream={"output": np.ones((3, 2))})  # fmt: skip
    np.testing.assert_array_equal(found.gradients["weights"], [[2**0.5] * 2, [0, 0], [0, 0], [0, 0]])
    np.testing.assert_array_equal(found.values["vectors"][0], inputs["weights"][2])
    np.testing.assert_allclose(found.values["output"], found.values["vectors"] * 2**0.5, rtol=1e-15)


def test_a_place_with_cases_takes_rows_with_cases() -> None:
    found = answer("embedding", {"indices": "where(a > 0, 1, 0)", "weights": [["p"], ["q"]]},
                   upstream={"output": [1]}, arithmetic="exact")  # fmt: skip
    a, p, q = sympy.symbols("a p q", real=True)
    assert [found.values["output"][0].subs({a: worth}) for worth in (1, -1)] == [q, p]
    gradient = found.gradients["weights"][:, 0]
    assert [one.subs({a: 1}) for one in gradient] == [0, 1]


@pytest.mark.parametrize("index", [4, -1, 0.5, np.nan, np.inf])
def test_what_is_no_row_is_refused(index: Any) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("embedding", {"indices": [0, index], "weights": np.ones((4, 2))})
    [error] = caught.value.errors
    assert error.path == ("indices",)
    assert error.expected == "whole numbers from 0 to 3"


@pytest.mark.parametrize("padding", [4, -5])
def test_a_padding_that_is_no_row_is_refused(padding: int) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("embedding", {"indices": [0], "weights": np.ones((4, 2))}, {"padding_index": padding})
    assert caught.value.errors[0].path == ("padding_index",)
