"""Grading over HTTP: rubrics, answers in the notation of paper, exams, traces, and what students send."""

import random
from typing import Any

import numpy as np
import orjson
import pytest

from service.endpoints import ENDPOINTS
from service.questions.operations import EXACT_WORK
from service.settings import Settings
from tests.conftest import Ask, errors

QUESTION = {
    "operation": "self_attention", "x": [[0, 1], [-1, 1]], "w_q": [["2*sqrt(2)"], ["sqrt(2)"]],
    "w_k": [[-2], [-1]], "w_v": [[-0.1], [0.3]],
}  # fmt: skip
RIGHT = {"query": ["√2", "-√2"], "key": [-1, 1], "weights": [[0.056, 0.944], [0.944, 0.056]],
         "output": [0.3944, 0.3056]}  # fmt: skip
MARKER = "zzqy"


def graded(ask: Ask, **fields: Any) -> Any:
    response = ask("/v1/grade", **fields)
    assert response.status_code == 200, response.text
    return response.json()


def items(answer: Any) -> dict[str, Any]:
    return {item["name"]: item for item in answer["items"]}


def test_the_numbers_of_a_paper_are_right(ask: Ask) -> None:
    answer = graded(ask, question=QUESTION, answer=RIGHT, marks={"query": 0.5, "weights": 2, "output": 1.5})
    assert (answer["score"], answer["max_score"], answer["gradable"]) == (4, 4, True)
    assert {item["verdict"] for item in answer["items"]} == {"correct"}
    assert items(answer)["query"]["reading"] == pytest.approx([2**0.5, -(2**0.5)])
    assert answer["conventions"]["tolerance"]["relative"] == 0.01


def test_a_slip_is_charged_once(ask: Ask) -> None:
    slipped = {**RIGHT, "query": ["√2", "√2"], "weights": [[0.056, 0.944], [0.056, 0.944]],
               "output": [0.394, 0.394]}  # fmt: skip
    answer = graded(ask, question=QUESTION, answer=slipped, marks={"query": 1, "weights": 2, "output": 2})
    found = items(answer)
    assert answer["score"] == 4.5
    assert found["query"]["slip"] == {"kind": "sign"}
    assert found["output"]["verdict"] == "follow_through"
    assert found["weights"]["follows_from"] == ["query"]
    assert answer["charged"] == [{"name": "query", "of": "value", "points": 0.5}]


def test_a_listed_convention_is_accepted_and_another_is_recognized(ask: Ask) -> None:
    scaled = {"scaled_scores": [[-1, 1], [1, -1]], "weights": [[0.119, 0.881], [0.881, 0.119]]}
    accepted = graded(ask, question=QUESTION, answer=scaled, accept=[{"scale": "1/sqrt(2)", "credit": 0.5}])
    assert (
        items(accepted)["scaled_scores"] | {"score": 0.5, "matched": {"scale": "1/sqrt(2)"}}
        == (items(accepted)["scaled_scores"])
    )
    assert items(accepted)["weights"]["verdict"] == "follow_through"
    refused = graded(ask, question=QUESTION, answer=scaled)
    assert refused["score"] == 1
    assert refused["grader"]["items"][0]["matched"] == {"scale": "1/sqrt(d)"}
    assert "matched" not in items(refused)["scaled_scores"]


def test_feedback_reveals_by_level(ask: Ask) -> None:
    wrong = {"output": [0.3, 9]}
    levels = {level: graded(ask, question=QUESTION, answer=wrong, feedback=level)["items"][0]
              for level in ("none", "verdict", "location", "hint", "full")}  # fmt: skip
    assert levels["none"].keys() == {"name", "of", "score", "max_score"}
    assert "message" not in levels["verdict"]
    assert levels["location"]["entries"]["wrong"] == [[0, 0], [1, 0]]
    assert "wrong" not in levels["hint"]["entries"]
    assert levels["full"]["expected"][0][0] == pytest.approx(0.3944, abs=1e-4)


