"""Exact arithmetic without free symbols, against float64: every operation, every value, every gradient."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.kinds import EXACT
from compute.closed_forms import approximation, each
from compute.errors import QuestionErrors
from compute.operations import CATALOGUE
from tests.compute.asking import answer, exact_entries, plan, program
from tests.oracles import cases, layers, losses, normalizations
from tests.oracles.cases import Array, Case
from tests.oracles.recurrent import KINDS

CONSTANTS = ("sqrt(2)", "exp(-1)", "pi/4", "1/sqrt(3)")
# Seeds of questions about attention whose exact gradients stay short.
ATTENTION = {
    cases.ATTENTION: (2, 7, 9, 10, 11, 12, 16, 17, 19, 21, 22, 23, 24, 29),
    cases.SELF_ATTENTION: (10, 19, 22, 24, 25, 29, 37, 38, 43, 48),
    cases.MULTIHEAD: (18, 29, 31, 32, 33, 36),
    cases.CROSS_ATTENTION: (0, 5, 6, 10, 14, 15, 17, 24, 28, 34, 38, 43),
    cases.WINDOWED: (4, 5, 9, 11, 18, 20, 31, 32, 45, 47, 49, 53),
    cases.ROTARY: (0, 14, 18, 21, 28, 30, 43, 44, 45, 58),
}
LAYER_ENTRIES, LAYERS = 60, 24  # that are sent at most, and how many of each kind
LOSS_ENTRIES, LOSSES = 16, 6
CASES: dict[str, Case] = {
    f"attention-{kind}-{seed}": cases.case(kind, seed) for kind, seeds in ATTENTION.items() for seed in seeds
}


NORM_ENTRIES, NORMS = 32, 8  # likewise of normalizations, whose gradients grow fast


def small_norms(kind: int) -> list[tuple[int, Case]]:
    posed = ((seed, normalizations.normalization(kind, seed)) for seed in range(normalizations.COUNTS[kind]))
    fits = (one for one in posed if sum(array.size for array in one[1].inputs.values()) <= NORM_ENTRIES)
    return list(islice(fits, NORMS))


def small(kind: int) -> list[tuple[int, Case]]:
    posed = ((seed, layers.layer(kind, seed)) for seed in range(layers.COUNTS[kind]))
    fits = (one for one in posed if sum(array.size for array in one[1].inputs.values()) <= LAYER_ENTRIES)
    return list(islice(fits, LAYERS))


def small_losses(operation: str) -> list[tuple[int, Case]]:
    posed = ((seed, losses.loss(operation, seed)) for seed in range(losses.COUNTS[operation]))
    fits = (one for one in posed if sum(array.size for array in one[1].inputs.values()) <= LOSS_ENTRIES)
    return list(islice(fits, LOSSES))


CASES |= {f"loss-{name}-{seed}": one for name in losses.COUNTS for seed, one in small_losses(name)}
CASES |= {f"norm-{kind}-{seed}": one for kind in normalizations.COUNTS for seed, one in small_norms(kind)}
CASES |= {f"layer-{kind}-{seed}": one for kind in layers.COUNTS for seed, one in small(kind)}


def positions(rng: np.random.Generator) -> Case:
    settings: dict[str, Any] = {"length": int(rng.integers(1, 5)), "dimension": int(rng.integers(1, 4))}
    settings["kind"] = str(rng.choice(["sinusoidal", "integer", "normalized"]))
    if settings["kind"] == "sinusoidal":
        settings["base"] = [100, "sqrt(10)", "1/3"][rng.integers(3)]
        settings["dimension"] *= 2
        settings["relative_shift"] = int(rng.integers(settings["length"]))
    return Case("positional_encoding", {}, settings, np.zeros(0))


def rotation(rng: np.random.Generator) -> Case:
    settings = {
        "pairing": str(rng.choice(["interleaved", "half_split"])),
        "layout": str(rng.choice(["rows", "columns"])),
        "base": int(rng.integers(2, 100)),
    }
    if rng.random() < 0.5:
        settings["rotary_dimension"] = 2
    shape = (2, 3, 4) if settings["layout"] == "rows" else (2, 4, 3)
    inputs = {"x": rng.standard_normal(shape)}
    if rng.random() < 0.5:
        inputs["positions"] = rng.uniform(-5, 5, 3)
    return Case("rotary_embedding", inputs, settings, np.zeros(0))


for seed in range(8):
    CASES[f"positions-{seed}"] = positions(np.random.default_rng([200, seed]))
    CASES[f"rotation-{seed}"] = rotation(np.random.default_rng([201, seed]))


def dropped(rng: np.random.Generator) -> Case:
    shape = [(), (3,), (2, 2), (1, 2, 1)][rng.integers(4)]
    inputs: dict[str, Array] = {"x": rng.standard_normal(shape)}
    settings: dict[str, Any] = {
        "rate": [0, "1/3", 0.25, "1 - exp(-1)"][rng.integers(4)],
        "formulation": str(rng.choice(["inverted", "unscaled"])),
    }
    source = rng.integers(4)
    if source == 0:
        settings["training"] = False
    elif source == 1:
        inputs["mask"] = rng.random(shape) < 0.5
    else:
        settings["seed"] = int(rng.integers(100))
    if shape:
        inputs["w"] = rng.standard_normal((shape[-1], 2))
        if rng.random() < 0.5:
            inputs["b"] = rng.standard_normal(2)
    return Case("dropout", inputs, settings, np.zeros(0))


for seed in range(16):
    CASES[f"dropout-{seed}"] = dropped(np.random.default_rng([202, seed]))


def sequence(kind: str, rng: np.random.Generator) -> Case:
    """Few steps of few units: exact states are expressions in those before."""
    gates, batch = KINDS[kind], (2,) if rng.random() < 0.4 else ()
    ways = 2 if rng.random() < 0.3 else 1
    outer = (2,) if ways == 2 else ()
    inputs: dict[str, Array] = {
        "x": rng.standard_normal((*batch, 2, 1)),
        "w_x": rng.standard_normal((*outer, 1, gates)),
        "w_h": rng.standard_normal((*outer, 1, gates)),
    }
    if rng.random() < 0.5:
        inputs["b"] = rng.standard_normal((*outer, gates))
    if rng.random() < 0.5:
        inputs["h_0"] = rng.standard_normal((*outer, 1))
    if batch:
        inputs["lengths"] = np.array([2.0, 1])
    settings: dict[str, Any] = {"direction": "both" if ways == 2 else str(rng.choice(["forward", "reverse"]))}
    if kind == "gru":
        settings["reset_after"] = bool(rng.random() < 0.5)
    if kind == "rnn":
        settings["activation"] = str(rng.choice(["identity", "tanh", "sigmoid"]))
    return Case(kind, inputs, settings, np.zeros(0))


for seed in range(6):
    for at, kind in enumerate(KINDS):
        CASES[f"{kind}-{seed}"] = sequence(kind, np.random.default_rng([203, at, seed]))


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
    """Fractions near the entries of an array, none of them 0; whole numbers stay."""
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
    found: Array = each(array, _float).astype(np.float64)
    return found


def _float(entry: Any) -> float:
    found = approximation(entry)
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
    asked: dict[str, Any] = {"select": [*posed.inputs, *(set(graph.names) - {"argmax"})]}
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
