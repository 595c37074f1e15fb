"""Invalid requests for traces: each error points to its field, with a helpful message."""

from typing import Any

import pytest

from compute.errors import QuestionErrors
from service.http.reader import read_decimals
from service.optimizers.reading import read_schedule
from tests.conftest import Ask, errors

PATH = "/v1/optimizer/trace"
SQUARE: dict[str, Any] = {
    "program": ["f = x**2 / 4"],
    "start": {"x": 1},
    "steps": 3,
    "optimizer": {"name": "gradient_descent"},
}
LINE: dict[str, Any] = {
    "program": ["f = mean((x @ w - y)**2)"],
    "start": {"w": [[1], [2]]},
    "inputs": {"x": [[1, 2], [3, 4], [5, 6]], "y": [[1], [2], [3]]},
    "steps": 2,
    "optimizer": {"name": "adam"},
}
PLANE = SQUARE | {"program": ["f = x**2 + y**2"], "start": {"x": 1, "y": 2}}
HANDED = SQUARE | {"program": None, "steps": None}


def by(**settings: Any) -> dict[str, Any]:
    return {"optimizer": {"name": "gradient_descent"} | settings}


def batches(rows: Any, inputs: Any = ("x", "y")) -> dict[str, Any]:
    return LINE | {"batches": {"inputs": list(inputs), "rows": rows}}


WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    # steps and other counts
    ({"steps": -1}, "/steps", "at least 1", "-1"),
    ({"steps": 0}, "/steps", "at least 1", "0"),
    ({"steps": 10**12}, "/steps", "at most 1000000", "1000000000000"),
    ({"steps": 2.5}, "/steps", "integer", "2.5"),
    ({"steps": "3"}, "/steps", "integer", "text"),
    ({"steps": True}, "/steps", "integer", "boolean"),
    ({"steps": None}, "/steps", "how many", "nothing"),
    ({"every": 0}, "/every", "at least 1", "0"),
    ({"stop_when": {"gradient_norm": -1}}, "/stop_when/gradient_norm", "at least 0", "-1"),
    ({"stop_when": {"gradient_norm": "NaN"}}, "/stop_when/gradient_norm", "number", "text"),
    ({"stop_when": {"norm": 1}}, "/stop_when/norm", "gradient_norm", "unknown"),
    ({"stop_when": 1}, "/stop_when", "object", "1"),
    # values in the place of others
    ({"substitute": {"x[4]": 1}}, "/substitute/x[4]", "trace[3].parameters.x", "unknown name"),
    ({"substitute": {"gradient.x": 1}}, "/substitute/gradient.x", "trace[3].gradient.x", "unknown name"),
    ({"substitute": {"x[1]": [1, 2]}}, "/substitute/x[1]", "shape []", "shape [2]"),
    ({"substitute": {"loss[1]": [[1]]}}, "/substitute/loss[1]", "shape []", "shape [1, 1]"),
    ({"substitute": {"x[1]": True}}, "/substitute/x[1]", "", ""),
    ({"substitute": {"x[1]": "a"}}, "/substitute/x[1]", "", ""),
    (
        {"substitute": {"x[1]": 1, "trace[1].parameters.x": 1}},
        "/substitute/trace[1].parameters.x",
        "once",
        "",
    ),
    ({"substitute": [1]}, "/substitute", "object", "list"),
    (HANDED | {"gradients": [{"x": 1}], "substitute": {"loss[1]": 1}}, "/substitute/loss[1]", "", ""),
    # the objective
    ({"program": None}, "", "program or gradients", "neither"),
    ({"gradients": [{"x": 1}]}, "", "program or gradients", "both"),
    ({"program": []}, "/program", "at least 1", ""),
    ({"program": ["f = x +"]}, "/program/0", "", ""),
    ({"program": ["f = g(x)"]}, "/program/0", "one of", ""),
    ({"program": ["f = x > 0"]}, "/loss", "one number", "booleans"),
    ({"program": ["f = x ^ 2"]}, "/program/0", "use **", "^"),
    ({"program": ["f = x", "f = x*2"]}, "/program/1", "", ""),
    ({"program": ["x = x*2"]}, "/start/x", "a name that no line assigns", ""),
    ({"loss": "g"}, "/loss", "one of: ", "unknown"),
    ({"loss": "F"}, "/loss", "f", "unknown"),
    (LINE | {"program": ["f = x @ w - y"]}, "/loss", "one number", "(3, 1)"),
    (LINE | {"program": ["f = x @ w - y", "g = sum(f)"], "loss": "f"}, "/loss", "one number", "(3, 1)"),
    # names and shapes
    ({"start": None}, "/start", "", ""),
    ({"start": {}}, "/start", "at least one parameter", "an empty object"),
    ({"program": ["f = x*y"]}, "/start/y", "inputs", "nothing"),
    ({"start": {"x": 1, "z": 2}}, "/start/z", "x", "unknown"),
    ({"start": {"z": 1}}, "/start/z", "x", "unknown"),
    ({"inputs": {"z": 1}}, "/inputs/z", "", "unknown"),
    ({"inputs": {"x": 1}}, "/inputs/x", "data", "a parameter"),
    ({"start": {"x": "one"}}, "/start/x", "constant", "text"),
    ({"start": {"x": "eta"}}, "/start/x", "", "text"),
    ({"start": {"x": True}}, "/start/x", "number", "boolean"),
    ({"start": {"x": [[1], [1, 2]]}}, "/start/x/1", "a row of 1", "a row of 2"),
    ({"start": {"x": []}}, "/start/x", "at least one entry", "shape (0)"),
    ({"start": {"x": [1, 2]}}, "/loss", "one number", "(2)"),
    (LINE | {"start": {"w": [[1], [2], [3]]}}, "/program/0", "shapes that fit", "w (3, 1)"),
    (LINE | {"inputs": {"x": [[1, 2]], "y": [[1], [2], [3], "a"]}}, "/inputs/y/3", "a row of 1", "text"),
    (
        {"start": {"x": {"dtype": "float64", "shape": [1], "data": "AA=="}}},
        "/start/x/data",
        "8 bytes",
        "text",
    ),
    # the optimizer and its settings
    ({"optimizer": None}, "/optimizer", "", ""),
    ({"optimizer": "adam"}, "/optimizer", "name", "text"),
    ({"optimizer": {}}, "/optimizer/name", "adam", "nothing"),
    ({"optimizer": {"name": "SGD"}}, "/optimizer/name", "gradient_descent", "unknown"),
    (by(lr=0.1), "/optimizer/lr", "learning_rate", "unknown"),
    (by(momentum=0.9), "/optimizer/momentum", "learning_rate", "unknown"),
    (by(learning_rate="NaN"), "/optimizer/learning_rate", "finite number", "text"),
    (by(learning_rate="Infinity"), "/optimizer/learning_rate", "finite number", "text"),
    (by(learning_rate="1/0"), "/optimizer/learning_rate", "finite number", "text"),
    (by(learning_rate="eta"), "/optimizer/learning_rate", "finite number", "text"),
    (by(learning_rate=-0.1), "/optimizer/learning_rate", "at least 0", "-0.1"),
    (by(learning_rate="-1/2"), "/optimizer/learning_rate", "at least 0", "text"),
    (by(learning_rate=[0.1]), "/optimizer/learning_rate", "number", "list"),
    (by(learning_rate=True), "/optimizer/learning_rate", "number", "boolean"),
    (by(learning_rate=None), "/optimizer/learning_rate", "number", "null"),
    (by(name="adam", beta_1=1), "/optimizer/beta_1", "below 1", "1"),
    (by(name="adam", beta_2=-0.1), "/optimizer/beta_2", "at least 0", "-0.1"),
    (by(name="adam", beta1=0.9), "/optimizer/beta1", "beta_1", "unknown"),
    (by(name="adam", epsilon=-1e-8), "/optimizer/epsilon", "at least 0", "1e-08"),
    (by(name="adam", amsgrad="yes"), "/optimizer/amsgrad", "", "text"),
    (by(name="adam", amsgrad=1), "/optimizer/amsgrad", "", "1"),
    (by(name="adam", epsilon_form="inside"), "/optimizer/epsilon_form", "corrected", "text"),
    (by(name="adam", count_from=-1), "/optimizer/count_from", "at least 0", "-1"),
    (by(name="momentum", form="mean"), "/optimizer/form", "average", "text"),
    (by(name="rprop", eta_plus=0.9), "/optimizer/eta_plus", "at least 1", "0.9"),
    (by(weight_decay=-1), "/optimizer/weight_decay", "at least 0", "-1"),
    (by(decay="weird"), "/optimizer/decay", "coupled", "text"),
    (by(clip_norm=-1), "/optimizer/clip_norm", "at least 0", "-1"),
    (by(clip_value="a"), "/optimizer/clip_value", "finite number", "text"),
    (by(schedule="cosine"), "/optimizer/schedule", "name", "text"),
    (by(schedule={"name": "triangular"}), "/optimizer/schedule/name", "cosine", "unknown"),
    (by(schedule={"name": "cosine", "steps": 0}), "/optimizer/schedule/steps", "at least 1", "0"),
    (by(schedule={"name": "cosine", "period": 5}), "/optimizer/schedule/period", "steps", "unknown"),
    (by(schedule={"name": "step", "factor": -1}), "/optimizer/schedule/factor", "at least 0", "-1"),
    (by(schedule=[]), "/optimizer/schedule", "numbers", "list"),
    (by(schedule=[0.1, None]), "/optimizer/schedule", "numbers", "list"),
    (by(schedule=[0.1, -0.1]), "/optimizer/schedule/1", "at least 0", "-0.1"),
    (by(schedule=[0.1, "NaN"]), "/optimizer/schedule/1", "finite", "text"),
    # gradients that are handed in
    (HANDED | {"gradients": []}, "/gradients", "at least one", "an empty list"),
    (HANDED | {"gradients": [{"x": 1}, {}]}, "/gradients/1/x", "the gradient of x", "nothing"),
    (HANDED | {"gradients": [{"x": 1, "y": 1}]}, "/gradients/0/y", "x", "an unknown name of 1"),
    (HANDED | {"gradients": [{"x": [1, 2]}]}, "/gradients/0/x", "[]", "[2]"),
    (HANDED | {"gradients": [{"x": 1}], "steps": 2}, "/steps", "at most 1", "2"),
    (HANDED | {"gradients": [{"x": 1}], "inputs": {"z": 1}}, "/inputs", "nothing", "1 input"),
    (HANDED | {"gradients": [{"x": 1}], "loss": "f"}, "/loss", "nothing", "text of 1 character"),
    (HANDED | {"gradients": [{"x": 1}], "surface": {}}, "/surface", "nothing", "an object"),
    (HANDED | {"gradients": [{"x": 1}], "optimizer": {"name": "newton"}}, "/optimizer/name", "program", ""),
    (HANDED | {"gradients": [{"x": "eta"}]}, "/gradients/0/x", "", "text"),
    (HANDED | {"gradients": {"x": 1}}, "/gradients", "", "object"),
    # batches
    (batches([[0, 3]]), "/batches/rows/0/1", "0 to 2", "3"),
    (batches([[0], [-1]]), "/batches/rows/1/0", "0 to 2", "-1"),
    (batches([[0], []]), "/batches/rows/1", "at least one row", "an empty list"),
    (batches([]), "/batches", "rows", "empty"),
    (batches([[0.5]]), "/batches/rows/0/0", "integer", "0.5"),
    (batches([0, 1]), "/batches/rows/0", "list", "0"),
    (batches([[0]], ["x", "z"]), "/batches/inputs/1", "x, y", "an unknown name"),
    (batches([[0]], ["w"]), "/batches/inputs/0", "x, y", "an unknown name"),
    (batches([[0], [0, 1]], ["x"]), "/batches/rows", "broadcast", ""),
    (SQUARE | {"batches": {"inputs": ["x"], "rows": [[0]]}}, "/batches/inputs/0", "data", "an unknown name"),
    # surfaces
    (SQUARE | {"surface": {}}, "/surface", "two parameters", "1 in all"),
    (LINE | {"surface": {"over": ["w", "w[0,0]"]}}, "/surface/over/0", "w[0,0]", ""),
    (LINE | {"surface": {"over": ["w[0,0]", "w[0,0]"]}}, "/surface/over/1", "two different", ""),
    (PLANE | {"surface": {"points": 1}}, "/surface/points", "at least 2", "1"),
    (PLANE | {"surface": {"points": 500}}, "/surface/points", "at most 201", "500"),
    (PLANE | {"surface": {"over": ["x"]}}, "/surface/over", "2", "1"),
    (PLANE | {"surface": {"over": ["x", "w[" + "9" * 5000 + "]"]}}, "/surface/over/1", "", ""),
    (PLANE | {"surface": {"ranges": {"x": [0]}}}, "/surface/ranges/x", "2", "1"),
    (PLANE | {"surface": {"ranges": {"x": [0, "Infinity"]}}}, "/surface/ranges/x/1", "number", "text"),
    (PLANE | {"surface": {"ranges": {"z": [0, 1]}}}, "/surface/ranges/z", "x", ""),
    (PLANE | {"surface": {"ranges": {"x": [1, 0]}}}, "/surface/ranges/x", "", ""),
    # the rest
    ({"select": ["weights"]}, "/select/0", "parameters", "unknown"),
    ({"select": []}, "/select", "at least 1", ""),
    ({"encoding": "hex"}, "/encoding", "nested", "text"),
    ({"arithmetic": "float16"}, "/arithmetic", "float32", "text"),
    ({"step_count": 5}, "/step_count", "steps", "unknown"),
    ({"upstream": {"f": 1}}, "/upstream", "steps", "unknown"),
    ({"arithmetic": "float32", "start": {"x": 1e300}}, "/start/x", "float32", ""),
]


