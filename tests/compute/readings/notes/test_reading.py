"""What is said of numbers that are not finite."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.question.answer import Answer
from compute.question.masks import check_masks
from tests.compute.asking import answer, plan
from tests.compute.readings.notes.questions import ask, only

QKV: dict[str, Any] = {"query": np.eye(2), "key": np.eye(2), "value": np.array([[1.0, 2.0], [3.0, 4.0]])}


def said(found: Answer) -> list[tuple[str, str]]:
    return [(note.code, note.at) for note in found.notes]


def test_finite_numbers_need_no_words() -> None:
    assert answer("attention", QKV).notes == []
    mask = np.array([[True, False], [True, True]])
    assert answer("attention", QKV | {"mask": mask}, {"causal": True}).notes == []


def test_a_row_that_may_attend_to_nothing() -> None:
    mask = np.array([[False, False], [True, True]])
    found = answer("attention", QKV | {"mask": mask}, upstream={"output": np.ones((2, 2))})
    assert said(found) == [("nothing_to_attend", "weights")]
    assert "1 of 2" in found.notes[0].message
    assert "[0]" in found.notes[0].message
    np.testing.assert_array_equal(found.values["weights"][0], [0, 0])
    np.testing.assert_array_equal(found.values["output"][0], [0, 0])
    assert all(np.isfinite(gradient).all() for gradient in found.gradients.values())
    np.testing.assert_array_equal(found.gradients["query"][0], [0, 0])


def test_empty_rows_are_counted_along_the_keys() -> None:
    mask = np.array([[True, False, False], [True, False, False]])
    inputs = {"query": np.ones((3, 1)), "key": np.ones((2, 1)), "value": np.ones((2, 1)), "mask": mask}
    found = answer("attention", inputs, {"orientation": "key_query"})
    assert said(found) == [("nothing_to_attend", "weights")]
    assert "2 of 3" in found.notes[0].message
    assert "[1]" in found.notes[0].message


def test_the_first_step_that_overflows_is_named_and_only_that() -> None:
    found = answer("attention", QKV | {"query": np.array([[1e200, 0], [0, 1]]), "key": np.eye(2) * 1e200})
    assert said(found) == [("non_finite", "scores")]
    [note] = found.notes
    assert note.message.startswith(
        "query @ transpose(key) is Infinity at [0, 0]: 1e+200 * 1e+200 + ... = Infinity."
        " That is beyond the largest number of float64"
    )
    assert "In weights it becomes NaN: exp(Infinity - Infinity) = NaN." in note.message
    assert note.operation == "matmul" and note.entries == ((0, 0),) and note.count == 1
    assert note.operands == (("query", 1e200), ("transpose(key)", 1e200)) and note.result == "Infinity"
    assert note.spoiled == ("scaled_scores", "weights", "output")
    assert found.spoiled == {"scores", "scaled_scores", "capped_scores", "masked_scores", "weights", "output"}


def test_what_came_in_spoiled_is_named_there() -> None:
    found = answer("attention", QKV | {"value": np.array([[np.nan, 1], [np.inf, 1]])})
    assert said(found) == [("non_finite", "value")]
    [note] = found.notes
    assert note.message.startswith("came in as not finite at [0, 0] and 1 other entry, the first NaN.")
    assert note.entries == ((0, 0), (1, 0)) and note.spoiled == ("output",)
    assert note.operation == note.remedy == "" and note.operands == ()


def test_a_gradient_that_overflows() -> None:
    found = answer("attention", QKV, upstream={"output": np.full((2, 2), 1e308)})
    assert said(found) == [("non_finite_gradient", "weights")]
    [note] = found.notes
    assert "back through weights @ value" in note.message and "1e+308 * 2 + ... = Infinity" in note.message
    assert note.operands == (("gradient of output", 1e308), ("value", 2))
    assert note.spoiled_gradients == ("scaled_scores", "scores", "query", "key")
    assert "clip gradients" in note.remedy
    assert found.spoiled_gradients >= {"weights", "scores", "query", "key", "masked_scores"}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_mask(bad: float) -> None:
    with pytest.raises(QuestionErrors):
        check_masks(["mask"], {"mask": np.array([[0, bad]])})
    check_masks(["mask"], {"mask": np.array([[0, -np.inf]]), "query": np.array([[bad]])})
    check_masks(["mask"], {"mask": np.array([[True]])})


def test_few_values_show_that_all_are_finite() -> None:
    watched = [value.name for value in plan("attention", QKV).evaluation.sentinels()]
    assert watched == ["output", "scaled_scores"]
    for name in QKV:
        for bad in (np.nan, np.inf, -np.inf):
            spoiled = {one: array.copy() for one, array in QKV.items()}
            spoiled[name][1, 1] = bad
            assert (("non_finite", name)) in said(answer("attention", spoiled))


def test_the_rectified_logarithm() -> None:
    """Exam 004, problem 6: y = log(relu(x))."""
    fields: dict[str, Any] = {"inputs": {"x": [-1, 2, 0]}, "upstream": {"y": np.ones(3)}}
    value, gradient = ask(["r = relu(x)", "y = log(r)"], **fields).notes
    assert (value.code, value.at, value.operation) == ("non_finite", "y", "log")
    assert value.entries == ((0,), (2,)) and value.count == 2
    assert value.operands == (("r", 0),) and value.result == "-Infinity"
    assert value.message.startswith("log(r) is -Infinity at [0] and 1 other entry: log(0) = -Infinity.")
    assert "epsilon" in value.remedy and value.remedy in value.message
    assert (gradient.code, gradient.at, gradient.operation) == ("non_finite_gradient", "r", "log")
    assert "back through log(r)" in gradient.message and "The derivative of log(a) is 1/a" in gradient.message
    turned = "In the gradient of x, back through relu(x), it becomes NaN: Infinity * 0 = NaN."
    assert turned in gradient.message and "It spoils" not in gradient.message  # which would say it twice
    assert gradient.operands == (("gradient of y", 1), ("r", 0)) and gradient.spoiled_gradients == ("x",)


@pytest.mark.parametrize("arithmetic", ["float64", "float32", "exact"])
def test_the_same_in_one_line(arithmetic: str) -> None:
    found = ask("y = log(relu(x))", {"x": [-1, 2, 0]}, upstream={"y": [1, 1, 1]}, arithmetic=arithmetic)
    value, gradient = found.notes
    assert (value.code, value.at, value.operation) == ("non_finite", "y", "log")
    assert "log(relu(x)) is -Infinity at [0]" in value.message
    assert "log(0) = -Infinity" in value.message
    assert (gradient.code, gradient.at, gradient.operation) == ("non_finite_gradient", "x", "log")
    assert "In the gradient of x, back through relu(x), it becomes NaN" in gradient.message
    [(name, operand)] = value.operands
    assert name == "relu(x)" and operand == ("0" if arithmetic == "exact" else 0)
    assert found.spoiled == {"y"} and found.spoiled_gradients == {"x"}


@pytest.mark.parametrize("arithmetic", ["float64", "float32", "exact"])
@pytest.mark.parametrize(
    ("line", "inputs", "seen", "result", "operation"),
    [
        ("y = a / b", {"a": [1, 0], "b": [1, 0]}, "0 / 0 = NaN", "NaN", "divide"),
        ("y = a / b", {"a": [1, -2], "b": [1, 0]}, "-2 / 0 = -Infinity", "-Infinity", "divide"),
        ("y = log(a)", {"a": [1, 0]}, "log(0) = -Infinity", "-Infinity", "log"),
        ("y = log(a)", {"a": [1, -2]}, "log(-2) = NaN", "NaN", "log"),
        ("y = log1p(a)", {"a": [1, -1]}, "log1p(-1) = -Infinity", "-Infinity", "log1p"),
        ("y = sqrt(a)", {"a": [1, -4]}, "(-4)^0.5 = NaN", "NaN", "power"),
        ("y = a**-1", {"a": [1, 0]}, "0^(-1) = Infinity", "Infinity", "power"),
    ],
)
def test_what_has_no_value(
    line: str, inputs: dict[str, Any], seen: str, result: str, operation: str, arithmetic: str
) -> None:
    note = only(ask(line, inputs, arithmetic=arithmetic))
    assert (note.code, note.at, note.entries, note.result) == ("non_finite", "y", ((1,),), result)
    assert note.operation == operation and f"at [1]: {seen}." in note.message
    assert note.remedy and note.operands and note.spoiled == note.spoiled_gradients == ()
    assert "beyond the largest" not in note.message


@pytest.mark.parametrize(
    ("line", "inputs", "turned"),
    [
        ("y = a - b", {"a": [1, np.inf], "b": [1, np.inf]}, "Infinity - Infinity"),
        ("y = a + b", {"a": [1, np.inf], "b": [1, -np.inf]}, "Infinity + (-Infinity)"),
        ("y = a * b", {"a": [1, 0], "b": [1, np.inf]}, "0 * Infinity"),
        ("y = a / b", {"a": [1, np.inf], "b": [1, -np.inf]}, "Infinity / (-Infinity)"),
        ("y = sum(b * a)", {"a": [-np.inf, 3], "b": [-1, np.inf]}, ""),
        ("y = sum(a + b)", {"a": [-np.inf, np.inf], "b": [1, 1]}, "-Infinity + Infinity"),
        ("y = a @ b", {"a": [[0, 1]], "b": [[np.inf], [1]]}, "0 * Infinity + ..."),
        ("y = softmax(a)", {"a": [np.inf, 1]}, "exp(Infinity - Infinity)"),
        ("y = sin(a)", {"a": [np.inf, 1]}, "sin(Infinity)"),
    ],
)
def test_infinities_that_came_in_are_said_to_have(line: str, inputs: dict[str, Any], turned: str) -> None:
    notes = ask(line, inputs).notes
    assert {note.at for note in notes} <= {"a", "b"} and notes
    assert ("y",) in [note.spoiled for note in notes]
    for note in notes:
        assert note.code == "non_finite"
        assert note.message.startswith("came in as ") and note.operation == note.remedy == ""
        assert (f"In y it becomes NaN: {turned} = NaN." in note.message) == bool(turned)


def test_given_infinities_are_said_to_be_given() -> None:
    lines = ["h = x * 2", "y = h - h"]
    note = only(ask(lines, {"x": [1, 2]}, given={"h": np.array([1.0, np.inf])}))
    assert note.at == "h" and note.message.startswith("came in under given as Infinity at [1].")
    note = only(ask(lines, {"x": [1, 2]}, upstream={"y": np.array([1.0, np.inf])}))
    assert note.code == "non_finite_gradient"
    assert note.at == "y" and note.message.startswith(
        "its gradient came in under upstream as Infinity at [1]."
    )
    assert note.spoiled_gradients == ("h", "x") and "it becomes NaN: Infinity + (-Infinity)" in note.message


@pytest.mark.parametrize(
    ("line", "x", "seen"),
    [
        ("y = sqrt(x)", [0, 1], "0^(-0.5) = Infinity"),
        ("y = sqrt(sum(x**2))", [0, 0], "0^(-0.5) = Infinity"),
        ("y = x**0.25", [0, 1], "0^(-0.75) = Infinity"),
    ],
)
@pytest.mark.parametrize("arithmetic", ["float64", "exact"])
def test_gradients_alone(line: str, x: list[int], seen: str, arithmetic: str) -> None:
    upstream = np.ones(() if "sum" in line else 2, dtype=int)
    found = ask(line, {"x": x}, upstream={"y": upstream}, arithmetic=arithmetic)
    note = only(found)
    assert found.spoiled == set() and found.spoiled_gradients == {"x"}
    assert (note.code, note.at, note.operation) == ("non_finite_gradient", "x", "power")
    assert (
        seen in note.message and "slope of roots" in note.message and "epsilon under the root" in note.remedy
    )
    assert ("becomes NaN: Infinity * 0 = NaN" in note.message) == ("sum" in line)


def test_derivatives_are_explained_as_gradients_are() -> None:
    x = {"x": np.array([-1.0, -np.inf, 2.0])}
    found = answer("activation", x, {"function": "log_relu"}, upstream={"output": np.ones(3)})
    came, value, derivative, gradient = found.notes
    assert came.message == "came in as -Infinity at [1]. Nothing follows from it."  # NaN is made of 1 / 0
    assert (value.at, derivative.at, gradient.at) == ("output", "derivative", "rectified")
    assert derivative.message.startswith(
        "inside it, log'(rectified) is Infinity at [0] and 1 other entry: 1 / 0 = Infinity. The derivative"
        " of log(a) is 1/a, which grows without bound towards 0. In derivative it becomes NaN: Infinity * 0 ="
        " NaN."
    )
    assert "epsilon" in derivative.remedy
    root = answer("activation", {"x": np.array([0.0])}, {"function": "sqrt"})
    assert only(root).message.startswith("sqrt'(x) is Infinity at [0]: 0^(-0.5) = Infinity.")
    assert "epsilon under the root" in only(root).remedy


def test_a_constant_that_a_type_cannot_hold() -> None:
    x = {"x": np.array([1.0, -1.0])}
    first, _ = answer("activation", x, {"function": "elu", "alpha": 1e300}, arithmetic="float32").notes
    assert first.message.startswith(
        "elu(x, alpha=1e+300) is -Infinity at [1]: 1e+300 = Infinity. That is beyond the largest number of"
        " float32, about 3.4e+38."
    )
    scaled = only(answer("softmax", x, {"scale": 1e300}, arithmetic="float32"))
    assert scaled.message.startswith("inside it, 1e+300 is Infinity. That is beyond the largest number")


def test_parts_that_are_too_large_make_nan_as_well() -> None:
    x = np.array([1e308, -1e308, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0] * 2)
    with np.errstate(all="ignore"):
        undefined = np.isnan(np.sum(x))  # which depends on the order in which terms are added
    note = only(ask("y = sum(x)", {"x": x}))
    assert note.result == ("NaN" if undefined else note.result)
    assert "beyond the largest number of float64" in note.message
    assert ("Infinity less Infinity is NaN" in note.message) == undefined


def test_operands_that_are_parts_of_one_array_keep_their_names() -> None:
    found = answer("glu", {"x": np.array([[2e200, 1, 3e200, 1]])}, {"function": "identity"})
    assert only(found).operands == (("content", 2e200), ("openness", 3e200))
    found = ask("y = x[0] * x[1, :1]", {"x": np.array([[2e200, 1], [3e200, 1]])})
    assert only(found).message.startswith("x[0] * x[1,:1] is Infinity at [0]: 2e+200 * 3e+200 = Infinity.")
    assert only(found).operands == (("x[0]", 2e200), ("x[1,:1]", 3e200))


def test_a_product_of_floats_that_are_too_large() -> None:
    a = np.array([[1e30, 0], [1, 1]])
    note = only(ask("y = a @ a", {"a": a}, arithmetic="float32"))
    assert note.entries == ((0, 0),) and note.operands == (("a", 1e30),)
    assert "1e+30 * 1e+30 + ... = Infinity" in note.message and "float32, about 3.4e+38" in note.message
    assert not ask("y = a @ a", {"a": a}).notes
    note = only(ask("y = conv1d(x, k)", {"x": [1e30, 1e30, 1], "k": [1e30, 1]}, arithmetic="float32"))
    assert note.at == "y" and "1e+30 * 1e+30" in note.message
    x, kernel = np.full((2, 2, 3, 3), 1e200), np.full((1, 2, 2, 2), 1e200)
    note = only(answer("conv2d", {"x": x, "kernel": kernel}))
    assert (note.at, note.count) == ("output", 8) and "1e+200 * 1e+200" in note.message


def test_softmax_bears_huge_numbers() -> None:
    found = ask("y = softmax(x)", {"x": [1e308, -1e308, 5]}, upstream={"y": np.ones(3)})
    assert found.notes == []
    lines = ["e = exp(x)", "p = e / sum(e)"]
    note = only(ask(lines, {"x": [1000, 1]}))
    assert (note.at, note.operation, note.spoiled) == ("e", "exp", ("p",))
    assert "exp(1000) = Infinity" in note.message and "Infinity / Infinity = NaN" in note.message
    assert "subtract the maximum" in note.remedy
