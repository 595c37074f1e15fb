"""Normalizations over HTTP: errors, settings, letters and edge cases."""

from typing import Any

import pytest

from tests.conftest import Ask, Client, errors

LAYER, RMS, BATCH = "/v1/layer_norm", "/v1/rms_norm", "/v1/batch_norm"
GROUP, INSTANCE = "/v1/group_norm", "/v1/instance_norm"
ROWS = [[1, 2, 4], [0, 1, 5]]
CHANNELS = [[[1, 2], [3, 5], [2, 2], [0, 1]]]  # one sample, four channels, two positions
SECRET = "sentinel-that-must-not-come-back"


@pytest.mark.parametrize(
    ("path", "fields", "pointer", "expected", "received"),
    [
        (LAYER, {"x": 3}, "/x", "shape (..., n, d) or (d)", "shape ()"),
        (LAYER, {"x": ROWS, "epsilon": -1e-5}, "/epsilon", "of at least 0", "the number -1e-05"),
        (LAYER, {"x": ROWS, "epsilon": "0-1"}, "/epsilon", "of at least 0", "the number -1"),
        (LAYER, {"x": ROWS, "epsilon": "e_1"}, "/epsilon", "a finite constant", "text of 3"),
        (LAYER, {"x": ROWS, "epsilon": SECRET}, "/epsilon", "a finite constant", "text of 32"),
        (LAYER, {"x": ROWS, "epsilon": None}, "/epsilon", "constant expression", "null"),
        (LAYER, {"x": ROWS, "epsilon": True}, "/epsilon", "constant expression", "a boolean"),
        (LAYER, {"x": ROWS, "axis": 2}, "/axis", "from -2 to 1", "axis 2"),
        (LAYER, {"x": ROWS, "axis": -3}, "/axis", "from -2 to 1", "axis -3"),
        (LAYER, {"x": ROWS, "axis": 10**30}, "/axis", "at most", "a very large number"),
        (LAYER, {"x": ROWS, "axis": 0.5}, "/axis", "an integer", "the number 0.5"),
        (LAYER, {"x": ROWS, "axes": []}, "/axes", "at least one axis", "an empty list"),
        (LAYER, {"x": ROWS, "axes": [1, 1]}, "/axes", "each axis once", "twice"),
        (LAYER, {"x": ROWS, "axes": [1, -1]}, "/axes", "each axis once", "twice"),
        (LAYER, {"x": ROWS, "axes": [0, 2]}, "/axes", "from -2 to 1", "axis 2"),
        (LAYER, {"x": ROWS, "axes": 5}, "/axes", "from -2 to 1", "axis 5"),
        (LAYER, {"x": ROWS, "axes": [[0]]}, "/axes", "an integer or a list of integers", "the list [[0]]"),
        (LAYER, {"x": ROWS, "axes": "n"}, "/axes", "an integer or a list of integers", "text of 1"),
        (
            LAYER,
            {"x": ROWS, "axes": [True]},
            "/axes",
            "an integer or a list of integers",
            "a list with a boolean",
        ),
        (LAYER, {"x": ROWS, "axes": [10**30]}, "/axes", "an integer or a list of integers", "the list [1000"),
        (LAYER, {"x": ROWS, "axes": [1], "axis": 0}, "/axis", "axis or axes", "both"),
        (LAYER, {"x": ROWS, "gain": [1, 2]}, "/gain", "shape (d), where d = 3 from axis 1 of x", "shape (2)"),
        (LAYER, {"x": ROWS, "bias": [[1, 2]]}, "/bias", "(2, 3)", "shape (1, 2)"),
        (
            LAYER,
            {"x": ROWS, "axes": 0, "gain": [1, 2, 3]},
            "/gain",
            "shape (axis_0), where axis_0 = 2 from axis 0",
            "(3)",
        ),
        (LAYER, {}, "/x", "a tensor (..., n, d)", "nothing"),
        (LAYER, {"x": ROWS, "momentum": 0.1}, "/momentum", "one of: x, gain, bias", "an unknown name"),
        (RMS, {"x": ROWS, "epsilon": -1}, "/epsilon", "of at least 0", "the number -1"),
        (RMS, {"x": ROWS, "gain": [1, 2]}, "/gain", "where d = 3 from axis 1 of x", "shape (2)"),
        (RMS, {"x": ROWS, "axes": []}, "/axes", "at least one axis", "an empty list"),
        (BATCH, {"x": [1, 2]}, "/x", "a batch", "1 axes"),
        (BATCH, {"x": ROWS, "channel_axis": 2}, "/channel_axis", "from -2 to 1", "axis 2"),
        (BATCH, {"x": ROWS, "gain": [1, 2]}, "/gain", "shape (C), where C = 3 from axis 1 of x", "shape (2)"),
        (BATCH, {"x": ROWS, "channel_axis": 0, "bias": [1, 2, 3]}, "/bias", "C = 2 from axis 0 of x", "(3)"),
        (BATCH, {"x": ROWS, "running_mean": [1]}, "/running_mean", "C = 3 from axis 1 of x", "shape (1)"),
        (BATCH, {"x": ROWS, "running_variance": 1}, "/running_variance", "C = 3", "shape ()"),
        (BATCH, {"x": ROWS, "momentum": 1.5}, "/momentum", "from 0 to 1", "the number 1.5"),
        (BATCH, {"x": ROWS, "momentum": "0-1/3"}, "/momentum", "from 0 to 1", "the number -0.333"),
        (BATCH, {"x": ROWS, "momentum_of": "both"}, "/momentum_of", "'batch' or 'running'", "text of 4"),
        (BATCH, {"x": ROWS, "training": 1}, "/training", "true or false", "the number 1"),
        (BATCH, {"x": ROWS, "training": False}, "/running_mean", "one number per channel", "nothing"),
        (
            BATCH,
            {"x": ROWS, "training": False},
            "/running_variance",
            "one number per channel",
            "nothing",
        ),
        (
            BATCH,
            {"x": ROWS, "training": False, "running_mean": [1, 1, 1]},
            "/running_variance",
            "one",
            "nothing",
        ),
        (BATCH, {"x": [[1, 2]], "running_variance": [1, 1]}, "/x", "more than one entry", "one"),
        (GROUP, {"x": CHANNELS}, "/groups", "an integer", "nothing"),
        (GROUP, {"x": CHANNELS, "groups": 3}, "/groups", "a number that divides 4", "3 groups"),
        (GROUP, {"x": CHANNELS, "groups": 8}, "/groups", "a number that divides 4", "8 groups"),
        (GROUP, {"x": CHANNELS, "groups": 0}, "/groups", "an integer from 1", "the number 0"),
        (GROUP, {"x": CHANNELS, "groups": "G"}, "/groups", "an integer from 1", "text of 1"),
        (GROUP, {"x": CHANNELS, "groups": 2, "gain": [1, 2]}, "/gain", "C = 4 from axis 1 of x", "shape (2)"),
        (INSTANCE, {"x": ROWS}, "/x", "positions after batch and channels", "2 axes"),
        (INSTANCE, {"x": CHANNELS, "bias": [[1]]}, "/bias", "C = 4 from axis 1 of x", "shape (1, 1)"),
    ],
)
def test_errors_point_to_their_fields(
    client: Client, path: str, fields: dict[str, Any], pointer: str, expected: str, received: str
) -> None:
    response = client.post(path, json=fields)
    found = errors(response)
    assert pointer in found
    assert expected in found[pointer]["expected"]
    assert received in found[pointer]["received"]
    assert SECRET not in response.text