def test_an_exam_follows_a_slip_into_the_next_question(ask: Ask) -> None:
    second = {"operation": "graph", "program": ["doubled = 2 * y"], "inputs": {}}
    answer = graded(ask, questions=[
        {"name": "a", "question": QUESTION, "answer": {"output": [0.3944, 0.35]}, "marks": {"output": 2}},
        {"name": "b", "question": second, "takes": {"y": {"question": "a", "name": "output"}},
         "answer": {"doubled": [0.7888, 0.7]}, "marks": {"doubled": 2}},
    ])  # fmt: skip
    assert items(answer)["doubled"]["verdict"] == "follow_through"
    assert [(one["name"], one["score"], one["max_score"]) for one in answer["questions"]] == [
        ("a", 1, 2), ("b", 2, 2),
    ]  # fmt: skip


def test_a_trace_is_graded_from_any_step(ask: Ask) -> None:
    momentum = {"name": "momentum", "learning_rate": 0.1, "momentum": 0.5}
    question = {"operation": "optimizer/trace", "program": ["f = x**2"], "loss": "f", "start": {"x": 1.5},
                "steps": 3, "optimizer": momentum}  # fmt: skip
    x, velocity = 1.5, 0.0
    answer: dict[str, float] = {}
    for step in range(1, 4):
        velocity = 0.5 * velocity + 2 * x + (0.7 if step == 2 else 0)
        x -= 0.1 * velocity
        answer |= {f"velocity[{step}]": velocity, f"trace[{step}].parameters.x": x}
    found = items(graded(ask, question=question, answer=answer))
    wrong = {name for name, item in found.items() if item["verdict"] == "incorrect"}
    assert wrong == {"velocity[2]"}
    assert found["trace[3].parameters.x"]["follows_from"] == ["velocity[2]"]
    average = {f"velocity[{step}]": value for step, value in ((1, 1.5), (2, 0.5 * 1.5 + 0.5 * 2 * 1.35))}
    named = items(graded(ask, question=question, answer=average))["velocity[1]"]["misconceptions"]
    assert "momentum.average_for_sum" in [one["code"] for one in named]


def test_hidden_states_are_judged_step_by_step(ask: Ask) -> None:
    w_x, w_h, x = 0.5, 0.8, [1.0, -2.0, 0.7]
    hidden, states = 0.0, []
    for step, entry in enumerate(x):
        hidden = float(np.tanh(w_x * entry + w_h * hidden)) + (0.3 if step == 1 else 0)
        states.append([hidden])
    question = {"operation": "rnn", "x": [[entry] for entry in x], "w_x": [[w_x]], "w_h": [[w_h]]}
    item = graded(ask, question=question, answer={"hidden": states}, marks={"hidden": 3})["items"][0]
    assert item["verdict"] == "incorrect"
    assert item["score"] == 2
    assert item["follows_from"] == ["hidden[2]"]


def test_staff_get_errors_for_their_own_mistakes(ask: Ask) -> None:
    unknown = ask("/v1/grade", question=QUESTION, marks={"outptu": 1})
    assert list(errors(unknown)) == ["/marks/outptu"]
    bad = errors(ask("/v1/grade", question={**QUESTION, "w_q": [[1]]}, answer={}))
    assert all(pointer.startswith("/question/") for pointer in bad)
    assert errors(ask("/v1/grade", answer={"x": 1}))
    accept = errors(ask("/v1/grade", question=QUESTION, answer=RIGHT, accept=[{"scael": 1}]))
    assert list(accept) == ["/accept/0/scael"]


