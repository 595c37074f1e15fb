"""POST /v1/dropout: unusual and invalid questions."""

import base64
from typing import Any

import numpy as np
import pytest

from tests.conftest import Ask, Client, errors

PATH = "/v1/dropout"
X = [[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]
MASK = [[1, 0, 1], [0, 1, 1]]
W = [[1.0, 0.5], [-1.0, 2.0], [0.25, 1.0]]
LAYER = {"x": X, "mask": MASK, "w": W, "b": [1.0, -1.0], "rate": "1/4"}
SECRET = "sentinel-that-must-not-come-back"
WEIGHTS = np.array(W)


def values(ask: Ask, path: str = PATH, /, **fields: Any) -> dict[str, Any]:
    response = ask(path, **fields)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.parametrize(
    ("fields", "pointer", "expected", "received"),
    [
        ({"rate": 1}, "/rate", "from 0 to below 1", "the number 1"),
        ({"rate": 1.0}, "/rate", "from 0 to below 1", "the number 1"),
        ({"rate": 1, "formulation": "unscaled"}, "/rate", "from 0 to below 1", "the number 1"),
        ({"rate": "3/3"}, "/rate", "from 0 to below 1", "the number 1"),
        ({"rate": 1.5}, "/rate", "from 0 to below 1", "the number 1.5"),
        ({"rate": -0.1}, "/rate", "from 0 to below 1", "the number -0.1"),
        ({"rate": "d_out"}, "/rate", "from 0 to below 1", "the number 2"),
        ({"rate": "p"}, "/rate", "a finite constant", "text of 1 character"),
        ({"rate": "1/0"}, "/rate", "a finite constant", "text of 3 characters"),
        ({"rate": SECRET}, "/rate", "a finite constant", "text of 32 characters"),
        ({"rate": "NaN"}, "/rate", "a finite constant", "text of 3 characters"),
        ({"rate": True}, "/rate", "a number, or a constant expression", "a boolean"),
        ({"rate": [0.5]}, "/rate", "a number, or a constant expression", "a list of 1"),
        ({"seed": -1}, "/seed", "at least 0", "the number -1"),
        ({"seed": 1.5}, "/seed", "an integer", "the number 1.5"),
        ({"seed": "3"}, "/seed", "an integer", "text of 1 character"),
        ({"seed": 2**31}, "/seed", "at most 2147483647", "the number"),
        ({"seed": 0}, "/seed", "a mask or a seed", "both"),
        ({"mask": [[1, 0, 1], [0, 2, 1]]}, "/mask", "0 and 1", "the entry 2 at [1, 1]"),
        ({"mask": [[1, 0, 1], [0, 0.5, 1]]}, "/mask", "0 and 1", "the entry 0.5 at [1, 1]"),
        ({"mask": [[1, 0, 1], [0, -1, 1]]}, "/mask", "0 and 1", "the entry -1 at [1, 1]"),
        ({"mask": [[1, 0, 1], [0, "-Infinity", 1]]}, "/mask", "0 and 1", "the entry -Infinity at [1, 1]"),
        ({"mask": [[1, 0, 1], [0, "NaN", 1]]}, "/mask", "booleans", "the entry NaN at [1, 1]"),
        ({"mask": [[1, 0, 1], [0, SECRET, 1]]}, "/mask/1/1", "a number", "text of 32 characters"),
        ({"mask": [[True, 0, 1], [0, 1, 1]]}, "/mask/0/0", "booleans throughout", "a boolean"),
        ({"mask": [1, 0, 1]}, "/mask", "shape (2, 3)", "shape (3)"),
        ({"mask": [[1, 0], [1, 1]]}, "/mask", "d = 3 from axis 1 of x", "shape (2, 2)"),
        ({"mask": [[1, 0, 1]]}, "/mask", "shape (2, 3)", "shape (1, 3)"),
        ({"mask": 1}, "/mask", "shape (2, 3)", "shape ()"),
        ({"training": False}, "/mask", "no mask", "a mask"),
        ({"mask": None, "training": False, "seed": 1}, "/seed", "no seed", "a seed"),
        ({"training": 0}, "/training", "true or false", "the number 0"),
        ({"formulation": SECRET}, "/formulation", "'inverted' or 'unscaled'", "text of 32 characters"),
        ({"w": None}, "/b", "w and b", "b alone"),
        ({"w": [[1.0], [2.0]], "b": None}, "/w", "d = 3 from axis 1 of x", "shape (2, 1)"),
        ({"b": [1.0]}, "/b", "d_out = 2 from axis 1 of w", "shape (1)"),
        ({"x": 5, "mask": None}, "/x", "(..., d)", "shape ()"),
        ({"x": [[True, True, False], [True, True, True]]}, "/x/0/0", "a number", "a boolean"),
        ({"x": None}, "/x", "a tensor", "nothing"),
        ({"ratio": 0.5}, "/ratio", "one of: x, mask", "an unknown name"),
        ({"given": {"mask": MASK}}, "/given/mask", "one value", "two"),
        ({"given": {"output": [[1, 2]]}}, "/given/output", "d = 3", "shape (1, 2)"),
        ({"given": {"output": [[1, 2, 3]]}}, "/given/output", "shape (2, 3)", "shape (1, 3)"),
        ({"given": {"weight_factor": [1, 0]}}, "/given/weight_factor", "shape ()", "shape (2)"),
        ({"upstream": {"output": [1, 2, 3]}}, "/upstream/output", "shape (2, 3)", "shape (3)"),
        ({"upstream": {"mask": MASK}}, "/upstream/mask", "real", "boolean"),
        ({"jacobian": [{"of": "output", "wrt": "mask"}]}, "/jacobian/0/wrt", "a real value", "booleans"),
        ({"select": ["dropped"]}, "/select/0", "output", "an unknown name"),
        ({"select": ["*_at_night"]}, "/select/0", "output", "an unknown name"),
    ],
)  # fmt: skip
def test_errors_point_to_their_fields(
    ask: Ask, fields: dict[str, Any], pointer: str, expected: str, received: str
) -> None:
    response = ask(PATH, **LAYER | fields)
    found = errors(response)
    assert list(found) == [pointer]
    assert expected in found[pointer]["expected"]
    assert received in found[pointer]["received"]
    assert SECRET not in response.text


def test_why_a_rate_of_1_is_refused(ask: Ask) -> None:
    [error] = errors(ask(PATH, **LAYER | {"rate": 1})).values()
    assert "divided by 1 - rate, which is 0" in error["message"]
    [error] = errors(ask(PATH, **LAYER | {"rate": 2})).values()
    assert "not a probability" in error["message"]


def test_too_many_masks(ask: Ask) -> None:
    long = list(range(13))
    for fields in (
        {"select": ["mean_over_masks"]},
        {"upstream": {"variance_over_masks": long}},
        {"jacobian": [{"of": "mean_over_masks", "wrt": "x"}]},
        {"given": {"mean_over_masks": long}},
    ):
        found = errors(ask(PATH, x=long, **fields))
        assert "2^n" in found["/x"]["message"]
        assert "at most 12" in found["/x"]["expected"]
    assert set(values(ask, x=long)["values"]) == {"expected_output", "output_variance", "weight_factor"}


def test_everything_of_a_layer(ask: Ask) -> None:
    found = values(ask, **LAYER, upstream={"dense_output": [[1, 0], [0, 1]]})
    output = np.array(X) * MASK / 0.75
    np.testing.assert_allclose(found["values"]["output"], output, rtol=1e-14)
    np.testing.assert_allclose(found["values"]["dense_output"], output @ WEIGHTS + [1, -1], rtol=1e-14)
    np.testing.assert_allclose(found["gradients"]["x"], WEIGHTS.T * MASK / 0.75, rtol=1e-14)
    np.testing.assert_allclose(found["gradients"]["w"], output.T, rtol=1e-14)
    assert found["gradients"]["b"] == [1, 1]
    assert "mask" not in {**found["values"], **found["gradients"]}
    assert found["unknown"] == found["notes"] == []
    steps = {step["name"]: step for step in found["steps"]}
    assert steps["output"]["formula"] == r"Y = \frac{X \odot M}{1 - \frac{1}{4}}"
    assert steps["output"]["inputs"] == ["x", "mask"]
    assert steps["adjusted_w"]["formula"] == r"W_{\text{off}} = \alpha \cdot W"
    assert steps["dense_variance"]["formula"] == (
        r"\operatorname{Var}[Z] = \operatorname{Var}[Y] \left(W \odot W\right)"  # W^2 would be W W
    )


def test_booleans_and_numbers_are_one_mask(ask: Ask) -> None:
    booleans = [[bool(one) for one in row] for row in MASK]
    packed = {"dtype": "bool", "shape": [2, 3], "data": base64.b64encode(bytes([1, 0, 1, 0, 1, 1])).decode()}
    whole = {
        "dtype": "int64",
        "shape": [2, 3],
        "data": base64.b64encode(np.array(MASK, dtype="<i8").tobytes()).decode(),
    }
    plain = values(ask, **LAYER)
    for mask in (booleans, packed, whole, [["1", "2/2 - 1", 1], [0, 1.0, "1"]]):
        again = values(ask, **LAYER | {"mask": mask})
        assert again["values"] == plain["values"]
    shown = values(ask, **LAYER | {"mask": packed, "select": ["mask"]})
    assert shown["values"] == {"mask": booleans}


def test_a_given_mask_equals_a_sent_one(ask: Ask) -> None:
    sent = values(ask, **LAYER, upstream={"dense_output": [[1, 2], [3, 4]]})
    fields = {name: one for name, one in LAYER.items() if name != "mask"}
    given = values(ask, **fields, given={"mask": MASK}, upstream={"dense_output": [[1, 2], [3, 4]]})
    assert given["values"] == sent["values"]
    assert given["gradients"] == sent["gradients"]
    assert "/given/mask" in errors(ask(PATH, **fields, given={"mask": [[1, 0, 1], [0, 3, 1]]}))
    assert "/seed" in errors(ask(PATH, **fields, given={"mask": MASK}, seed=1))


def test_the_same_seed_is_the_same_answer(client: Client) -> None:
    fields = {"x": np.ones((30, 40)).tolist(), "rate": 0.3, "seed": 12, "select": ["mask", "output"]}
    first, second = (client.post(PATH, json=fields) for _ in range(2))
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    other = client.post(PATH, json=fields | {"seed": 13})
    assert other.json()["values"]["mask"] != first.json()["values"]["mask"]
    expected = np.random.default_rng(12).random((30, 40)) >= 0.3
    np.testing.assert_array_equal(first.json()["values"]["mask"], expected)
    assert "PCG64" in first.json()["conventions"]["generator"]
    assert "default_rng(seed).random(shape) >= rate" in first.json()["conventions"]["generator"]


def test_a_seed_draws_the_same_in_every_arithmetic(ask: Ask) -> None:
    fields = {"x": X, "seed": 5, "rate": "sqrt(2)/2", "select": ["mask"]}
    found = [
        values(ask, **fields, arithmetic=one)["values"]["mask"] for one in ("float64", "float32", "exact")
    ]
    assert found[0] == found[1] == found[2]
    assert {entry for row in found[0] for entry in row} == {True, False}


def test_packed_answers_in_float32(ask: Ask) -> None:
    found = values(ask, x=X, seed=4, encoding="packed", arithmetic="float32")["values"]
    assert (found["mask"]["dtype"], found["mask"]["shape"]) == ("bool", [2, 3])
    assert (found["output"]["dtype"], found["output"]["shape"]) == ("float32", [2, 3])
    mask = np.frombuffer(base64.b64decode(found["mask"]["data"]), dtype=np.uint8).reshape(2, 3)
    output = np.frombuffer(base64.b64decode(found["output"]["data"]), dtype="<f4").reshape(2, 3)
    np.testing.assert_array_equal(output, 2 * np.array(X) * mask)


def test_without_mask_and_seed(ask: Ask) -> None:
    found = values(ask, x=X, w=W, rate="1/4", upstream={"dense_output": [[1, 1], [1, 1]]})
    assert found["unknown"] == ["mask", "output", "dense_output"]
    assert "seed" in found["conventions"]["no_mask"]
    assert set(found["gradients"]) == {"output", "dense_output"}
    assert {(note["code"], note["at"]) for note in found["notes"]} == {
        ("unknown_gradient", "x"),
        ("unknown_gradient", "w"),
    }
    assert "/jacobian/0/of" in errors(ask(PATH, x=X, jacobian=[{"of": "output", "wrt": "x"}]))
    jacobian = values(ask, x=[1, 2], jacobian=[{"of": "expected_output", "wrt": "x"}])["jacobians"][0]
    assert jacobian["value"] == [[1, 0], [0, 1]]


def test_a_given_output_cuts_the_gradients_before_it(ask: Ask) -> None:
    upstream = {"dense_output": [[1, 2], [3, 4]]}
    found = values(ask, w=W, given={"output": X}, upstream=upstream)
    np.testing.assert_allclose(found["values"]["dense_output"], np.array(X) @ WEIGHTS, rtol=1e-14)
    np.testing.assert_allclose(
        found["gradients"]["output"], np.array([[1, 2], [3, 4]]) @ WEIGHTS.T, rtol=1e-14
    )
    np.testing.assert_allclose(
        found["gradients"]["w"], np.array(X).T @ np.array([[1, 2], [3, 4]]), rtol=1e-14
    )
    assert {"x", "mask"} <= set(found["unknown"])
    assert [(note["code"], note["at"]) for note in found["notes"]] == [("cut", "x")]
    with_x = values(ask, **LAYER, given={"output": X}, upstream=upstream)
    assert [(note["code"], note["at"]) for note in with_x["notes"]] == [("cut", "x")]
    assert with_x["gradients"]["output"] == found["gradients"]["output"]
    nothing = values(ask, seed=3, given={"output": X})
    assert "mask" in nothing["unknown"]


def test_values_can_be_given_anywhere(ask: Ask) -> None:
    found = values(ask, **LAYER, given={"weight_factor": 10})["values"]
    np.testing.assert_allclose(found["adjusted_w"], 10 * WEIGHTS)
    found = values(ask, **LAYER, given={"expected_output": X, "output_variance": X})["values"]
    np.testing.assert_allclose(found["dense_variance"], np.array(X) @ WEIGHTS**2)
    given = {"all_outputs": [[1, 0], [0, 1], [2, 0], [0, 4]]}
    found = values(ask, x=[1, 1], given=given, select=["mean_over_masks"])["values"]
    assert found == {"mean_over_masks": [0.75, 1.25]}


def test_patterns(ask: Ask) -> None:
    found = values(ask, x=[1, 3], w=[[1], [2]], select=["*", "*_over_masks"])["values"]
    assert {"expected_output", "mean_over_masks", "dense_variance_over_masks"} <= set(found)
    assert "all_masks" not in found
    assert set(values(ask, x=[1, 3], select=["all_*"])["values"]) == {"all_masks", "all_outputs"}
    assert set(values(ask, x=[1, 3], select=["*variance"])["values"]) == {"output_variance"}
    found = values(ask, x=[1, 3], select=["mask_*", "x"])["values"]
    assert found == {"mask_probabilities": [0.25] * 4, "x": [1, 3]}


def test_jacobians(ask: Ask) -> None:
    fields = {"x": [1, 2, 4], "mask": [1, 0, 1], "rate": 0.5, "select": ["output"]}
    [found] = values(ask, **fields, jacobian=[{"of": "output", "wrt": "x"}])["jacobians"]
    assert found["value"] == [[2, 0, 0], [0, 0, 0], [0, 0, 2]]
    assert [one["pattern"] for one in found["zeros"]] == ["diagonal"]
    assert {(one["side"], *one["indices"]) for one in found["zero_slices"]} == {("of", 1), ("wrt", 1)}
    pairs = [{"of": "mean_over_masks", "wrt": "x"}, {"of": "mask_probabilities", "wrt": "x"}]
    mean, likely = values(ask, **fields, jacobian=pairs)["jacobians"]
    np.testing.assert_allclose(mean["value"], np.eye(3), atol=1e-15)
    assert likely["zeros"][0]["pattern"] == "zero"
    [single] = values(ask, x=3, mask=1, jacobian=[{"of": "output", "wrt": "x"}])["jacobians"]
    assert single["value"] == 2


def test_a_single_number(ask: Ask) -> None:
    found = values(ask, x=3, mask=True, rate=0.25, upstream={"output": 1}, select=["*", "*_over_masks"])
    assert found["values"]["output"] == 4
    assert found["values"]["output_variance"] == pytest.approx(3)
    assert found["values"]["variance_over_masks"] == pytest.approx(3)
    assert "/upstream/output" in errors(ask(PATH, x=3, mask=True, upstream={"output": [1]}))
    assert "/given/output" in errors(ask(PATH, x=3, mask=True, given={"output": [1]}))


def test_eight_axes(ask: Ask) -> None:
    x = np.arange(1.0, 9).reshape(1, 2, 1, 2, 1, 1, 2, 1)
    found = values(ask, x=x.tolist(), seed=2, w=[[2]], select=["mask", "dense_output", "mean_over_masks"])
    mask = np.array(found["values"]["mask"])
    assert mask.shape == x.shape
    np.testing.assert_allclose(found["values"]["dense_output"], x * mask * 4)
    np.testing.assert_allclose(found["values"]["mean_over_masks"], x)


def test_dropped_infinity(ask: Ask) -> None:
    found = values(ask, x=["Infinity", 1, "NaN"], mask=[0, 0, 1], upstream={"output": [1, 1, 1]})
    assert found["values"]["output"] == [0, 0, "NaN"]
    assert found["gradients"]["x"] == [0, 0, 2]
    assert found["notes"][0]["at"] == "x"


def test_exact_numbers(ask: Ask) -> None:
    fields = {"x": ["x1", "x2"], "rate": "p", "arithmetic": "exact"}
    found = values(ask, **fields, mask=[True, False], upstream={"output": ["g1", "g2"]})
    assert found["values"]["output"] == ["x1/(1 - p)", "0"]
    assert found["gradients"]["x"] == ["g1/(1 - p)", "0"]
    assert "/seed" in errors(ask(PATH, **fields, seed=1))
    assert "/mask" in errors(ask(PATH, **fields, mask=["m", 0]))
    assert "/rate" in errors(ask(PATH, **fields | {"rate": "3/2"}))
    assert "/rate" in errors(ask(PATH, **fields | {"rate": 1}))
    found = values(ask, **fields, select=["mean_over_masks"], assumptions={"p": ["positive"]})
    assert found["values"]["mean_over_masks"] == ["x1", "x2"]
    drawn = values(ask, x=["a", "b", "c"], rate=0.1, seed=1, arithmetic="exact")
    assert drawn["values"]["output"] == ["10*a/9", "10*b/9", "10*c/9"]
    many = {"symbol": "x", "shape": [12]}
    response = ask(PATH, x=many, rate="p", arithmetic="exact", select=["mean_over_masks"])
    assert response.status_code in (413, 422)  # more than exact numbers are made for