def test_both_running_statistics_are_reported_missing_at_once(ask: Ask) -> None:
    assert set(errors(ask(BATCH, x=ROWS, training=False))) == {"/running_mean", "/running_variance"}


@pytest.mark.parametrize("arithmetic", ["float64", "float32", "exact"])
@pytest.mark.parametrize("select", [None, ["output"]])
def test_no_variance_and_no_epsilon_is_an_answer_with_a_note(
    ask: Ask, arithmetic: str, select: list[str] | None
) -> None:
    response = ask(LAYER, x=[[2, 2], [1, 3]], epsilon=0, arithmetic=arithmetic, select=select,
                   upstream={"output": [[1, 0], [1, 0]]})  # fmt: skip
    assert response.status_code == 200, response.text
    found = response.json()
    name = "output" if select else "normalized"
    assert found["values"][name][0] == ["NaN", "NaN"]
    assert [float(one) for one in found["values"][name][1]] == [-1, 1]
    assert {"non_finite"} <= {note["code"] for note in found["notes"]}


def test_one_entry_for_each_channel_is_zero(ask: Ask) -> None:
    """Without an unbiased variance, a single entry minus its mean is 0."""
    for more in ({}, {"running_mean": [1, 1]},
                 {"running_variance": [1, 1], "unbiased_running_variance": False}):  # fmt: skip
        response = ask(BATCH, x=[[1, 2]], **more)
        assert response.status_code == 200, response.text
        assert response.json()["values"]["normalized"] == [[0, 0]]