NASTY: list[Any] = [
    None, {}, [], [[]], "", " ", MARKER, f"{MARKER}(1)", "9**9**9**9", "1e999999", "(" * 500, "lambda: 0",
    "__import__('os')", "\u202e1", "\x00", "🙂", "0,5", "1,000", "1 1/2", "0.333...", "≈0.3", "3 cm", "50%",
    [[1, 2], [3]], [1, None], [True, 1], {"dtype": "float64", "shape": [1], "data": "!"}, 10**300, [10**400],
    "nan,nan", [[[[[[[[[[1]]]]]]]]]], ["1"] * 5000, "1" * 10_000, {"a": {"b": [1]}}, [{}], ["x" * 300],
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(NASTY)))
def test_nothing_that_a_student_writes_is_an_error(ask: Ask, place: int) -> None:
    answer = graded(
        ask, question=QUESTION, answer={**RIGHT, "output": NASTY[place]}, marks={"output": 1, "query": 1}
    )
    found = items(answer)
    assert found["output"]["verdict"] in ("ungradable", "incorrect")
    assert found["query"]["verdict"] == "correct"
    assert MARKER not in str(answer)


def test_random_text_is_never_an_error_nor_repeated(ask: Ask) -> None:
    random_source = random.Random(4)
    pieces = [
        "1",
        "2.5",
        "√",
        "(",
        ")",
        "**",
        "^",
        "/",
        "e",
        "sqrt",
        "π",
        ",",
        "\u200b",
        "[",
        "]",
        "−",
        "max",
        "½",
        " ",
    ]
    for _ in range(60):
        texts = [
            "".join(random_source.choices(pieces, k=random_source.randint(1, 40))) + MARKER for _ in range(2)
        ]
        answer = graded(ask, question=QUESTION, answer={"output": texts, MARKER + "<b>": texts})
        assert MARKER not in str(answer)


def test_names_of_students_are_items_or_unknown(ask: Ask) -> None:
    found = items(graded(ask, question=QUESTION, answer={"masked_scores": [[1, 2], [3, 4]], "nonsense": 1}))
    assert (
        found["nonsense"] | {"verdict": "ungradable", "code": "unknown_name", "score": None}
        == found["nonsense"]
    )
    assert found["masked_scores"]["verdict"] == "incorrect"


def test_a_rubric_is_checked(ask: Ask) -> None:
    response = ask("/v1/grade/check", question=QUESTION, answer=RIGHT, total=5,
                   marks={"weights": 2, "output": 2, "wieghts": 1})  # fmt: skip
    found = response.json()
    codes = {(finding["code"], finding["at"]) for finding in found["findings"]}
    assert ("hidden_mistake", "attention.no_scale") in codes
    assert ("unknown_name", "wieghts") in codes
    assert ("marks_do_not_add_up", "marks") in codes
    assert (found["model_score"], found["empty_score"]) == (4, 0)
    wide = {**QUESTION, "w_q": [[1, 2], [0, 1]], "w_k": [[1, 1], [2, 0]], "w_v": [[1], [2]]}
    other = ask("/v1/grade/check", question=wide, marks={"weights": 2}).json()
    assert ("hidden_mistake", "attention.no_scale") not in {
        (one["code"], one["at"]) for one in other["findings"]
    }


def test_mistakes_in_a_loss_are_found_in_programs_and_outside_a_range_too(ask: Ask) -> None:
    x, t = np.array([0.3, -0.8, 1.1]), np.array([0.5, 0.1, -0.2])
    question = {"operation": "graph", "program": ["y = sigmoid(x)", "loss = mse(y, t)"],
                "inputs": {"x": x.tolist(), "t": t.tolist()}, "upstream": {"loss": 1}}  # fmt: skip
    y = 1 / (1 + np.exp(-x))
    wrong = -2 * (y - t) / 3
    found = items(
        graded(ask, question=question, gradients={"y": wrong.tolist(), "x": (wrong * y * (1 - y)).tolist()})
    )
    assert [one["code"] for one in found["y"]["misconceptions"]] == ["loss.gradient_sign"]
    assert found["x"]["verdict"] == "follow_through"
    above = y + np.array([1.4, 0, 0])  # no sigmoid is above 1, and its slope there is negative
    gradient = 2 * (above - t) / 3
    followed = items(graded(ask, question=question, answer={"y": above.tolist()},
                            gradients={"x": (gradient * above * (1 - above)).tolist()}))  # fmt: skip
    assert followed["x"]["verdict"] == "follow_through"