@pytest.mark.parametrize(("fields", "pointer", "expected", "received"), WRONG, ids=str)
def test_what_cannot_be_asked(
    ask: Ask, fields: dict[str, Any], pointer: str, expected: str, received: str
) -> None:
    all_errors = errors(ask(PATH, **SQUARE | fields))
    assert pointer in all_errors, all_errors
    error = all_errors[pointer]
    assert expected in error["expected"], error
    assert received in error["received"], error
    assert "Error" not in error["message"] and "<" not in error["message"]


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"optimizer": {"name": "Adam"}}, "adam"),
        ({"optimizer": {"name": "rmsporp"}}, "rmsprop"),
        (by(schedule={"name": "cosin"}), "cosine"),
        (by(learning_rat=0.1), "learning_rate"),
        (by(name="adam", beta1=0.9), "beta_1"),
        ({"stopwhen": {"loss": 1}}, "stop_when"),
    ],
    ids=str,
)
def test_what_is_nearly_right_gets_a_hint(ask: Ask, fields: dict[str, Any], hint: str) -> None:
    [error] = errors(ask(PATH, **SQUARE | fields)).values()
    assert f"did you mean {hint}" in error["message"]


WIDE = SQUARE | {"program": ["f = sum(w**2)"]}
HUGE = 10**400


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        (by(learning_rate=HUGE), "/optimizer/learning_rate"),
        (by(learning_rate=-HUGE), "/optimizer/learning_rate"),
        (by(name="adam", beta_1=HUGE), "/optimizer/beta_1"),
        (by(schedule=[0.1, HUGE]), "/optimizer/schedule/1"),
        ({"stop_when": {"loss": HUGE}}, "/stop_when/loss"),
        ({"start": {"x": HUGE}}, "/start/x"),
    ],
    ids=["rate", "negative", "setting", "schedule", "stop", "start"],
)
def test_numbers_beyond_floats(ask: Ask, fields: dict[str, Any], pointer: str) -> None:
    assert pointer in errors(ask(PATH, **SQUARE | fields))