def test_settings(ask: Ask) -> None:
    by_list = ask(LAYER, x=ROWS, axes=[-1]).json()["values"]
    assert ask(LAYER, x=ROWS, axes=1).json()["values"] == by_list
    assert ask(LAYER, x=ROWS).json()["values"] == by_list
    whole = ask(LAYER, x=ROWS, axes=[1, 0], epsilon="1/10").json()
    assert whole["conventions"]["axes"] == [-2, -1]
    assert whole["values"]["mean"] == pytest.approx(13 / 6)
    assert whole["steps"][0]["shape"] == []
    large = [[float(one + 7 * row) for one in range(100)] for row in range(100)]
    response = ask(LAYER, x=large, axes=[0, 1], select=["mean"])
    assert response.json()["values"]["mean"] == pytest.approx(396)


def test_letters(ask: Ask) -> None:
    def cost(**fields: Any) -> Any:
        response = ask("/v1/cost", **fields)
        assert response.status_code == 200, response.text
        return response.json()

    rows = {"x": {"shape": ["n", "d"]}, "gain": {"shape": ["d"]}, "bias": {"shape": ["d"]}}
    found = cost(operation="layer_norm", **rows)
    assert found["cost"]["parameters"] == "2*d"
    assert found["cost"]["elementwise"] == "7*d*n + 2*n"
    assert found["big_o"] == "O(dn)"
    assert {one["name"]: one["shape"] for one in found["steps"]} == {
        "mean": ["n"], "variance": ["n"], "normalized": ["n", "d"], "output": ["n", "d"],
    }  # fmt: skip
    assert cost(operation="rms_norm")["steps"][0]["shape"] == ["n"]
    image = {"x": {"shape": ["B", "C", "H", "W"]}, "gain": {"shape": ["C"]}}
    groups = cost(operation="group_norm", **image, groups="G")
    assert groups["steps"][0]["shape"] == ["B", "G"]
    assert cost(operation="instance_norm", **image)["steps"][0]["shape"] == ["B", "C"]
    running = {name: {"shape": ["C"]} for name in ("running_mean", "running_variance")}
    batch = cost(operation="batch_norm", **image, **running)
    shapes = {one["name"]: one["shape"] for one in batch["steps"]}
    assert shapes["mean"] == shapes["new_running_variance"] == ["C"]
    assert shapes["output"] == ["B", "C", "H", "W"]
    last = cost(operation="batch_norm", x={"shape": ["B", "H", "W", "C"]}, channel_axis=-1)
    assert last["steps"][0]["shape"] == ["C"]
    assert cost(operation="layer_norm", gain={"shape": [8]})["steps"][2]["shape"] == ["n", 8]
    assert cost(operation="group_norm", groups=2, gain={"shape": [8]})["steps"][2]["shape"] == ["B", 8, "L"]
    wrong = ask("/v1/cost", operation="layer_norm", x={"shape": ["n", "d"]}, gain={"shape": ["n"]})
    assert "where d = d from axis 1 of x" in errors(wrong)["/gain"]["expected"]
    assert "/groups" in errors(ask("/v1/cost", operation="group_norm", x={"shape": ["B", 6]}, groups=4))


def test_errors_in_programs_point_to_their_lines(ask: Ask) -> None:
    for line, message in (
        ("y = layer_norm(x, axes=())", "no axis"),
        ("y = layer_norm(x, axes=(0, 0))", "twice"),
        ("y = layer_norm(x, axes='a')", "does not fit"),
        ("y = group_norm(x, groups=2)", "3 channels"),
        ("y = batch_norm(x, training=False)", "running"),
        ("y = layer_norm(x, epsilon=-1)", "too small"),
    ):
        found = errors(ask("/v1/graph", program=[line], inputs={"x": ROWS}))
        assert message in found["/program/0"]["message"]