def test_a_convention_of_an_optimizer_is_accepted_and_followed(ask: Ask) -> None:
    momentum = {"name": "momentum", "learning_rate": 0.1, "momentum": 0.5}
    question = {"operation": "optimizer/trace", "program": ["f = x**2"], "loss": "f", "start": {"x": 1.5},
                "steps": 2, "optimizer": momentum}  # fmt: skip
    first, x = 0.5 * 2 * 1.5, 1.5 - 0.1 * 0.5 * 2 * 1.5
    answer = {"velocity[1]": first, "x[1]": x, "velocity[2]": 0.5 * first + 0.5 * 2 * x}
    listed = graded(ask, question=question, answer=answer, accept=[{"form": "average", "credit": 0.5}])
    found = items(listed)
    assert found["velocity[1]"]["verdict"] == "accepted"
    assert found["velocity[1]"]["matched"] == {"form": "average"}
    assert [found[name]["verdict"] for name in ("x[1]", "velocity[2]")] == ["follow_through"] * 2
    assert listed["score"] == 2.5
    unlisted = graded(ask, question=question, answer=answer)
    assert items(unlisted)["velocity[1]"]["verdict"] == "incorrect"
    assert unlisted["grader"]["items"][0]["matched"] == {"form": "average"}


def test_what_staff_sent_is_described_as_it_is(ask: Ask) -> None:
    marks = errors(ask("/v1/grade", question=QUESTION, marks={"output": -1}))
    assert marks["/marks/output"]["expected"] == "a number of at least 0"


def test_an_expression_that_takes_too_long_is_ungradable(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[bytes] = []
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)
    monkeypatch.setattr(EXACT_WORK, "offer", offered.append)
    question = {"operation": "softmax", "arithmetic": "exact", "x": ["a", "b"]}
    answer = {"output": ["exp(a)/(exp(a)+exp(b))", "1/(1+exp(a-b))"], "nonsense": 1}
    job = ENDPOINTS["grade"].understand({"question": question, "answer": answer}, Settings().limits)
    graded_item = orjson.loads(job.answer())["items"][0]
    assert (graded_item["verdict"], graded_item["score"]) == ("correct", 1)
    [instead] = map(orjson.loads, offered)
    assert [(item["verdict"], item["code"]) for item in instead["items"]] == [
        ("ungradable", "too_slow"), ("ungradable", "unknown_name"),
    ]  # fmt: skip
    assert not instead["gradable"]


def test_symbols_of_the_question_are_read_as_students_write_them(ask: Ask) -> None:
    question = {
        "operation": "graph", "arithmetic": "exact", "program": ["y = delta_1 * x1", "z = y * c**2"],
        "inputs": {"delta_1": "delta_1", "x1": "x1", "c": "c"}, "upstream": {"z": "u_z"},
    }  # fmt: skip
    answer = {"y": r"\delta_1 x_1", "z": "c² δ₁ x_1"}
    gradients = {"y": "c² uz", "x1": "uz δ_1*c*c", "c": "2 u_z c y"}
    right = graded(ask, question=question, answer=answer, gradients=gradients)
    assert right["score"] == right["max_score"] == 5
    split = graded(ask, question=question, answer={"y": "delta_1x_1", "z": "c*c*k"})
    assert items(split)["y"]["code"] == "missing_operator"
    assert items(split)["z"]["verdict"] == "incorrect"


MASK = [[True, False, False], [False, True, True], [True, False, True]]


