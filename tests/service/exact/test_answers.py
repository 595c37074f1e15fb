"""Exact answers over HTTP, and their meaning when sent again."""

from typing import Any

import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.expressions import parse
from service.questions.operations import EXACT_WORK
from tests.conftest import EXAM, Ask, Client, errors
from tests.oracles.exact_text import evaluate

EXACT: dict[str, Any] = {"arithmetic": "exact"}


def symbols(name: str, *shape: int) -> dict[str, Any]:
    return {"symbol": name, "shape": list(shape)}


def number(text: str) -> Any:
    return value(parse(text, 10_000), Symbols())


def flat(nested: Any) -> list[Any]:
    return [one for part in nested for one in flat(part)] if isinstance(nested, list) else [nested]


def test_the_exam_question_in_closed_form(ask: Ask) -> None:
    answer = ask(**EXAM, **EXACT, upstream={"output": [[1], [0]]}).json()
    h = "1/(1 + exp(2*sqrt(2)))"
    assert answer["values"]["weights"][0][0] == answer["values"]["weights"][1][1] == h
    output = number(answer["values"]["output"][0][0])
    assert sympy.simplify(output - (number(f"0.3*{h} + 0.4*(1 - {h})"))) == 0
    assert answer["approximations"]["output"] == [
        [pytest.approx(0.3944192781)],
        [pytest.approx(0.3055807219)],
    ]
    assert answer["latex"]["values"]["weights"][0][0] == r"\frac{1}{1 + e^{2 \sqrt{2}}}"
    assert "common" not in answer
    floats = ask(**EXAM, upstream={"output": [[1], [0]]}).json()
    assert answer["steps"] == floats["steps"]
    assert answer["cost"] == floats["cost"]
    for name, expected in floats["gradients"].items():
        assert flat(answer["gradient_approximations"][name]) == pytest.approx(flat(expected), rel=1e-12)
        assert [float(number(one).evalf()) for one in flat(answer["gradients"][name])] == pytest.approx(
            flat(expected), rel=1e-12, abs=1e-15
        )


def test_text_can_be_sent_again(ask: Ask) -> None:
    fields = {"x": symbols("x", 1, 3), "size": 2, "stride": 1, **EXACT}
    first = ask("/v1/max_pool1d", **fields, upstream={"output": symbols("delta", 1, 2)}).json()
    entries = first["gradients"]["x"] + first["values"]["output"] + first["values"]["winners"]
    again = ask("/v1/graph", program=["y = x * 1"], inputs={"x": flat(entries)}, **EXACT).json()
    assert again["values"]["y"] == flat(entries)
    assert flat(first["gradients"]["x"]) == [
        "delta1_1*indicator(x1_1 >= x1_2)",
        "delta1_1*indicator(x1_2 > x1_1) + delta1_2*indicator(x1_2 >= x1_3)",
        "delta1_2*indicator(x1_3 > x1_2)",
    ]


def test_what_repeats_in_long_entries_has_a_name(ask: Ask) -> None:
    answer = ask(
        x=symbols("x", 2, 2), w_q=symbols("q", 2, 1), w_k=symbols("k", 2, 1), w_v=symbols("v", 2, 1), **EXACT,
        upstream={"output": symbols("g", 2, 1)}, select=["output", "weights", "w_q"],
    ).json()  # fmt: skip
    assert answer["common"]
    symbols_sent = [f"{name}{i}_{j}" for name in "xqkvg" for i in (1, 2) for j in (1, 2)]
    floats = {name: (at + 1) / 7 for at, name in enumerate(symbols_sent)}
    worth = dict(floats)
    for part in answer["common"]:
        assert part["latex"].startswith("s_{")
        assert part["name"].startswith("_s")
        worth[part["name"]] = evaluate(part["expression"], worth)
    entry = evaluate(answer["gradients"]["w_q"][0][0], worth)

    def tensor(name: str, *shape: int) -> Any:
        return [[floats[f"{name}{i + 1}_{j + 1}"] for j in range(shape[1])] for i in range(shape[0])]

    expected = ask(
        x=tensor("x", 2, 2), w_q=tensor("q", 2, 1), w_k=tensor("k", 2, 1), w_v=tensor("v", 2, 1),
        upstream={"output": tensor("g", 2, 1)},
    ).json()["gradients"]["w_q"][0][0]  # fmt: skip
    assert entry == pytest.approx(expected, rel=1e-12)


