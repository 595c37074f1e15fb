"""POST /v1/optimizer/solve, answered as in a worker process."""

from typing import Any

import orjson
import pytest

from compute.errors import QuestionErrors
from service.optimizers.solutions import understand_solution
from service.questions.operations import EXACT_WORK, ExactWanted
from service.workers.exact import LIMITS

EXAM: dict[str, Any] = {
    "program": ["f = x**2 / 4"],
    "start": {"x": 1},
    "steps": 2,
    "optimizer": {"name": "momentum", "learning_rate": 1, "momentum": "beta"},
    "unknown": ["beta"],
    "target": {"x": 0},
}


@pytest.fixture(autouse=True)
def _done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)


def solved(**fields: Any) -> Any:
    sent = {name: one for name, one in (EXAM | fields).items() if one is not None}
    return orjson.loads(understand_solution(sent, LIMITS).answer())


def refused(**fields: Any) -> dict[str, str]:
    with pytest.raises(QuestionErrors) as caught:
        solved(**fields)
    return {"/" + "/".join(map(str, one.path)): one.message for one in caught.value.errors}


def test_the_exam() -> None:
    answer = solved()
    assert answer["operation"] == "optimizer/solve"
    assert (answer["kind"], answer["complete"]) == ("finite", True)
    [one] = answer["solutions"]
    assert one["values"] == {"beta": "1/2"} and one["approximations"] == {"beta": 0.5}
    assert (one["arrives"], one["verified"], one["multiplicity"]) == (True, "exactly", 1)
    assert [step["parameters"]["x"] for step in one["trace"]] == ["1", "1/2", "0"]
    assert answer["equations"] == [{"parameter": "x", "expression": "1/4 - beta/2", "target": "0"}]
    assert answer["conventions"]["optimizer"] == "momentum" and answer["formulas"]


def test_long_roots_are_named_and_approximated() -> None:
    answer = solved(optimizer={"name": "adam", "learning_rate": "beta"})
    [one] = answer["solutions"]
    assert "CRootOf" in one["values"]["beta"] and one["verified"] == "in floats"
    assert one["approximations"]["beta"] == pytest.approx(0.51909, abs=1e-5)
    assert abs(one["trace"][-1]["parameters"]["x"]) < 1e-9


def test_convergence_alone() -> None:
    answer = solved(
        unknown=None, target=None, steps=None, optimizer={"name": "gradient_descent", "learning_rate": "eta"}
    )
    assert not {"solutions", "kind", "equations"} & set(answer)
    convergence = answer["convergence"]
    assert (
        convergence["conditions"] == ["abs(1 - eta/2) < 1"]
        and convergence["learning_rate_range"] == "0 < eta and eta < 4"
    )
    assert convergence["best"]["learning_rate"] == "2" and convergence["best"]["contraction_factor"] == "0"
    assert "best_together" not in convergence


def test_a_loss_that_is_not_quadratic_says_so() -> None:
    convergence = solved(program=["f = x**4"])["convergence"]
    assert convergence == {"known": False, "why": "the loss is not quadratic in the parameters"}


def test_what_is_known_in_floats_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[bytes] = []
    monkeypatch.setattr(EXACT_WORK, "offer", offered.append)
    solved()
    near, _ = map(orjson.loads, offered)
    assert near["complete"] is False and "not found in time" in near["how"]
    assert float(near["solutions"][0]["values"]["beta"]) == pytest.approx(0.5)


def test_assumptions_leave_solutions_out() -> None:
    descent = {"name": "gradient_descent", "learning_rate": "eta"}
    fields = {"optimizer": descent, "unknown": ["eta"], "target": {"x": "1/4"}}
    assert [one["values"]["eta"] for one in solved(**fields)["solutions"]] == ["1", "3"]
    answer = solved(**fields, steps=1, assumptions={"eta": ["negative"]})
    assert answer["kind"] == "none" and answer["complete"]


@pytest.mark.parametrize(
    ("fields", "pointer", "words"),
    [
        ({"unknown": ["gamma"]}, "/unknown/0", "not a symbol"),
        ({"unknown": ["beta"] * 5}, "/unknown", "at most 4"),
        ({"target": {"y": 0}}, "/target/y", "no parameter"),
        ({"target": {"x": [1, 2]}}, "/target/x", "shape"),
        ({"steps": None}, "/steps", "required"),
        ({"steps": 10**12}, "/steps", "at most"),
        ({"optimizer": {"name": "momentun"}}, "/optimizer/name", "did you mean momentum"),
        ({"optimizer": {"name": "adam", "momentum": 1}}, "/optimizer/momentum", "no field"),
        ({"gradients": [{"x": 1}]}, "/gradients", "no field"),
        ({"assumptions": {"q": ["positive"]}}, "/assumptions/q", "no symbol"),
        ({"program": None}, "/", "program"),
        ({"start": {"x": "1/0"}}, "/start/x", "no value"),
        ({"optimizer": {"name": "radam", "beta_2": "beta"}}, "/optimizer/beta_2", "has to be a number"),
    ],
)
def test_what_cannot_be_asked(fields: dict[str, Any], pointer: str, words: str) -> None:
    answer = refused(**fields)
    assert words in answer[pointer], answer


def test_other_processes_send_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXACT_WORK, "is_done_here", False)
    with pytest.raises(ExactWanted):
        understand_solution(EXAM, LIMITS)
