"""The questions of exams and homework that are asked in letters, with the answers of their documents."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols
from compute.arithmetic.exact.proofs import compare
from compute.arithmetic.kinds import EXACT
from compute.dimensions import Polynomial
from compute.graph.spec import Tensor
from compute.question.plan import describe_cost
from tests.compute.asking import NETWORK, answer, exact_entries, program


def letters(name: str, *shape: int) -> Any:
    """A tensor of symbols: x1, x2, ... or x1_1, x1_2, ..."""
    return Symbols().fresh(name, shape)


def same(found: Any, expected: Any) -> None:
    """Two tensors are equal for all values of their symbols: as this project proves it, and as SymPy does."""
    expected = exact_entries(expected)
    assert found.shape == expected.shape
    for one, other in zip(found.flat, expected.flat, strict=True):
        assert compare(one, other).verdict == "proved", (one, other)
        assert sympy.simplify(sympy.piecewise_fold(one - other)) == 0, (one, other)


def proved(found: Any, count: int) -> None:
    assert [claim.verdict for claim in found.parts["claims"]] == ["proved"] * count


def put(tensor: Any, numbers: dict[Any, Any]) -> Any:
    """The tensor with these in the place of symbols."""
    return np.vectorize(lambda one: one.subs(numbers), otypes=[object])(tensor)


def derivatives(loss: Any, symbols: Any) -> Any:
    """The gradient of a loss that is written by hand."""
    found = np.empty(symbols.shape, dtype=object)
    for at in np.ndindex(symbols.shape):
        found[at] = sympy.diff(loss, symbols[at])
    return found


def softmax(scores: Any) -> Any:
    """Over the last axis of a matrix, by hand."""
    powers = np.vectorize(sympy.exp, otypes=[object])(scores)
    return powers / powers.sum(axis=-1, keepdims=True)


def test_000_0_1_1_attention_in_closed_form() -> None:
    inputs = {
        "x": [[0, 1], [-1, 1]],
        "w_q": [["2*sqrt(2)"], ["sqrt(2)"]],
        "w_k": [[-2], [-1]],
        "w_v": [["-1/10"], ["3/10"]],
    }
    for scale, h in (("1", "1/(1 + exp(2*sqrt(2)))"), ("1/sqrt(2)", "1/(1 + exp(2))")):
        found = answer("self_attention", inputs, {"scale": scale}, arithmetic=EXACT).values
        same(found["weights"], [[h, f"1 - {h}"], [f"1 - {h}", h]])
        same(found["output"], [[f"3*{h}/10 + 4*(1 - {h})/10"], [f"3*(1 - {h})/10 + 4*{h}/10"]])
        assert str(found["weights"][0, 0]) == h


def network(**asked: Any) -> Any:
    inputs = {"x": letters("x", 5), "k": letters("k", 3), "b": "b", "w": letters("w", 2), "c": "c", "y": "y"}
    return program(NETWORK, inputs, data=("x", "y"), **asked)


def test_000_0_2_2_gradients_of_the_loss() -> None:
    found = network(upstream={"L": 1}, abbreviated=("z4", "y_hat", "v"), select=("z4", "v"))
    same(found.gradients["v"], ["-(y - y_hat)*y_hat*w1", "-(y - y_hat)*y_hat*w2"])
    found = network(upstream={"L": 1}, abbreviated=("z4",), select=("z4", "v"))
    factor = "-(y - exp(z4))*exp(z4)"
    same(found.gradients["z4"], factor)
    same(found.gradients["v"], [f"{factor}*w1", f"{factor}*w2"])
    z4, y = Symbols().symbol("z4"), Symbols().symbol("y")
    assert sympy.simplify(found.gradients["z4"][()] - sympy.diff((y - sympy.exp(z4)) ** 2 / 2, z4)) == 0


def test_000_0_2_3_a_gradient_goes_to_the_larger() -> None:
    found = network(given={"z": letters("z", 3)}, upstream={"u": ["delta1", "delta2"]}, select=("z",))
    # Of equals the first gets it, which the exam leaves open.
    expected = [
        "delta1*indicator(z1 >= z2)",
        "delta1*indicator(z2 > z1) + delta2*indicator(z2 >= z3)",
        "delta2*indicator(z3 > z2)",
    ]
    gradient = found.gradients["z"]
    for one, other in zip(gradient, exact_entries(expected), strict=True):
        assert compare(one, other).verdict == "proved"
    z, delta = letters("z", 3), letters("delta", 2)
    for order in ((1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)):
        numbers = dict(zip(z, order, strict=True))
        shares = [sympy.S.Zero] * 3
        for window, share in enumerate(delta):
            shares[window + (order[window + 1] > order[window])] += share
        assert [one.subs(numbers) for one in gradient] == shares


def test_000_0_2_4_sums_over_positions() -> None:
    found = network(upstream={"z": letters("delta", 3)}, select=("k", "b")).gradients
    same(
        found["k"],
        [
            "delta1*x1 + delta2*x2 + delta3*x3",
            "delta1*x2 + delta2*x3 + delta3*x4",
            "delta1*x3 + delta2*x4 + delta3*x5",
        ],
    )
    same(found["b"], "delta1 + delta2 + delta3")


def test_001_1a_sizes_in_letters() -> None:
    names = {name: Polynomial.symbol(name) for name in "CWHwhs"}
    image = Tensor((names["C"], names["W"], names["H"]))
    kernel = Tensor((names["C"], names["w"], names["h"]))
    _, steps, _ = describe_cost("conv2d", {"x": image, "kernel": kernel}, {})
    assert steps[-1].shape == ["1 + W - w", "1 + H - h"]
    _, steps, _ = describe_cost("conv2d", {"x": image, "kernel": kernel}, {"stride": names["s"]})
    assert steps[-1].shape == ["1 + floor((W - w)/s)", "1 + floor((H - h)/s)"]


@pytest.mark.parametrize("stride", [1, 2])
def test_001_1c_gradients_of_a_convolution(stride: int) -> None:
    image, kernel, rows = letters("I", 2, 4, 3), letters("G", 2, 2, 2), (4 - 2) // stride + 1
    columns = (3 - 2) // stride + 1
    delta = letters("delta", rows, columns)
    found = answer(
        "conv2d",
        {"x": image, "kernel": kernel, "bias": "b"},
        {"stride": stride},
        upstream={"output": delta},
        arithmetic=EXACT,
    )
    output = np.empty((rows, columns), dtype=object)
    for i, j in np.ndindex(output.shape):
        window = image[:, i * stride : i * stride + 2, j * stride : j * stride + 2]
        output[i, j] = (window * kernel).sum() + Symbols().symbol("b")
    same(found.values["output"], output)
    loss = (delta * output).sum()
    same(found.gradients["kernel"], derivatives(loss, kernel))
    same(found.gradients["x"], derivatives(loss, image))
    same(found.gradients["bias"], delta.sum())


def test_001_1de_a_maximum_of_a_convolution() -> None:
    """R[i, j] is a maximum; the gradient goes to the winner and to no other."""
    found = answer(
        "max_pool2d",
        {"x": letters("x", 2, 3)},
        {"size": (2, 2), "stride": 1},
        upstream={"output": [["delta1", "delta2"]]},
        arithmetic=EXACT,
    )
    output = found.values["output"]
    assert compare(output[0, 0], exact_entries("max(x1_1, x1_2, x2_1, x2_2)")[()]).verdict == "proved"
    x = letters("x", 2, 3)
    for numbers in ([[1, 2, 3], [4, 5, 6]], [[6, 2, 3], [4, 5, 1]], [[1, 9, 3], [4, 5, 6]]):
        point = dict(zip(x.flat, np.ravel(numbers).tolist(), strict=True))
        shares = np.full((2, 3), sympy.S.Zero)
        for window in range(2):
            part = np.array(numbers)[:, window : window + 2]
            row, column = np.unravel_index(part.argmax(), part.shape)
            shares[row, column + window] += Symbols().symbol(f"delta{window + 1}")
            assert output[0, window].subs(point) == part.max()
        same(put(found.gradients["x"], point), shares)


def test_001_2b_all_sums_at_once() -> None:
    query, key, value = letters("q", 2, 1), letters("k", 2, 1), letters("v", 2, 2)
    inputs = {"query": query, "key": key, "value": value}
    found = answer("attention", inputs, {"scale": 1}, arithmetic=EXACT).values
    same(found["output"], softmax(query @ key.T) @ value)
    lines = ["y = attention(query, key, value, scale=1)", "a = softmax(query @ key.T)"]
    proved(program(lines, inputs, claims=("y == a @ value",)), 1)


def columns(**settings: Any) -> dict[str, Any]:
    """Attention of one query over three keys that are columns, as homework 002 has it."""
    inputs = {"query": letters("q", 2, 1), "key": letters("k", 2, 3), "value": letters("v", 1, 3)}
    settings = {"layout": "columns", "orientation": "key_query", "scale": "beta"} | settings
    found: dict[str, Any] = answer("attention", inputs, settings, arithmetic=EXACT).values
    return found


def test_002_1_1a_softargmax_with_a_free_scale() -> None:
    beta, (q, k) = Symbols().symbol("beta"), (letters("q", 2, 1), letters("k", 2, 3))
    weights = softmax(beta * (k.T @ q).T).T
    found = columns()
    same(found["weights"], weights)
    same(found["output"], letters("v", 1, 3) @ weights)


def test_002_1_1b_the_scale_spreads_or_concentrates() -> None:
    """Uniform at 0, one-hot at infinity (and not at 1), on the smallest at -infinity."""
    beta = Symbols().symbol("beta")
    found = columns()["weights"]
    same(put(found, {beta: 0}), [["1/3"]] * 3)
    same(columns(scale=0)["output"], [["(v1_1 + v1_2 + v1_3)/3"]])
    symbols = (*letters("q", 2, 1).flat, *letters("k", 2, 3).flat)
    weights = [*put(found, dict(zip(symbols, (1, 0, 2, 3, 1, 0, 0, 0), strict=True))).flat]
    limits = [[sympy.limit(one, beta, end) for one in weights] for end in (sympy.oo, -sympy.oo)]
    assert limits == [[0, 1, 0], [0, 0, 1]]
    assert all(0 < one.subs(beta, 1) < 1 for one in weights)


def test_002_1_1f_a_longer_key() -> None:
    """Its score alone is multiplied, by alpha."""
    query, key = letters("q", 2, 1), letters("k", 2, 2)
    key[:, 1] = Symbols().symbol("alpha") * key[:, 1]
    inputs = {"query": query, "key": key, "value": [[1, 0]]}
    settings = {"layout": "columns", "scale": "beta"}
    found = answer("attention", inputs, settings, arithmetic=EXACT).values["output"]
    same(found, [["1/(1 + exp(beta*(alpha*(k1_2*q1_1 + k2_2*q2_1) - k1_1*q1_1 - k2_1*q2_1)))"]])


def test_002_1_2a_heads_are_projected_apart_and_joined() -> None:
    x, w_o = letters("x", 2, 1), letters("o", 2, 1)
    weights = {name: letters(name[-1], 1, 2) for name in ("w_q", "w_k", "w_v")}
    found = answer(
        "self_attention", {"x": x, "w_o": w_o, **weights}, {"heads": 2, "scale": 1}, arithmetic=EXACT
    ).values["output"]
    output: Any = 0
    for head in range(2):
        q, k, v = (x @ one[:, head : head + 1] for one in weights.values())
        output = output + softmax(q @ k.T) @ v @ w_o[head : head + 1]
    same(found, output)


def test_002_1_3b_without_positions_rows_are_carried_along() -> None:
    inputs = {"x": letters("x", 3, 1), "w_q": [["a"]], "w_k": [["b"]], "w_v": [["c"]]}
    order = [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    lines = ["y = self_attention(x, w_q, w_k, w_v)", "z = self_attention(order @ x, w_q, w_k, w_v)"]
    proved(program(lines, {**inputs, "order": order}, claims=("z == order @ y",)), 1)
    lines[1] = "z = self_attention(order @ x, w_q, w_k, w_v, causal=True)"
    found = program(lines, {**inputs, "order": order}, claims=("z == order @ y",))
    assert found.parts["claims"][0].verdict == "refuted"
    assert found.parts["claims"][0].point


def test_003_value_path_key_path_and_query_path() -> None:
    x, d = letters("x", 2, 1), letters("d", 2, 1)
    inputs = {"x": x, "w_q": [["a"]], "w_k": [["b"]]}
    settings = {"scale": 1, "orientation": "key_query"}
    found = answer("self_attention", inputs, settings, upstream={"output": d}, arithmetic=EXACT)
    # Every use of the tokens has letters of its own: x_i as value and as key, x'_j as query.
    roles = {role: letters(role, 2, 1) for role in ("query", "key", "value")}
    scores = Symbols().symbol("a") * Symbols().symbol("b") * (roles["query"] @ roles["key"].T)
    loss = (d * (softmax(scores) @ roles["value"])).sum()
    back = {one: other for letter in roles.values() for one, other in zip(letter.flat, x.flat, strict=True)}
    assert set(found.contributions["x"]) == set(roles)
    for role, symbols in roles.items():
        path = put(derivatives(loss, symbols), back)
        same(found.contributions["x"][role], path)
    whole = loss.xreplace(back)
    same(found.gradients["x"], derivatives(whole, x))


def test_004_1_softmax_of_two_is_a_sigmoid() -> None:
    z = [Symbols().symbol("z0"), Symbols().symbol("z1")]
    claims = ("p[1] == sigmoid(z[1] - z[0])", "p[0] == 1 / (1 + exp(z[1] - z[0]))", "p[0] == 1 - p[1]")
    found = program(["p = softmax(z)"], {"z": z}, claims=claims)
    proved(found, 3)
    same(found.values["p"], ["1/(1 + exp(z1 - z0))", "1/(1 + exp(z0 - z1))"])
    wrong = program(["p = softmax(z)"], {"z": z}, claims=("p[1] == sigmoid(z[0] - z[1])",)).parts["claims"][0]
    assert wrong.verdict == "refuted"
    assert set(wrong.point or {}) == {"z0", "z1"}


def test_004_3_a_convolution_as_a_product() -> None:
    inputs = {"x": letters("x", 4), "kernel": letters("k", 2)}
    select = ("patches", "kernel_matrix", "output")
    found = answer("conv1d", inputs, select=select, arithmetic=EXACT).values
    same(found["output"], ["x1*k1 + x2*k2", "x2*k1 + x3*k2", "x3*k1 + x4*k2"])
    same(found["patches"], [["x1", "x2", "x3"], ["x2", "x3", "x4"]])
    same(found["kernel_matrix"], [["k1", "k2", 0, 0], [0, "k1", "k2", 0], [0, 0, "k1", "k2"]])
    same(found["kernel_matrix"] @ inputs["x"], found["output"])
    same(inputs["kernel"] @ found["patches"], found["output"])


def test_004_7_2_comparisons_in_letters() -> None:
    size, k = Polynomial.symbol("T"), Polynomial.symbol("k")
    tensors = {name: Tensor((size, Polynomial.symbol("d"))) for name in ("query", "key", "value")}
    spent, _, _ = describe_cost("attention", tensors, {"window": k})
    written = {
        name: exact_entries(str(getattr(spent, name)))[()]
        for name in ("comparisons", "all_comparisons", "exact_comparisons")
    }
    same(np.array(written["all_comparisons"]), "T**2")
    same(np.array(written["comparisons"]), "T*(2*k + 1)")
    same(np.array(written["exact_comparisons"]), "T*(2*k + 1) - k*(k + 1)")
    for length, reach in ((5, 1), (7, 3), (6, 0)):
        pairs = sum(abs(i - j) <= reach for i in range(length) for j in range(length))
        point = {Symbols().symbol("T"): length, Symbols().symbol("k"): reach}
        assert written["exact_comparisons"].subs(point) == pairs