def test_names_of_common_parts_are_refused_and_whole_text_is_not(ask: Ask) -> None:
    question: dict[str, Any] = {
        "x": symbols("x", 2, 2), "w_q": symbols("q", 2, 1), "w_k": symbols("k", 2, 1), **EXACT,
        "w_v": symbols("v", 2, 1), "upstream": {"output": symbols("g", 2, 1)}, "select": ["w_q"],
    }  # fmt: skip
    shared = ask(**question).json()["gradients"]["w_q"]
    refused = ask("/v1/graph", program=["y = x * 1"], inputs={"x": shared}, **EXACT)
    assert '"common": false' in errors(refused)["/inputs/x/0/0"]["message"]
    answer = ask(**question, common=False).json()
    assert "common" not in answer
    again = ask("/v1/graph", program=["y = x * 1"], inputs={"x": answer["gradients"]["w_q"]}, **EXACT)
    assert again.json()["unknown"] == []
    floats = ask("/v1/softmax", x=[1, 2], common=False)
    assert "/common" in errors(floats)


def test_abbreviated_values_stand_in_what_is_made_of_them(ask: Ask) -> None:
    program = ["z4 = sum(w * v) + c", "y_hat = exp(z4)", "L = (y - y_hat)**2 / 2"]
    inputs = {"w": symbols("w", 2), "v": symbols("v", 2), "c": "c", "y": "y"}
    fields: dict[str, Any] = {"program": program, "inputs": inputs, "upstream": {"L": 1}, **EXACT}
    answer = ask("/v1/graph", **fields, abbreviate=["z4"], claims=["z4 == c + w[0]*v[0] + w[1]*v[1]"]).json()
    assert answer["values"]["z4"] == "c + v1*w1 + v2*w2"
    assert answer["values"]["y_hat"] == "exp(z4)"
    expected = number("-(y - exp(z4))*exp(z4)*w1")
    assert sympy.expand(number(answer["gradients"]["v"][0]) - expected) == 0
    assert answer["claims"][0]["verdict"] == "proved"
    numbers = fields | {"inputs": inputs | {"w": [1, 2], "v": [3, "1/2"], "c": 0, "y": 1}}
    known = ask("/v1/graph", **numbers, abbreviate=["z4"]).json()
    assert known["values"]["y_hat"] == "exp(4)"
    assert known["approximations"]["y_hat"] == pytest.approx(54.598150033144236)


def test_claims_are_proved_refuted_or_left_open(ask: Ask) -> None:
    claims = ["p[1] == sigmoid(z[1] - z[0])", "p[0] == sigmoid(z[1] - z[0])",
              "log(2 + log(exp(z[0]) + exp(z[1]))) == log(2 + z[0] + log(1 + exp(z[1] - z[0])))"]  # fmt: skip
    answer = ask(
        "/v1/graph", program=["p = softmax(z)"], inputs={"z": symbols("z", 2)}, claims=claims, **EXACT
    )
    first, second, third = answer.json()["claims"]
    assert (first["verdict"], first["holds"], first["point"]) == ("proved", True, None)
    assert (second["verdict"], second["holds"]) == ("refuted", False)
    assert set(second["point"]) == {"z1", "z2"}
    assert (third["verdict"], third["holds"]) == ("undecided", None)
    numbers = ask("/v1/graph", program=["p = softmax(z)"], inputs={"z": [1, 2]}, claims=claims[:1]).json()
    assert set(numbers["claims"][0]) == {"holds", "largest_difference"}
    unknown = ask("/v1/graph", program=["p = q + 0"], given={"p": [1]}, claims=["q == 1"], **EXACT).json()
    assert unknown["claims"][0]["verdict"] is None


def test_assumptions_decide_orders(ask: Ask) -> None:
    fields = {"program": ["y = relu(x)", "z = abs(x)"], "inputs": {"x": "a"}, **EXACT}
    assert ask("/v1/graph", **fields).json()["values"] == {"y": "max(0, a)", "z": "abs(a)"}
    for assumed, y, z in (("positive", "a", "a"), ("negative", "0", "-a"), ("nonnegative", "a", "a")):
        answer = ask("/v1/graph", **fields, assumptions={"a": [assumed]}).json()
        assert answer["values"] == {"y": y, "z": z}, assumed


def test_infinities_are_noted_as_floats_are(ask: Ask) -> None:
    fields: dict[str, Any] = {
        "program": ["y = log(relu(x))"],
        "inputs": {"x": [-1, 1]},
        "upstream": {"y": [1, 1]},
    }
    exact, floats = ask("/v1/graph", **fields, **EXACT).json(), ask("/v1/graph", **fields).json()
    assert exact["values"]["y"] == ["-Infinity", "0"]
    assert exact["approximations"]["y"] == ["-Infinity", 0]
    assert [note["operands"][-1]["value"] for note in exact["notes"]] == ["0", "0"]
    for note in (*exact["notes"], *floats["notes"]):
        del note["operands"]  # exact numbers are text
    assert exact["notes"] == floats["notes"]


