"""Steps beyond the end of a sequence touch neither states nor gradients, whatever they hold."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer
from tests.oracles.cases import Array

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
WAYS = list(product(GATES, ("forward", "reverse", "both"), (1, 2)))
ENDS = [4, 2]


def posed(kind: str, direction: str, layers: int) -> dict[str, Any]:
    rng, wide = np.random.default_rng(31), 2 * GATES[kind]
    ways = [2] if direction == "both" else []
    stacked = [*([layers] if layers > 1 else []), *ways]
    found = {
        "x": rng.standard_normal((2, 4, 3)),
        "w_x": rng.standard_normal((*ways, 3, wide)),
        "w_h": rng.standard_normal((*stacked, 2, wide)),
        "b": rng.standard_normal((*stacked, wide)),
        "h_0": rng.standard_normal((2, *stacked, 2)),
    }
    if layers > 1:
        found["w_x_upper"] = rng.standard_normal((layers - 1, *ways, 4 if ways else 2, wide))
    return found


def alone(kind: str, inputs: dict[str, Any], settings: dict[str, Any], seeds: Array, at: int) -> Any:
    """The same sequence cut at its end, with no lengths."""
    own = inputs | {"x": inputs["x"][at, : ENDS[at]], "h_0": inputs["h_0"][at]}
    return answer(kind, own, settings, upstream={"output": seeds[at, : ENDS[at]]})


@pytest.mark.parametrize(("kind", "direction", "layers"), WAYS)
def test_padding_is_as_if_it_were_not_there(kind: str, direction: str, layers: int) -> None:
    inputs, settings = posed(kind, direction, layers), {"direction": direction, "layers": layers}
    seeds = np.random.default_rng(5).standard_normal((2, 4, 4 if direction == "both" else 2))
    each = [alone(kind, inputs, settings, seeds, at) for at in range(2)]
    names = ["x", "h_0", "w_x", "w_h", "b", *(["w_x_upper"] if layers > 1 else [])]
    for bad, select, arithmetic in product(
        (np.nan, np.inf, -3e37), (None, ["output", *names]), ("float64", "float32")
    ):
        rounding: Any = (
            {"rtol": 1e-9, "atol": 1e-12} if arithmetic == "float64" else {"rtol": 2e-3, "atol": 2e-5}
        )
        sent = inputs | {"x": inputs["x"].copy(), "lengths": ENDS}
        sent["x"][1, 2:] = bad
        found = answer(kind, sent, settings, upstream={"output": seeds}, select=select, arithmetic=arithmetic)
        assert [(note.at, note.spoiled, note.spoiled_gradients) for note in found.notes] == (
            [("x", (), ())] if not np.isfinite(bad) else []
        )
        np.testing.assert_allclose(found.values["output"][0], each[0].values["output"], **rounding)
        np.testing.assert_allclose(found.values["output"][1, :2], each[1].values["output"], **rounding)
        np.testing.assert_array_equal(found.values["output"][1, 2:], 0)
        np.testing.assert_allclose(found.gradients["x"][1, :2], each[1].gradients["x"], **rounding)
        np.testing.assert_array_equal(found.gradients["x"][1, 2:], 0)
        for name in names[2:]:
            expected = each[0].gradients[name] + each[1].gradients[name]
            np.testing.assert_allclose(found.gradients[name], expected, **rounding)


@pytest.mark.parametrize("kind", GATES)
def test_all_that_is_named_is_the_same_whatever_the_padding_holds(kind: str) -> None:
    inputs = posed(kind, "forward", 1) | {"lengths": ENDS}
    found = []
    for bad in (0.0, 7.0, np.nan):
        x = inputs["x"].copy()
        x[1, 2:] = bad
        found.append(answer(kind, inputs | {"x": x}, upstream={"output": np.ones((2, 4, 2))}))
    for other in found[1:]:
        for name in found[0].values.keys() - {"x"}:
            np.testing.assert_array_equal(other.values[name], found[0].values[name])
        for name, gradient in found[0].gradients.items():
            np.testing.assert_array_equal(other.gradients[name], gradient)


@pytest.mark.parametrize("kind", GATES)
def test_jacobians_and_programs_pass_padding_over(kind: str) -> None:
    inputs = posed(kind, "forward", 1)
    x = inputs["x"][:1].copy()
    x[0, 2:] = np.nan
    sent: dict[str, Any] = {name: inputs[name] for name in ("w_x", "w_h", "b")} | {"x": x, "n": [2]}
    line = f"h = {kind}(x, w_x, w_h, b, lengths=n)"
    found = answer("graph", sent, program=(line, "s = sum(h)"), jacobian=[("s", "w_x")], upstream={"s": 1.0})
    own = sent | {"x": x[:, :2]}
    del own["n"]
    expected = answer(kind, own, upstream={"output": np.ones((1, 2, 2))}).gradients["w_x"]
    np.testing.assert_allclose(found.gradients["w_x"], expected, rtol=1e-12)
    np.testing.assert_allclose(found.parts["jacobians"][0].value, expected, rtol=1e-12)


def test_a_number_that_is_no_padding_still_spoils() -> None:
    inputs = posed("lstm", "forward", 1) | {"lengths": ENDS}
    inputs["x"][1, 1] = np.nan
    found = answer("lstm", inputs, upstream={"output": np.ones((2, 4, 2))})
    assert np.isfinite(found.values["output"][0]).all() and np.isnan(found.values["output"][1, 1]).all()
    assert np.isnan(found.gradients["w_x"]).all()
    assert "w_x" in found.spoiled_gradients


def test_exact_padding_may_be_anything() -> None:
    found = answer(
        "rnn", {"x": [["a"], ["b"]], "w_x": [["w"]], "w_h": [["u"]], "lengths": [1][0]},
        {"activation": "identity"}, arithmetic="exact", upstream={"output": [[1], [1]]},
    )  # fmt: skip
    assert [str(entry) for entry in found.gradients["x"].flat] == ["w", "0"]
    assert str(found.gradients["w_x"][0, 0]) == "a" and str(found.gradients["w_h"][0, 0]) == "0"
