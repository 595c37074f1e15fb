"""POST /v1/graph: programs over HTTP."""

import base64
from typing import Any

import pytest

from tests.conftest import Ask, errors

PATH = "/v1/graph"
LINE = {"program": ["y = w * x + b"], "inputs": {"x": [1, 2], "w": 3, "b": 0.5}}


def test_all_that_an_operation_answers(ask: Ask) -> None:
    response = ask(
        PATH,
        **LINE,
        data=["x"],
        upstream={"y": [1, 1]},
        jacobian=[{"of": "y", "wrt": "x"}],
        claims=["y[0] == 3.5"],
    ).json()
    assert response["values"] == {"y": [3.5, 6.5]}
    assert response["gradients"]["w"] == 3
    [zeros] = response["jacobians"][0]["zeros"]
    assert (zeros["pattern"], zeros["of_label"], zeros["wrt_label"]) == ("diagonal", "axis_0", "axis_0")
    assert response["claims"] == [{"holds": True, "largest_difference": 0}]
    assert response["parameters"] == ["w", "b"]
    assert response["cost"]["parameters"] == 2
    assert response["steps"][0]["formula"] == r"y = w \cdot x + b"
    assert "diagram" not in response


def test_the_graph_is_drawn_on_request(ask: Ask) -> None:
    diagram = ask(PATH, **LINE, data=["x"], diagram=True).json()["diagram"]
    assert {node["name"]: node["kind"] for node in diagram["nodes"]} == {
        "x": "input", "w": "parameter", "b": "parameter", "y": "value",
    }  # fmt: skip
    assert sorted(map(tuple, diagram["edges"])) == [("b", "y"), ("w", "y"), ("x", "y")]
    lines = diagram["mermaid"].splitlines()
    assert lines[0] == "flowchart LR"
    assert sum("-->" in line for line in lines) == 3
    assert any('["y (2)"]' in line for line in lines)


def test_packed_answers_and_float32(ask: Ask) -> None:
    found = ask(PATH, **LINE, encoding="packed", arithmetic="float32").json()["values"]["y"]
    assert (found["dtype"], found["shape"]) == ("float32", [2])


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"program": []}, "/program"),
        ({"program": "y = x"}, "/program"),
        ({"program": ["y = x ="]}, "/program/0"),
        ({"inputs": {"x": "text", "w": 1, "b": 1}}, "/inputs/x"),
        ({"inputs": {"x": [1, 2], "w": [1, 2, 3], "b": 1}}, "/program/0"),
        ({"inputs": {"x": 1}}, "/inputs/w"),
        ({"parameters": ["q"]}, "/parameters/0"),
        ({"claims": ["y"]}, "/claims/0"),
        ({"claims": ["y == 1"] * 101}, "/claims"),
        ({"upstream": {"y": 1}}, "/upstream/y"),
        ({"upstream": {"q": 1}}, "/upstream/q"),
        ({"select": ["q"]}, "/select/0"),
        ({"window": 1}, "/window"),
        ({"diagram": 1}, "/diagram"),
    ],
)
def test_what_is_wrong_is_said_where(ask: Ask, fields: dict[str, Any], pointer: str) -> None:
    assert pointer in errors(ask(PATH, **LINE | fields))


@pytest.mark.parametrize("call", ["layer_norm(x + y, gain=g)", "rms_norm(x + y, gain=g, axes=[0, 1])"])
def test_a_gain_that_does_not_fit_what_has_no_name(ask: Ask, call: str) -> None:
    inputs = {"x": [[1, 2]], "y": [[3, 4]], "g": [1, 2, 3]}
    [error] = errors(ask(PATH, program=[f"z = {call}"], inputs=inputs)).values()
    assert "feature = 2 from axis 1 of x" in error["expected"]
    assert error["received"] == "shape (3)"


def test_a_mask_is_one_here_too(ask: Ask) -> None:
    fields = {"program": ["y = attention(q, q, q, mask=m)"], "inputs": {"q": [[1], [2]], "m": [["NaN", 0]]}}
    assert "/inputs/m" in errors(ask(PATH, **fields))


def test_what_would_be_too_large_is_refused_before_it_is_made(ask: Ask) -> None:
    column = {"shape": [100_000, 1], "dtype": "float64", "data": ""}
    column["data"] = base64.b64encode(bytes(800_000)).decode()
    response = ask(PATH, program=["y = x + x.T"], inputs={"x": column})
    assert "" in errors(response, 413)