@pytest.mark.parametrize("field", [{}, {"causal": True}, {"mask": MASK}])
def test_an_orientation_shows_first_as_a_transposed_matrix(ask: Ask, field: dict[str, Any]) -> None:
    """Scores with the keys in rows are transposed; the mask and the softmax follow, and are not charged."""
    x = np.array([[1, 2, 0], [0, 1, 1], [2, 0, 1]]) / 2
    keep = np.array(field.get("mask", np.tril(np.ones((3, 3))) if field else np.ones((3, 3)))).T > 0
    w_q, w_k = np.diag([1.0, 2.0, 3.0]), np.array([[1.0, 0, 2], [0, 1, 0], [1, 1, 1]])
    scores = (x @ w_k) @ (x @ w_q).T
    logits = np.where(keep, scores / np.sqrt(3), -np.inf)
    weights = np.exp(logits) / np.exp(logits).sum(axis=0)
    question = {"operation": "self_attention", "x": x.tolist(), "w_q": w_q.tolist(), "w_k": w_k.tolist(),
                "w_v": np.eye(3).tolist(), **field}  # fmt: skip
    written = {"scores": scores.tolist(), "weights": weights.tolist(), "output": (weights.T @ x).tolist()}
    accepted = graded(ask, question=question, answer=written, accept=[{"orientation": "key_query"}])
    assert items(accepted)["scores"]["verdict"] == "accepted"
    assert accepted["score"] == accepted["max_score"]
    charged = graded(ask, question=question, answer=written)
    assert items(charged)["scores"]["verdict"] == "incorrect"
    assert charged["score"] == charged["max_score"] - 1


def test_a_gradient_follows_from_wrong_log_probabilities(ask: Ask) -> None:
    logs = np.log(np.full((2, 3), 1 / 3)) + np.array([[0.4, 0, 0], [0, 0, 0]])
    hot = np.eye(3)[[0, 1]]
    answer = graded(
        ask,
        question={"operation": "cross_entropy", "logits": [[0, 0, 0], [0, 0, 0]], "target": [0, 1],
                  "upstream": {"output": 1}},
        answer={"log_probabilities": logs.tolist()},
        gradients={"logits": ((np.exp(logs) - hot) / 2).tolist()},
    )  # fmt: skip
    assert items(answer)["logits"]["verdict"] == "follow_through"


def test_a_slope_follows_from_a_value_outside_the_range_of_tanh(ask: Ask) -> None:
    """1 - a^2 is near zero by chance; the slope at the argument of tanh does not follow from that a."""
    answer = graded(
        ask,
        question={"operation": "graph", "program": ["a = tanh(z)"], "inputs": {"z": [1.002, 0.2]},
                  "upstream": {"a": [10, 1]}},
        answer={"a": [1.002, 0.2]},
        gradients={"z": [10 * (1 - 1.002**2), 1 - 0.2**2]},
    )  # fmt: skip
    assert items(answer)["z"]["verdict"] == "follow_through"


def test_the_minus_sign_of_a_mean_hides_no_mistake(ask: Ask) -> None:
    probabilities = np.array([[0.2, 0.5, 0.3], [0.1, 0.6, 0.3]])
    targets = np.array([[1, 0, 0], [0, 0, 1]])
    answer = graded(
        ask,
        question={"operation": "graph", "program": ["loss = -sum(t * log(p)) / n"],
                  "inputs": {"t": targets.tolist(), "p": probabilities.tolist(), "n": 2},
                  "upstream": {"loss": 1}},
        answer={},
        gradients={"p": (-targets / probabilities).tolist()},
    )  # fmt: skip
    [item] = answer["items"]
    assert item["misconceptions"][0]["code"] == "loss.gradient_not_averaged"


@pytest.mark.parametrize(
    ("rate", "written", "certainty"),
    [("p", ["w1/(1-p)", "w2/(1-p)"], "exact"), ("1/4", ["4/3*w1", "4/3*w2"], "exact")],
)
def test_a_mistake_in_letters_is_named(ask: Ask, rate: str, written: list[str], certainty: str) -> None:
    question = {"operation": "dropout", "arithmetic": "exact", "formulation": "unscaled", "rate": rate,
                "x": {"symbol": "x", "shape": [2]}, "w": [["w1"], ["w2"]]}  # fmt: skip
    item = graded(ask, question=question, answer={"adjusted_w": [[one] for one in written]})["items"][0]
    assert (item["verdict"], item["misconception"]["code"], item["misconception"]["certainty"]) == (
        "incorrect", "dropout.weights_divided_by_keep", certainty,
    )  # fmt: skip