def test_constants_beyond_float32(ask: Ask) -> None:
    """The same number is refused in start, as float64 refuses infinite ones there."""
    for rate in (1e200, "10**200"):
        assert "/optimizer/learning_rate" in errors(
            ask(PATH, **SQUARE | by(learning_rate=rate), arithmetic="float32")
        )


def test_messages_are_the_services_own(ask: Ask) -> None:
    wrong: list[dict[str, Any]] = [
        {"stop_when": {"loss": {}}},
        {"stop_when": {"loss": "a"}},
        PLANE | {"surface": {"ranges": {"x": [0, "a"]}}},
    ]
    for fields in wrong:
        for error in errors(ask(PATH, **SQUARE | fields)).values():
            assert "Input" not in error["message"] and "Input" not in error["expected"]


def test_a_division_by_zero_is_not_told_about_symbols(ask: Ask) -> None:
    for text in ("1/0", "1 +", "log(0)"):
        for error in errors(ask(PATH, **SQUARE | by(learning_rate=text))).values():
            assert "symbols" not in error["message"]


def test_symbols_in_floats_are_told_about_exact_arithmetic(ask: Ask) -> None:
    for fields, pointer in (
        (by(learning_rate="eta"), "/optimizer/learning_rate"),
        ({"start": {"x": "a"}}, "/start/x"),
    ):
        assert "exact" in "".join(errors(ask(PATH, **SQUARE | fields))[pointer].values())


