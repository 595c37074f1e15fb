"""Every name that an operation or a submodule promises is a key of the answer."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from compute.operations import CATALOGUE
from compute.question.limits import Limits
from service.endpoints import find_endpoint
from service.export import FOLDER, replay
from service.questions.operations import EXACT_WORK, GraphJob, understand
from service.questions.programs import GRAPH, understand_program
from tests.conftest import EXAM, Ask

LIMITS = Limits(10**12, 10**9, 10**9)


def examples() -> list[Any]:
    found = []
    for path in sorted((FOLDER / "examples").glob("*.json")):
        name = find_endpoint(orjson.loads(path.read_bytes())["path"]).name
        if name == GRAPH or name in CATALOGUE:
            found.append(pytest.param(path, id=path.stem))
    return found


@pytest.fixture(autouse=True)
def exact_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)


def understood(path: str, document: dict[str, Any]) -> GraphJob:
    name = find_endpoint(path).name
    return understand_program(document, LIMITS) if name == GRAPH else understand(name, document, LIMITS)


def without(request: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: one for name, one in request.items() if name not in names}


@pytest.mark.parametrize("path", examples())
def test_every_promised_name_is_answered(path: Path) -> None:
    example = orjson.loads(path.read_bytes())
    request = without(example["request"], "select", "verify", "jacobian")
    question = understood(example["path"], request)
    graph = question.plan.graph
    answer = orjson.loads(question.answer())
    sent = {*question.inputs, *question.given}
    promised = {
        name
        for name, value in graph.names.items()
        if name not in graph.on_request and not (value.is_input and value.name == name)
    }
    assert promised <= {*answer["values"], *answer["unknown"], *sent}
    if find_endpoint(example["path"]).name == GRAPH:
        lines = {line.split("=")[0].strip() for line in request["program"]}
        assert lines <= {*answer["values"], *answer["unknown"], *sent}
    else:
        assert "output" in {*promised, *sent}
    for alias, name in answer["aliases"].items():
        for part in ("values", "gradients", "contributions", "approximations", "gradient_approximations"):
            if alias in answer.get(part, {}) and name in answer[part]:
                assert answer[part][alias] == answer[part][name]
        if name in answer.get("gradients", {}) and alias not in graph.on_request:
            assert alias in answer["gradients"]
    for part in ("values", "gradients"):
        if part in answer.get("latex", {}):
            approximations = answer["approximations" if part == "values" else "gradient_approximations"]
            assert list(approximations) == list(answer["latex"][part]) == list(answer[part])
    steps = [step["name"] for step in answer["steps"]]
    assert len({graph.names[name].index for name in steps}) == len(steps)
    assert question.plan.predicted.answer == sum(count for _, count in question.plan.sent())


@pytest.mark.parametrize("path", examples())
def test_a_star_means_the_default_answer(path: Path) -> None:
    example = orjson.loads(path.read_bytes())
    request = without(example["request"], "select")
    replayed, starred = (
        replay({**example, "request": one}, LIMITS) for one in (request, {**request, "select": ["*"]})
    )
    assert list(replayed) == list(starred)
    for name, part in replayed.items():
        assert starred[name] == part, name


STAGES = ["mean", "variance", "normalized"]
LAYER: dict[str, Any] = {
    "x": [[1, 2], [3, 4]],
    "operation": "layer_norm",
    "changes": {"x": {"add": 0.5, "at": [0, 1]}},
}


@pytest.mark.parametrize("select", [None, ["*"], ["output", "*"]])
def test_comparisons_have_every_promised_name(ask: Ask, select: list[str] | None) -> None:
    answer = ask("/v1/compare", **LAYER, upstream={"output": [[1, 0], [0, 2]]}, select=select).json()
    assert answer["aliases"] == {"output": "normalized"}
    assert set(answer["values"]) == {*STAGES, "output"}
    assert answer["values"]["output"] == answer["values"]["normalized"]
    assert answer["gradients"]["output"] == answer["gradients"]["normalized"]
    assert answer["gradients"]["x"]["difference"] != [[0, 0], [0, 0]]
    assert "x" not in answer["values"]


def test_comparisons_select_what_one_side_has_alone(ask: Ask) -> None:
    """A pattern applies to the names of each side; gradients of inputs are included."""
    answer = ask(
        "/v1/compare", operation="self_attention", **EXAM, changes={"causal": True}, select=["*_scores"],
        upstream={"output": [[1], [0]]},
    ).json()  # fmt: skip
    assert list(answer["values"]) == ["scaled_scores", "capped_scores", "masked_scores"]
    assert answer["values"]["masked_scores"]["after"][0][1] == "-Infinity"
    assert answer["values"]["masked_scores"]["before"] == answer["values"]["scaled_scores"]["before"]
    assert answer["aliases"]["capped_scores"] == "scaled_scores"
    assert "masked_scores" not in answer["aliases"]


def test_programs_answer_every_name_that_a_line_assigns(ask: Ask) -> None:
    program = ["y = x", "z = relu(y)", "out = z", "n = layer_norm(out)", "last = n"]
    answer = ask(
        "/v1/graph", program=program, inputs={"x": [[1, -2], [3, 5]]}, upstream={"last": [[1, 0], [2, 1]]}
    ).json()
    lines = ["y", "z", "out", "n", "last"]
    assert [name for name in answer["values"] if name in lines] == lines
    assert [name for name in answer["gradients"] if name in lines] == lines
    assert answer["values"]["n"] == answer["values"]["n.normalized"] == answer["values"]["last"]
    assert "n.output" not in answer["values"]  # which is what n itself is called


def test_given_and_unknown_have_every_promised_name(ask: Ask) -> None:
    given = {"normalized": [[1, -1], [2, 3]]}
    answer = ask("/v1/layer_norm", given=given).json()
    assert answer["values"] == {"output": given["normalized"]}
    answer = ask("/v1/layer_norm", given={"mean": [[1], [2]]}).json()
    assert {"output", "normalized"} <= set(answer["unknown"])


def test_an_answer_is_predicted_with_every_name_that_is_sent() -> None:
    plain, one = (
        understood("/v1/layer_norm", {"x": LAYER["x"], **more}).plan.predicted.answer
        for more in ({}, {"select": STAGES})
    )
    assert plain == one + 4


def test_a_long_array_has_the_same_text_under_each_name(ask: Ask) -> None:
    """The text of an array is the same for one name and for several."""
    x: list[list[Any]] = [[float(row * 20 + column) for column in range(20)] for row in range(20)]
    x[0][0] = "NaN"
    for encoding in ("nested", "packed"):
        answer = ask("/v1/layer_norm", x=x, encoding=encoding).json()["values"]
        alone = ask("/v1/layer_norm", x=x, encoding=encoding, select=[*STAGES[:-1], "output"]).json()[
            "values"
        ]
        assert answer["output"] == answer["normalized"] == alone["output"]