def test_decimals_are_fractions_to_their_last_digit(ask: Ask) -> None:
    sent = [0.1, "0.12345678901234567890", 1e-7, 10**30, "1e3"]
    answer = ask("/v1/graph", program=["y = x * 1"], inputs={"x": sent}, **EXACT).json()
    expected = ["1/10", "1234567890123456789/10000000000000000000", "1/10000000", "1" + "0" * 30, "1000"]
    assert answer["values"]["y"] == expected


def test_the_same_question_has_the_same_bytes(client: Client) -> None:
    question = EXAM | EXACT | {"w_v": [["a"], ["b"]], "upstream": {"output": [["g1"], ["g2"]]}}
    answers = {client.post("/v1/self_attention", json=question).content for _ in range(3)}
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("inputs", "pointer", "words"),
    [
        ({"x": "__import__('os')"}, "/inputs/x", "cannot be read"),
        ({"x": "x.real"}, "/inputs/x", "cannot be read"),
        ({"x": "lambda: 1"}, "/inputs/x", "cannot be read"),
        ({"x": "f(1)"}, "/inputs/x", "something other than"),
        ({"x": "_a"}, "/inputs/x", "no symbol"),
        ({"x": "a > b"}, "/inputs/x", "condition"),
        ({"x": ["a", "1/0"]}, "/inputs/x/1", "no value"),
        ({"x": ["a", "sqrt(-1)"]}, "/inputs/x/1", "no value"),
        ({"x": [1, "9**9**9"]}, "/inputs/x/1", "digits"),
        ({"x": "2^(2^(2^(2^2)))"}, "/inputs/x", "digits"),
        ({"x": "1" * 2_600}, "/inputs/x", "2000 digits"),
        ({"x": 10**4000}, "/inputs/x", "digits"),
        ({"x": "1e999"}, "/inputs/x", "400 digits"),
        ({"x": "a+" * 6000 + "a"}, "/inputs/x", "longer than"),
        ({"x": [["a"], ["b", "c"]]}, "/inputs/x/1", "differ in length"),
        ({"x": ["a", None]}, "/inputs/x/1", "not a number"),
        ({"x": {"symbol": "x"}}, "/inputs/x", "not a tensor of symbols"),
        ({"x": {"symbol": "x", "shape": [0]}}, "/inputs/x", "not a tensor of symbols"),
        ({"x": {"symbol": "x", "shape": [10**6, 10**6]}}, "/inputs/x", "not a tensor of symbols"),
        ({"x": {"symbol": "x", "shape": [300, 300]}}, "/inputs/x", "too many entries"),
        ({"x": {"symbol": "exp", "shape": []}}, "/inputs/x/symbol", "no symbol"),
        ({"x": {"symbol": 3, "shape": []}}, "/inputs/x/symbol", "not a name"),
    ],
)
def test_what_is_no_exact_number(ask: Ask, inputs: dict[str, Any], pointer: str, words: str) -> None:
    response = ask("/v1/graph", program=["y = x * 2"], inputs=inputs, **EXACT)
    assert words in errors(response)[pointer]["message"]


def test_comparing_stays_with_floats(ask: Ask) -> None:
    response = ask("/v1/compare", operation="self_attention", **EXAM, **EXACT, changes={"scale": 2})
    assert "/arithmetic" in errors(response)


def test_names_that_would_mean_two_things_are_refused(ask: Ask) -> None:
    program = ["a = x*2", "a1 = x[0]**2", "L = sum(a)*a1"]
    fields: dict[str, Any] = {"program": program, "inputs": {"x": symbols("x", 2)}, **EXACT}
    assert "/abbreviate/1" in errors(ask("/v1/graph", **fields, abbreviate=["a", "a1"]))
    assumed = ask("/v1/graph", **fields, abbreviate=["a1"], assumptions={"a1": ["negative"]})
    assert "/assumptions/a1" in errors(assumed)
    twice = {"w": symbols("w", 11), "w1": symbols("w1", 1)}
    response = ask("/v1/graph", program=["d = w[10] - w1[0]"], inputs=twice, **EXACT)
    assert "/inputs/w1/symbol" in errors(response)
    shared = {"a": symbols("x", 2), "b": symbols("x", 2)}
    answer = ask("/v1/graph", program=["d = a - b"], inputs=shared, **EXACT).json()
    assert answer["values"]["d"] == ["0", "0"]
    scaled = {"query": [["a"]], "key": [["b"], ["c"]], "value": [[1], [2]], "scale": "weights1_1"}
    assert "/abbreviate/0" in errors(ask("/v1/attention", **scaled, abbreviate=["weights"], **EXACT))
    for name in ("lambda", "in", "None"):
        response = ask("/v1/graph", program=["y = x"], inputs={"x": symbols(name)}, **EXACT)
        assert "/inputs/x/symbol" in errors(response)