def test_a_mistake_in_exact_numbers_is_possible(ask: Ask) -> None:
    question = {"operation": "dropout", "arithmetic": "exact", "formulation": "unscaled", "rate": "1/4",
                "x": [2, 1], "w": [[3], [6]]}  # fmt: skip
    item = graded(ask, question=question, answer={"adjusted_w": [[4], [8]]})["items"][0]
    assert (item["misconception"]["code"], item["misconception"]["certainty"]) == (
        "dropout.weights_divided_by_keep", "possible",
    )  # fmt: skip


def test_an_exam_has_questions_in_letters_and_in_decimals(ask: Ask) -> None:
    letters = {"operation": "softmax", "arithmetic": "exact", "x": ["a", "a"]}
    decimals = {"operation": "activation", "function": "relu", "x": [0.5, "-1/2"]}
    answer = graded(ask, questions=[
        {"name": "1", "question": letters, "answer": {"output": [0.5, "1/2"]}},
        {"name": "2", "question": decimals, "answer": {"output": [0.5, 0]}},
    ])  # fmt: skip
    assert (answer["score"], answer["max_score"]) == (2, 2)


@pytest.mark.parametrize(
    ("fields", "pointer", "part"),
    [
        ({"follow_through": {"creditt": 1}}, "/follow_through/creditt", "did you mean credit?"),
        ({"follow_through": {"credit": 5}}, "/follow_through/credit", "at most 1"),
        ({"follow_through": {"except": 3}}, "/follow_through/except", "a list"),
        ({"follow_through": 3}, "/follow_through", "true or false"),
        ({"tolerances": {"output": {"decimal": 2}}}, "/tolerances/output/decimal", "did you mean decimals?"),
        ({"accept": [{"credit": 3}]}, "/accept/0/credit", "at most 1"),
        ({"best_of": [{"names": ["output"]}]}, "/best_of/0/count", "is required"),
        ({"penalties": [{"points": 1}]}, "/penalties/0/when", "is required"),
        ({"questions": [{"name": "a"}]}, "/questions/0/question", "is required"),
    ],
)
def test_errors_of_a_rubric_point_into_its_objects(
    ask: Ask, fields: dict[str, Any], pointer: str, part: str
) -> None:
    question = {} if "questions" in fields else {"question": {"operation": "softmax", "x": [1, 2]}}
    response = ask("/v1/grade", **question, **fields)
    assert response.status_code == 422
    assert part in str(errors(response)[pointer])


def test_a_trace_from_a_state_is_graded_by_paths(ask: Ask) -> None:
    """x = 1 - 0.5 * (0.5 * 2 + 1), then 0 - 0.5 * (0.5 * 2 + 0); what follows from a slip is counted."""
    question = {
        "operation": "optimizer/trace", "program": ["f = x**2 / 2"], "start": {"x": 1}, "steps": 2, "step": 3,
        "state": {"x": {"velocity": 2}},
        "optimizer": {"name": "momentum", "learning_rate": 0.5, "momentum": 0.5, "ema_decay": 0.5},
    }  # fmt: skip
    answer: dict[str, Any] = {
        "trace[4].state.x.velocity": 2, "x[4]": 0, "trace[5].state.x.velocity": 1, "x[5]": -0.5,
        "trace[5].average.x": -0.125,
    }  # fmt: skip
    question["state"] = {"x": {"velocity": 2, "running_average": 1}}
    response = ask("/v1/grade", question=question, answer=answer)
    assert response.status_code == 200, response.text
    assert [item["verdict"] for item in response.json()["items"]] == ["correct"] * 4 + ["incorrect"]
    slipped = {"x[4]": 0.25, "trace[5].state.x.velocity": 1.25, "x[5]": -0.375, "average[5]": 0.125}
    response = ask("/v1/grade", question=question, answer=slipped)
    verdicts = [item["verdict"] for item in response.json()["items"]]
    assert verdicts == ["incorrect", *["follow_through"] * 3]
