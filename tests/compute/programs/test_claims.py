"""Claims: inequalities, chains, tolerances, gradients and shapes, against NumPy, differences and SymPy."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from compute.programs.claims import ToleratedClaim
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(152)
ATTENTION = ("h = self_attention(x, w, w)", "L = sum(h**2)", "y = x @ w")


def results(program: Any, inputs: dict[str, Any], *claims: Any, **more: Any) -> list[Any]:
    found: list[Any] = answer("graph", inputs, program=program, claims=claims, **more).parts["claims"]
    return found


def holds(program: Any, inputs: dict[str, Any], *claims: Any, **more: Any) -> list[bool | None]:
    return [claim.holds for claim in results(program, inputs, *claims, **more)]


def first_error(claim: Any, program: Any = ATTENTION, **more: Any) -> Any:
    inputs = {"x": [[1.0, 2], [0, 1]], "w": [[1.0, 0.5], [0, 1]]}
    with pytest.raises(QuestionErrors) as caught:
        plan("graph", inputs, program=program, claims=(claim,), **more)
    return caught.value.errors[0]


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_relations_are_those_of_numpy(arithmetic: str) -> None:
    a, b = np.round(RNG.normal(size=(2, 3, 4)), 1)
    b[0] = a[0]
    signs: dict[str, Any] = {
        "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater,
        ">=": np.greater_equal,
    }  # fmt: skip
    for shift in (-9, 0, 9):
        claims = [f"a {sign} b + {shift}" for sign in signs]
        expected = [bool(compare(a, b + shift).all()) for compare in signs.values()]
        assert holds(("y = a",), {"a": a, "b": b}, *claims, arithmetic=arithmetic) == expected


def test_a_chain_holds_if_every_part_does() -> None:
    program, inputs = ("p = softmax(x)",), {"x": [0.0, 1, 2]}
    found = results(
        program, inputs, "0 < p < 1", "0 < p[0] < p[1] <= p[2]", "0 < p[1] < p[0] < 1", "1 > p >= 0"
    )
    assert [claim.holds for claim in found] == [True, True, False, True]
    assert found[2].how == "p[1] < p[0] fails"
    softmax = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
    assert found[2].largest_difference == pytest.approx(softmax[1] - softmax[0])


def test_the_largest_difference_and_its_place() -> None:
    x = RNG.normal(size=(3, 4))
    y = x.copy()
    y[1, 2] += 0.5
    y[2, 0] -= 0.25
    found = results(("z = x",), {"x": x, "y": y}, "x == y", "x >= y", "x <= y", "x == x")
    assert [claim.at for claim in found] == [[1, 2], [1, 2], [2, 0], None]
    assert [claim.largest_difference for claim in found] == pytest.approx([0.5, 0.5, 0.25, 0])
    [scalar] = results(("z = x",), {"x": 2.0}, "x == 3")
    assert (scalar.at, scalar.largest_difference) == (None, 1)


def test_rounding_is_no_difference_and_no_strict_order() -> None:
    x = {"a": 0.1 + 0.2, "b": 0.3}
    assert x["a"] > x["b"]
    claims = ("a == b", "a <= b", "a < b", "b < a", "a != b")
    assert holds(("y = a",), x, *claims) == [True, True, False, True, False]


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (ToleratedClaim("a == 0.73", tolerance=0.005), True),
        (ToleratedClaim("a == 0.73", tolerance=0.001), False),
        (ToleratedClaim("a == 0.73", decimals=2), True),
        (ToleratedClaim("a == 0.731", decimals=3), True),
        (ToleratedClaim("a == 0.73", decimals=3), False),
        (ToleratedClaim("a == 0.73", tolerance=0.0001, decimals=2), True),
        (ToleratedClaim("a <= 0.73", tolerance=0.005), True),
        (ToleratedClaim("a < 0.73", tolerance=0.001), False),
        (ToleratedClaim("a != 0.73", tolerance=0.005), False),
        (ToleratedClaim("0.735 == 0.73", tolerance=0.005), True),
        (ToleratedClaim("a == 0.73"), False),
        (ToleratedClaim("a == 0.73", tolerance=0), False),
    ],
)
@pytest.mark.parametrize("arithmetic", ["float64", "float32", "exact"])
def test_tolerances(claim: ToleratedClaim, expected: bool, arithmetic: str) -> None:
    # The sigmoid of 1 is 0.73105857863...
    assert holds(("a = sigmoid(x)",), {"x": 1}, claim, arithmetic=arithmetic) == [expected]


def test_gradients_of_values_inside_a_line_against_differences() -> None:
    x, w = RNG.normal(size=(3, 2)), RNG.normal(size=(2, 2))

    def loss(weights: Any) -> float:
        return float(np.sum((weights @ x) ** 2))

    scores = (x @ w) @ (x @ w).T / np.sqrt(2)
    weights = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    slopes = np.zeros((3, 3))
    for at in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[at] = 1e-5
        slopes[at] = (loss(weights + step) - loss(weights - step)) / 2e-5
    inputs = {"x": x, "w": w}
    [found] = results(
        ATTENTION, inputs | {"s": slopes}, ToleratedClaim("grad(L, h.weights) == s", tolerance=1e-6)
    )
    assert found.holds and 0 < found.largest_difference < 1e-6
    claims = (
        "grad(L, h) == 2*h", "grad(L, h.weights) == 2 * h @ x.T", "grad(L, y) == 0", "grad(L, L) == 1",
        "grad(sum(y), w) == x.T @ ones_like(y)", "grad(y[0, 1], w)[:, 1] == x[0]", "grad(L, h) == h",
        "0 <= h.weights <= 1", "h.weights @ x == h", "grad(L, h)[0, 0] > 2*h[0, 0] - 1",
    )  # fmt: skip
    assert holds(ATTENTION, inputs, *claims) == [True] * 6 + [False] + [True] * 3


def test_gradients_do_not_change_the_answer() -> None:
    inputs = {"x": RNG.normal(size=(3, 2)), "w": RNG.normal(size=(2, 2))}
    plain = answer("graph", inputs, program=ATTENTION, upstream={"L": 1.0})
    claims = ("grad(L, w) == 0", "grad(y[0, 0], w) == 1")
    claimed = answer("graph", inputs, program=ATTENTION, upstream={"L": 1.0}, claims=claims)
    for one, other in ((plain.values, claimed.values), (plain.gradients, claimed.gradients)):
        assert one.keys() == other.keys()
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name])


def test_gradients_in_symbols_are_those_of_sympy() -> None:
    w, x, y = sympy.symbols("w x y", real=True)
    loss = (1 / (1 + sympy.exp(-w * x)) - y) ** 2
    slope = str(sympy.diff(loss, w)).replace("w*x", "z")
    program = ("z = w * x", "p = sigmoid(z)", "L = (p - y)**2")
    inputs = {"w": "w", "x": "x", "y": "y"}
    found = results(
        program, inputs, f"grad(L, w) == {slope}", "grad(L, p) == p - y", "grad(L, y) <= 1", "0 < p < 1",
        "L >= 0", arithmetic="exact",
    )  # fmt: skip
    assert [claim.verdict for claim in found] == ["proved", "refuted", "refuted", "proved", "proved"]
    point = {name: sympy.Rational(worth) for name, worth in found[1].point.items()}
    assert all(0 < worth < 1 for worth in point.values())
    assert sympy.N(2 * (1 / (1 + sympy.exp(-w * x)) - y).subs(point)) != sympy.N(
        (1 / (1 + sympy.exp(-w * x)) - y).subs(point)
    )


def test_layer_norm_does_not_depend_on_scale_and_shift() -> None:
    program = (
        "y = layer_norm(x, epsilon=0)", "z = layer_norm(2*x + 1, epsilon=0)", "w = layer_norm(k*x, epsilon=0)"
    )  # fmt: skip
    inputs = {"x": ["a", "b", "c"], "k": "k"}
    found = results(program, inputs, "y == z", "w == sign(k)*y", "w == y", arithmetic="exact")
    assert [claim.verdict for claim in found] == ["proved", "proved", "refuted"]


@pytest.mark.parametrize("arithmetic", ["float64", "exact"])
def test_shapes_are_compared_without_entries(arithmetic: str) -> None:
    inputs = {"x": np.ones((2, 3), dtype=int), "v": [1, 2, 3]}
    program = ("y = x @ x.T", "h = attention(x, x, x)")
    claims = {
        "shape(x) == [2, 3]": True, "shape(y) == (2, 2)": True, "shape(v) == [3]": True,
        "v.shape == [3, 1]": False, "shape(h.weights) == shape(y) == [2, 2]": True,
        "shape(x) != shape(y)": True, "shape(x)[1] == 3": True, "x.shape[0] < shape(v)[0]": True,
        "shape(x @ v) == [2]": True, "shape(sum(x)) == [1]": False,
    }  # fmt: skip
    found = results(program, inputs, *claims, arithmetic=arithmetic)
    assert [claim.holds for claim in found] == list(claims.values())
    assert found[3].how == "the shapes are (3) and (3, 1)"
    if arithmetic == "exact":
        assert [claim.verdict for claim in found[:4]] == ["proved", "proved", "proved", "refuted"]


def test_what_is_unknown_or_cut_is_unknown() -> None:
    program, given = ("u = exp(x)", "v = u * 2", "L = sum(v)"), {"v": [1.0, 2.0]}
    claims = (
        "grad(L, v) == 1",
        "grad(L, x) == 0",
        "grad(L, u) == 0",
        "x < 1 < 2",
        "shape(x) == [2]",
        "1 < 0 < x",
    )
    assert holds(program, {}, *claims, given=given) == [True, None, None, None, None, False]
    middle = ("u = exp(x)", "v = u * 2", "L = sum(v)")
    assert holds(middle, {"x": [1.0, 2.0]}, "grad(L, u) == 0", given=given) == [None]


def test_nan_is_in_no_order_and_differs_from_itself() -> None:
    for numbers in ("float64", "float32", "exact"):
        found = results(
            ("p = log(x) - log(x)",), {"x": [0, 1]}, "p <= 1", "p > -1", "p != p", "0 < p[0]", "p[1] < 1",
            arithmetic=numbers,
        )  # fmt: skip
        assert [claim.holds for claim in found] == [False, False, False, False, True]
        assert found[0].how == "a side is NaN at [0], and NaN is neither less nor more than anything"
        assert found[0].largest_difference is None


@pytest.mark.parametrize(
    ("claim", "column", "message"),
    [
        ("x", 1, "is not a comparison"),
        ("x = y", 1, "is not a comparison"),
        ("x is y", 1, "is not a comparison"),
        ("x in y", 1, "is not a comparison"),
        ("x < y and y < x", 1, "is not a comparison"),
        ("x == (y", 6, "never closed"),
        ("x ==", 4, "missing or out of place"),
        ("x == [1, 2, 3]", 6, "differ in shape"),
        ("x == (x > 1)", 7, "holds booleans"),
        ("h.wieghts == 0", 1, "did you mean h.weights?"),
        ("x.foo == 1", 1, "no value of this name"),
        ("h.__class__ == 1", 1, "cannot be used as a name"),
        ("grad(y, w) == 0", 6, "needs a scalar"),
        ("grad(L) == 0", 1, "grad takes 2 arguments"),
        ("grad(L, wrt=w) == 0", 1, "grad takes 2 arguments"),
        ("grad(L, 2*w) == 0", 9, "is no name"),
        ("grad(L, w[0]) == 0", 9, "part of a value"),
        ("grad(L, h.foo) == 0", 9, "no value of this name"),
        ("1 + grad(grad(L, w)[0, 0], w) == 0", 10, "of a gradient"),
        ("shape() == [2]", 1, "shape takes one argument"),
        ("shape(x) < [2, 3]", 12, "have no order"),
        ("shape(x) == 2", 13, "compared with something else"),
        ("shape(x) + 1 == [2, 3]", 1, "a shape is not a value"),
        ("(" * 50 + "x" + ")" * 50 + " == 1", 41, "nested too deeply"),
        ("x == " + "-" * 120 + "x", 106, "too large here"),
        ("x == 9**9**9", 6, "too large"),
        ("x == lambda: 1", 6, "missing or out of place"),
        ("x == é", 6, "not allowed in an expression"),
    ],
)
def test_errors_name_the_column_and_the_cause(claim: str, column: int, message: str) -> None:
    for sent, path in ((claim, ("claims", 0)), (ToleratedClaim(claim), ("claims", 0, "claim"))):
        error = first_error(sent)
        assert error.path == path
        assert error.message.startswith(f"column {column}: ")
        assert message in error.message
        assert 0 < len(error.received) <= 80


def test_limits_of_a_softmax_and_of_what_follows() -> None:
    program = ("p = softmax(z * b)", "h = attention(q, k, v, scale='beta')", "L = sum(h)")
    inputs = {"z": [1, 2, 0], "b": "beta", "q": [[1, 0]], "k": [[1, 0], [0, 1]], "v": [[1], [3]]}
    found = results(
        program, inputs, "limit(p, beta, inf) == [0, 1, 0]", "limit(p, beta, 0) == 1/3",
        "limit(p, beta, -inf) == [0, 0, 1]", "limit(h, beta, inf) == 1", "limit(h, beta, 0) == 2",
        "limit(grad(L, q), beta, inf) == 0", "0 < limit(p, beta, 1) < 1", "limit(p, beta, inf) == [1, 0, 0]",
        "limit(1/b, beta, 0) > 0", "1 < 2 < limit(p[0]*b, beta, inf) + 3", arithmetic="exact",
    )  # fmt: skip
    assert [claim.verdict for claim in found] == ["proved"] * 7 + ["refuted", "undecided", "proved"]
    assert found[8].how == "the limit was not found, or does not exist"


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("limit(y, w, inf) == 1", "does not depend on the symbol w"),
        ("limit(y, 2*x, inf) == 1", "column 10: is no symbol"),
        ("limit(y, x, y) == 1", "column 13: is no number"),
        ("limit(y, x) == 1", "column 1: limit takes 3 arguments"),
        ("limit(limit(y, x, 0), x, 0) == 1", "column 7: a limit of a limit"),
        ("limit(y, x, 1/0) == 1", "no value"),
    ],
)
def test_limits_that_are_refused(claim: str, message: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        results(("y = exp(x)",), {"x": "x"}, claim, arithmetic="exact")
    [error] = caught.value.errors
    assert error.path == ("claims", 0)
    assert message in error.message


def test_limits_need_exact_arithmetic() -> None:
    assert "limits need exact arithmetic" in first_error("limit(y, beta, inf) == 1").message