def test_assumptions_speak_of_symbols_that_there_are(ask: Ask) -> None:
    fields = {"program": ["y = x * 2"], "inputs": {"x": "a"}, **EXACT}
    assert "/assumptions/b" in errors(ask("/v1/graph", **fields, assumptions={"b": ["positive"]}))
    assert "/assumptions/1b" in errors(ask("/v1/graph", **fields, assumptions={"1b": ["positive"]}))


def test_what_is_abbreviated_is_said_even_where_it_is_not_returned(ask: Ask) -> None:
    fields = {"program": ["a = x*2", "b = exp(a)"], "inputs": {"x": symbols("x", 2)}, **EXACT}
    answer = ask("/v1/graph", **fields, abbreviate=["a"], select=["b"]).json()
    assert answer["values"] == {"b": ["exp(a1)", "exp(a2)"]}
    assert [(one["name"], one["expression"]) for one in answer["common"]] == [("a1", "2*x1"), ("a2", "2*x2")]
    scores = {"query": [["a"]], "key": [["b"], ["c"]], "value": [[1], [2]], **EXACT}
    answer = ask("/v1/attention", **scores, abbreviate=["scaled_scores"], select=["masked_scores"]).json()
    assert answer["values"] == {"masked_scores": [["a*b", "a*c"]]}


def test_conditions_on_cases_stay_within_the_language(ask: Ask) -> None:
    program = ["y = leaky_relu(x, slope=0.1)", "z = leaky_relu(y - c, slope=0.1)"]
    answer = ask("/v1/graph", program=program, inputs={"x": "x", "c": "c"}, **EXACT).json()
    text = answer["values"]["z"]
    assert "ITE" not in text + answer["latex"]["values"]["z"]
    for x, c, expected in ((1, 0, "1"), (-1, 0, "-1/100"), (1, 2, "-1/10"), (-1, -1, "9/10")):
        at = {Symbols().symbol("x"): sympy.Integer(x), Symbols().symbol("c"): sympy.Integer(c)}
        assert number(text).subs(at) == number(expected)


def test_quotients_by_zero_and_roots_below_zero_are_nan(ask: Ask) -> None:
    inputs = {"v": "v", "x": "indicator(a > 0)", "p": "(a + 1)**2", "q": "a**2 + 2*a + 1"}
    program = ["y = v/x", "w = log(x)", "r = sqrt(x - 1/2)", "s = v/(p - q)"]
    values = ask("/v1/graph", program=program, inputs=inputs, **EXACT).json()["values"]
    assert values["y"] == "NaN"
    assert values["w"] == "where(a > 0, 0, -Infinity)"
    assert "I" not in values["r"].replace("NaN", "")
    assert values["s"] == "NaN"
    for text in ("2*Infinity", "-NaN", "where(a > 0, NaN, 1)", "max(1, Infinity)"):
        assert "/inputs/x" in errors(ask("/v1/graph", program=["y = x"], inputs={"x": text}, **EXACT))


def test_a_root_refutes_nothing_where_it_has_no_value(ask: Ask) -> None:
    claims = ["abs(sqrt(x))**2 == x", "relu(log(x)) == log(x)"]
    fields = {"program": ["y = x"], "inputs": {"x": "a"}, "claims": claims, **EXACT}
    first, second = ask("/v1/graph", **fields).json()["claims"]
    assert first["holds"] is not False
    assert second["verdict"] == "refuted"


def test_numbers_of_json_keep_their_digits(client: Client) -> None:
    for sent, expected in (
        (b"0.12345678901234567891", "12345678901234567891/100000000000000000000"),
        (b'{"dtype": "float32", "shape": [], "data": "zczMPQ=="}', "1/10"),
        (b"1e30", "1" + "0" * 30),
    ):
        body = b'{"program": ["y = x*1"], "arithmetic": "exact", "inputs": {"x": %s}}' % sent
        response = client.post("/v1/graph", content=body, headers={"content-type": "application/json"})
        assert response.json()["values"]["y"] == expected


def test_exact_work_is_never_done_in_the_process_that_serves(client: Client) -> None:
    body = b'{"program": ["y = x"], "inputs": {"x": "a"}, "arithmetic": "ex\\u0061ct"}'
    response = client.post("/v1/graph", content=body, headers={"content-type": "application/json"})
    assert response.json()["values"]["y"] == "a"
    assert not EXACT_WORK.is_done_here