def test_booleans_are_masks_and_factors_but_no_gradients(ask: Ask) -> None:
    inputs = {"x": [1, 2], "m": [True, False]}
    found = ask(PATH, program=["y = masked_fill(x, m)"], inputs=inputs, upstream={"y": [1, 1]}).json()
    assert found["values"]["y"] == [1, "-Infinity"]
    assert found["gradients"]["x"] == [1, 0]
    counted = ask(PATH, program=["y = x * m"], inputs=inputs, upstream={"y": [1, 1]}).json()
    assert counted["values"]["y"] == [1, 0]  # as in NumPy, true is 1
    assert counted["gradients"]["x"] == [1, 0]
    upstream = {"y": [True, True]}
    assert "/upstream/y/0" in errors(ask(PATH, program=["y = x"], inputs={"x": [1, 2]}, upstream=upstream))


def test_places_and_bands_of_exact_numbers(ask: Ask) -> None:
    inputs = {"x": [["a", "b"]], "p": [[1]]}
    program = ["y = gather(x, 1, p)", "z = band(x, queries=1, keys=2, left=0, right=2)"]
    found = ask(PATH, program=program, inputs=inputs, arithmetic="exact").json()["values"]
    assert found == {"y": [["b"]], "z": [["a", "b", "0"]]}
    inputs["p"] = [["t"]]
    response = ask(PATH, program=program, inputs=inputs, arithmetic="exact")
    assert "not an index" in next(iter(errors(response).values()))["message"]


def test_entries_that_a_step_rejects_are_an_error_of_its_line(ask: Ask) -> None:
    program = ["i = p + 1", "y = 2 * gather(x, 0, i)", "z = y + i"]
    found = errors(ask(PATH, program=program, inputs={"x": [1, 2], "p": [0, 1]}))
    assert found["/program/1"]["message"] == "line 2, column 9: i holds a number that is not an index"
    trace = {
        "loss": "L",
        "steps": 1,
        "start": {"x": [1, 2]},
        "optimizer": {"name": "sgd", "learning_rate": 1},
    }
    program = ["i = p + 1", "L = sum(x[i])"]
    found = errors(ask("/v1/optimizer/trace", program=program, inputs={"p": [0, 1]}, **trace))
    assert found["/program/1"]["message"].startswith("line 2, column 9: i holds")


def test_claims_of_nan_say_why_they_do_not_hold(ask: Ask) -> None:
    body = {"program": ["p = x - x"], "inputs": {"x": ["Infinity", 1]}, "claims": ["p == p", "p[1] == 0"]}
    assert ask(PATH, **body).json()["claims"] == [
        {
            "holds": False,
            "largest_difference": None,
            "how": "a side is NaN at [0], and NaN equals nothing, not even itself",
            "at": [0],
        },
        {"holds": True, "largest_difference": 0.0},
    ]


def test_claims_are_text_or_objects_with_a_tolerance(ask: Ask) -> None:
    body: dict[str, Any] = {"program": ["y = sigmoid(x)", "L = sum(y)"], "inputs": {"x": [1, 2]}}
    claims = [
        {"claim": "y[0] == 0.73", "tolerance": 0.005},
        {"claim": "y[0] == 0.73", "decimals": 3},
        "0 < y < 1",
        "grad(L, x) == y * (1 - y)",
    ]
    for arithmetic in ("float64", "exact"):
        found = ask(PATH, **body, claims=claims, arithmetic=arithmetic).json()["claims"]
        assert [claim["holds"] for claim in found] == [True, False, True, True]
    for sent, pointer in (
        ({"claim": "y == (x"}, "/claims/0/claim"),
        ({"claim": "y == x", "tolerance": -1}, "/claims/0/tolerance"),
        ({"claim": "y == x", "decimals": 1.5}, "/claims/0/decimals"),
        ({"claim": "y == x", "decimals": 16}, "/claims/0/decimals"),
        ({"claim": "y == x", "within": 1}, "/claims/0/within"),
        ({"tolerance": 1}, "/claims/0/claim"),
        (1, "/claims/0"),
        (["y == x"], "/claims/0"),
    ):
        assert pointer in errors(ask(PATH, **body, claims=[sent]))