def test_a_parameter_that_is_missing_is_told_where_it_may_stand(ask: Ask) -> None:
    [error] = errors(ask(PATH, **SQUARE | {"program": ["f = x*y"]})).values()
    assert "y has no value" in error["message"]


def test_advice_is_of_fields_that_a_trace_has(ask: Ask) -> None:
    [error] = errors(ask(PATH, **SQUARE | {"program": ["x = x*2"]})).values()
    assert "given" not in error["expected"]


def test_a_batch_that_does_not_fit_the_other_data_is_said_to_be_one(ask: Ask) -> None:
    [error] = errors(ask(PATH, **batches([[0, 1]], ["x"]))).values()
    assert "batch" in error["message"]


def test_a_constant_loss_lists_no_empty_choice(ask: Ask) -> None:
    for error in errors(ask(PATH, **SQUARE | {"program": ["f = 2*3"]})).values():
        assert not error["expected"].endswith(": ")


def test_a_duplicate_name_is_refused(client: Any) -> None:
    body = b'{"program": ["f = x**2"], "start": {"x": 1, "x": 2}, "steps": 1, "optimizer": {"name": "adam"}}'
    response = client.post(PATH, content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400 and "twice" in response.text


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"steps": 300_000}, "every"),
        ({"steps": 1_000_000, "every": 1000, "program": ["f = sin(x)**2 + cos(x)**4 + x"]}, "fewer steps"),
        (WIDE | {"steps": 900, "start": {"w": [[1.0] * 2] * 3000}}, "steps"),
        (WIDE | {"optimizer": {"name": "newton"}, "start": {"w": [1.0] * 4000}}, ""),
    ],
    ids=["steps", "work", "shown", "newton"],
)
def test_what_would_take_too_much(ask: Ask, fields: dict[str, Any], advice: str) -> None:
    [error] = errors(ask(PATH, **SQUARE | fields), 413).values()
    assert advice in error["message"] + error["expected"]


def test_of_a_million_steps_a_few_may_be_shown(ask: Ask) -> None:
    """Only the returned numbers are too many; the computation is within limits and stops at once."""
    fields = {"steps": 900_000, "every": 1000, "stop_when": {"loss": 1}}
    assert ask(PATH, **SQUARE | fields).status_code == 200


def test_rates_of_exact_questions_keep_their_decimals() -> None:
    rates = read_decimals(b'{"schedule": [0.1, 1, "1/3"]}')["schedule"]
    assert read_schedule(rates) == [0.1, 1, "1/3"]
    with pytest.raises(QuestionErrors):
        read_schedule([True])
