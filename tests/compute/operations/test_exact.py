"""Exact arithmetic without free symbols, against float64: every operation, every value, every gradient."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.kinds import EXACT
from compute.errors import QuestionErrors
from compute.operations import CATALOGUE
from compute.readings.closed_forms import approximate, map_entries
from tests.compute.asking import answer, exact_entries, plan, program
from tests.compute.operations.exact_cases import CASES
from tests.oracles import losses
from tests.oracles.cases import Array

CONSTANTS = ("sqrt(2)", "exp(-1)", "pi/4", "1/sqrt(3)")


def short(array: Array, rng: np.random.Generator) -> Any:
    """Fractions near the entries of an array, and now and then a constant, as text; places stay."""
    if array.dtype == np.bool_ or np.array_equal(array, array.round()):
        return array
    found = np.empty(array.shape, dtype=object)
    for at in np.ndindex(array.shape):
        below = int(rng.integers(1, 3))
        found[at] = f"{round(float(array[at]) * below)}/{below}"
        if rng.random() < 0.02:
            found[at] = str(rng.choice(CONSTANTS))
    return found


def near(array: Array, rng: np.random.Generator) -> Any:
    """Return fractions near the entries of an array, none of them 0; whole numbers stay."""
    if np.array_equal(array, array.round()):
        return array
    found = np.empty(array.shape, dtype=object)
    for at in np.ndindex(array.shape):
        found[at] = f"{round(float(array[at]) * 64) or 1}/64"
    return found


def floats(array: Array) -> Array:
    """Exact numbers, none of them a symbol, as floats."""
    if array.dtype != object:
        return array
    found: Array = map_entries(array, _float).astype(np.float64)
    return found


def _float(entry: Any) -> float:
    found = approximate(entry)
    assert found is not None
    return float(found)


def agree(exact: dict[str, Array], floating: dict[str, Array]) -> None:
    assert exact.keys() == floating.keys()
    for name, one in exact.items():
        other = floating[name]
        finite = np.abs(other[np.isfinite(other)]).max(initial=1)
        np.testing.assert_allclose(floats(one), other, rtol=1e-12, atol=1e-12 * finite, err_msg=name)


def test_there_are_cases_of_every_operation() -> None:
    assert {one.operation for one in CASES.values()} == set(CATALOGUE)
    assert len(CASES) >= 200


@pytest.mark.parametrize("name", CASES)
def test_every_value_and_gradient_is_that_of_floats(name: str) -> None:
    posed = CASES[name]
    rng = np.random.default_rng([*name.encode()])
    rounded = near if posed.operation in losses.COUNTS else short
    exact = {key: exact_entries(rounded(array, rng)) for key, array in posed.inputs.items()}
    graph = plan(posed.operation, posed.inputs, posed.attributes).graph
    shape: Any = graph.names["output"].shape
    # argmax is left out: floats break the ties of exact numbers
    names = (one for one in graph.names if one.rpartition(".")[2] != "argmax")
    asked: dict[str, Any] = {"select": [*dict.fromkeys([*posed.inputs, *names])]}
    upstream = {}
    if posed.inputs:
        upstream["output"] = exact_entries(short(rng.standard_normal(shape), rng))
    found = answer(posed.operation, exact, posed.attributes, upstream=upstream, arithmetic=EXACT, **asked)
    expected = answer(
        posed.operation,
        {key: floats(array) for key, array in exact.items()},
        posed.attributes,
        upstream={key: floats(array) for key, array in upstream.items()},
        **asked,
    )
    assert "output" in found.values
    agree(found.values, expected.values)
    agree(found.gradients, expected.gradients)
    assert found.contributions.keys() == expected.contributions.keys()
    for key, parts in found.contributions.items():
        agree(parts, expected.contributions[key])


def test_how_spread_weights_are_and_which_is_largest() -> None:
    inputs = {
        "query": [[1, "1/2"], [0, -2]],
        "key": [[1, 0], ["sqrt(2)", 1], [0, 3]],
        "value": [[1], [2], [0]],
    }
    names = ("weights", "entropy", "argmax", "query", "key")
    upstream = {"entropy": [1, "-2/3"]}
    found = answer("attention", inputs, {"scale": 1}, upstream=upstream, select=names, arithmetic=EXACT)
    expected = answer(
        "attention",
        {name: floats(exact_entries(one)) for name, one in inputs.items()},
        {"scale": 1},
        upstream={"entropy": [1, -2 / 3]},
        select=names,
    )
    agree(found.values, expected.values)
    agree(found.gradients, expected.gradients)


PROGRAMS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "convolutions": (
        ("z = conv1d(x, k, padding=1) + b", "u = max_pool1d(z, size=2, stride=1)",
         "v = leaky_relu(u, slope=0.1)", "z4 = sum(w * v[0:4]) + c", "y_hat = exp(z4)",
         "L = (y - y_hat)**2 / 2"),
        {"x": [1, "1/2", -1, 2, "1/3"], "k": [1, "-1/4", "sqrt(2)"], "b": "1/2", "w": [1, "1/2", -1, 0],
         "c": "exp(-1)", "y": 1},
    ),
    "functions": (
        ("a = sigmoid(x @ w)", "b = tanh(a) / (1 + abs(a - 1/2))", "L = sum(sqrt(b)) + max(log(1 + a)) * 3"),
        {"x": [[1, "-1/2"], ["1/3", 2]], "w": [["1/2"], [-1]]},
    ),
    "orders": (
        ("a = relu(x)**2 - min(x)", "b = softmax(a, axis=0).T @ sin(x)", "L = mean(cos(b)) + abs(x[1, 0])"),
        {"x": [[1, "-1/2"], ["1/3", 2]]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    lines, inputs = PROGRAMS[name]
    found = program(lines, inputs, upstream={"L": "1/2"})
    expected = answer(
        "graph",
        {key: floats(exact_entries(one)) for key, one in inputs.items()},
        program=lines,
        upstream={"L": 0.5},
    )
    assert {*inputs, "L"} <= set(found.gradients)
    agree(found.values, expected.values)
    agree(found.gradients, expected.gradients)


@pytest.mark.parametrize(
    ("operation", "attributes", "field"),
    [
        ("lp_pool1d", {"p": "q"}, "p"),
        ("lp_pool2d", {"p": "1 + q"}, "p"),
        ("rotary_embedding", {"base": "b"}, "base"),
        ("positional_encoding", {"base": "b", "length": 2, "dimension": 2}, "base"),
    ],
)
def test_what_has_to_be_a_number_is_no_symbol(operation: str, attributes: dict[str, Any], field: str) -> None:
    inputs = {} if operation == "positional_encoding" else {"x": np.ones((2, 2))}
    with pytest.raises(QuestionErrors) as caught:
        plan(operation, inputs, attributes, arithmetic=EXACT)
    assert [error.path for error in caught.value.errors] == [(field,)]


def test_nan_wins_as_it_does_among_floats() -> None:
    nan = sympy.nan
    inputs = {"x": [1, nan, sympy.Symbol("x1", real=True), 2]}
    found = answer("max_pool1d", inputs, {"size": 2, "stride": 1}, upstream={"output": [1, 1, 1]},
                   arithmetic=EXACT)  # fmt: skip
    floating = answer("max_pool1d", {"x": [1, np.nan, 5, 2]}, {"size": 2, "stride": 1},
                      upstream={"output": [1, 1, 1]})  # fmt: skip
    assert found.values["output"][0] is found.values["output"][1] is nan
    assert list(found.values["winners"][:2]) == list(floating.values["winners"][:2]) == [1, 1]
    for gradient in (found.gradients["x"], floating.gradients["x"]):
        assert list(gradient[:2]) == [0, 2]
