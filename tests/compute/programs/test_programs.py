"""Programs: their values against NumPy, their gradients against central differences, and their errors."""

import re
from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.answer import Answer, Plan
from compute.question.plan import Question, prepare
from tests.compute.asking import NETWORK, answer, readings

RNG = np.random.default_rng(141)
INPUTS = {"x": [1.0, 0, -1, 2, 1], "k": [1.0, 2, -1], "b": 0.5, "w": [0.3, -0.2], "c": 0.1, "y": 1.0}


def arrays(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(tensor, dtype=float) for name, tensor in tensors.items()}


def shapes(tensors: dict[str, Any]) -> tuple[tuple[str, Tensor], ...]:
    return tuple((name, Tensor(np.shape(tensor))) for name, tensor in tensors.items())


def run(
    program: tuple[str, ...] | list[str],
    inputs: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
    upstream: dict[str, Any] | None = None,
    claims: tuple[str, ...] = (),
    **asked: Any,
) -> tuple[Plan, Answer]:
    sent = [tensors or {} for tensors in (inputs, given, upstream)]
    prepared = prepare(
        Question(
            "graph",
            inputs=shapes(sent[0]),
            given=shapes(sent[1]),
            upstream=shapes(sent[2]),
            program=tuple(program),
            readings=readings(claims=claims),
            **asked,
        )
    )
    return prepared, prepared.answer(*map(arrays, sent))


def first_error(
    program: tuple[str, ...] | list[str], inputs: dict[str, Any] | None = None, **asked: Any
) -> Any:
    with pytest.raises(QuestionErrors) as caught:
        run(program, inputs, **asked)
    return caught.value.errors[0]


def by_hand(x: Any, k: Any, b: Any, w: Any, c: Any, y: Any) -> dict[str, Any]:
    """Compute the network of the exam step by step."""
    z = np.array([sum(x[t + i] * k[i] for i in range(3)) + b for t in range(3)])
    u = np.array([max(z[0], z[1]), max(z[1], z[2])])
    v = np.where(u > 0, u, 0.1 * u)
    z4 = w[0] * v[0] + w[1] * v[1] + c
    return {"z": z, "u": u, "v": v, "z4": z4, "y_hat": np.exp(z4), "L": (y - np.exp(z4)) ** 2 / 2}


def test_the_network_of_the_exam_forward_and_backward() -> None:
    prepared, result = run(NETWORK, INPUTS, upstream={"L": 1.0}, data=("x", "y"))
    for name, value in by_hand(**arrays(INPUTS)).items():
        np.testing.assert_allclose(result.values[name], value, rtol=1e-14)
    assert prepared.parameters() == ["k", "b", "w", "c"]
    assert prepared.cost.parameters == 7
    for name, start in arrays(INPUTS).items():
        for entry in range(start.size):
            ends = []
            for step in (1e-6, -1e-6):
                changed = start.copy()
                changed.flat[entry] += step
                ends.append(float(by_hand(**arrays(INPUTS) | {name: changed})["L"]))
            difference = (ends[0] - ends[1]) / 2e-6
            assert result.gradients[name].flat[entry] == pytest.approx(difference, rel=1e-6, abs=1e-9)


def test_from_the_middle() -> None:
    given = {"z": [1, -2, -3], "w": [5, 10], "c": 3}
    prepared, result = run(NETWORK, given=given, upstream={"z4": 1.0})
    assert result.values["z4"] == 6
    np.testing.assert_allclose(result.gradients["z"], [5, 1, 0])
    assert prepared.unknown == ["x", "k", "b", "y", "L"]


def test_arithmetic_is_that_of_numpy() -> None:
    a, m = RNG.uniform(0.5, 2, 3), RNG.standard_normal((3, 3))
    program = {
        "p": ("a * 2 - a / 3 + 1", a * 2 - a / 3 + 1),
        "q": ("-a**2", -(a**2)),
        "r": ("2 * pi * a", 2 * np.pi * a),
        "s": ("m @ m.T", m @ m.T),
        "t": ("m[1, 0:2]", m[1, 0:2]),
        "o": ("m[::-1]", m[::-1]),
        "n": ("a[-1]", a[-1]),
        "f": ("sum(m, axis=0) + mean(m, axis=-1)", m.sum(0) + m.mean(-1)),
        "g": ("max(m) - min(m)", m.max() - m.min()),
        "h": ("max(m, axis=-1)", m.max(-1)),
        "i": ("sqrt(a) + log(a) + abs(-a) + sin(a) * cos(a)",
              np.sqrt(a) + np.log(a) + a + np.sin(a) * np.cos(a)),
        "j": ("sigmoid(a) + tanh(a) + relu(-a) + exp(-a)", 1 / (1 + np.exp(-a)) + np.tanh(a) + np.exp(-a)),
        "k": ("reshape(m, shape=(1, 9))", m.reshape(1, 9)),
        "l": ("flatten(m)", m.ravel()),
        "u": ("transpose(m) + softmax(m, axis=0)", m.T + np.exp(m) / np.exp(m).sum(0)),
        "v": ("(1 + 2) ** 2 * a", 9 * a),
    }  # fmt: skip
    lines = [f"{name} = {text}" for name, (text, _) in program.items()]
    _, result = run(lines, {"a": a, "m": m})
    for name, (text, expected) in program.items():
        np.testing.assert_allclose(result.values[name], expected, rtol=1e-12, err_msg=text)


def test_a_line_with_a_single_call_names_inner_values() -> None:
    x, w = RNG.standard_normal((3, 2)), RNG.standard_normal((2, 2))
    direct = answer("self_attention", {"x": x, "w_q": w, "w_k": w}, {"causal": True}).values
    inputs = {"x": x, "w": w}
    prepared, result = run(["h = self_attention(x, w, w_k=w, causal=True)", "y = sum(h)"], inputs)
    np.testing.assert_array_equal(result.values["h.weights"], direct["weights"])
    np.testing.assert_array_equal(result.values["h"], direct["output"])
    assert "h.output" not in prepared.graph.names
    _, inner = run(["y = sum(self_attention(x, w, w))"], inputs)
    assert list(inner.values) == ["y"]
    _, given = run(["h = self_attention(x, w, w)"], inputs, given={"h.weights": np.eye(3)})
    np.testing.assert_array_equal(given.values["h"], x)


def test_one_value_under_two_names_is_a_step() -> None:
    _, result = run(["y = x", "z = y + x"], {"x": [1.0]}, upstream={"z": [1.0]})
    assert result.gradients["x"] == [2]
    assert {name: list(part) for name, part in result.contributions["x"].items()} == {"y": [1], "z": [1]}


def test_comments_and_empty_lines() -> None:
    _, result = run(["# a line", "", "y = x + 1  # one more"], {"x": 1.0})
    assert result.values["y"] == 2


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_claims(arithmetic: str) -> None:
    claims = ("p[1] == sigmoid(z[1] - z[0])", "p[0] == p[1]", "p[0] + p[1] == 1", "p[0] == q")
    _, result = run(
        ["p = softmax(z)", "r = q + 1"], {"z": [1, 3]}, given={"r": 1.0}, claims=claims, arithmetic=arithmetic
    )
    assert [claim.holds for claim in result.parts["claims"]] == [True, False, True, None]
    assert result.parts["claims"][1].largest_difference == pytest.approx(np.tanh(1))


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("z = x +", 7, "missing or out of place"),
        ("z = (x", 5, "never closed"),
        ("z = x)", 6, "closes nothing"),
        ("z = x.y", 5, "not allowed in an expression"),
        ("z = x.__class__", 5, "not allowed in an expression"),
        ("z = __import__(x)", 5, "cannot be used as a name"),
        ("_z = x", 1, "cannot be used as a name"),
        ("z = lambda x: x", 5, "not allowed in an expression"),
        ("z = [i for i in x]", 5, "not allowed in an expression"),
        ("z = 'text'", 5, "not allowed in an expression"),
        ("z = x if x else x", 5, "use where(condition, a, b)"),
        ("z = x and x", 5, "use & and |"),
        ("z = not x", 5, "use ~"),
        ("z = split(x, 3)", 5, "these are several values"),
        ("z, u = x", 8, "gives 3 values for 2 names"),
        ("z, z = x", 1, "assigns a name twice"),
        ("z = [x, 1]", 5, "the entries of a list differ in shape"),
        ("z = []", 5, "is an empty list"),
        ("z = x[x > 0]", 5, "use where(mask, a, 0)"),
        ("z = x is x", 5, "not a comparison"),
        ("z = 9**9**9", 5, "too large"),
        ("z = 1/0", 5, "no value"),
        ("z = x ^ x", 7, "use ** for powers"),
        ("z = 2 @ 3", 5, "@ needs matrices"),
        ("z = foo(x)", 5, "no function"),
        ("z = sofmax(x)", 5, "did you mean softmax?"),
        ("z = softmax", 5, "is a function"),
        ("z = exp(x, x)", 5, "takes one argument"),
        ("z = exp(x, axis=1)", 5, "no argument"),
        ("z = sum(x, axis=3)", 5, "an axis of (3)"),
        ("z = leaky_relu(x, slope=True)", 25, "slope"),
        ("z = conv1d(x)", 5, "lacks kernel"),
        ("z = conv1d(x, x, stride=0)", 25, "stride does not fit"),
        ("z = conv1d(x, x, padding=(1, 2, 3))", 26, "padding does not fit"),
        ("z = conv1d(x, x, mode='sideways')", 23, "mode does not fit"),
        ("z = conv1d(x, x, mode='xcorr')", 23, "did you mean cross_correlation?"),
        ("z = meen(x)", 5, "no function"),
        ("z = mean(x, colour=0)", 5, "no argument"),
        ("z = x @ [[1, 2]]", 5, "the inner sizes 3 and 1 differ"),
        ("z = conv1d(x, x, x, x)", 21, "stride does not fit"),
        ("z = conv1d(x, x, x, 1, 1, 1, 1, 'convolution', 1)", 5, "takes 8 arguments"),
        ("z = conv1d(x, x, kernel=x)", 5, "kernel is repeated"),
        ("z = conv1d(x, x, colour=1)", 5, "no argument"),
        ("z = conv1d(x, **x)", 15, "has no name"),
        ("z = x @ [1, 2]", 5, "x (3) and a value (2)"),
        ("z = x[5]", 5, "index 5 is out of range for an axis of 3"),
        ("z = linspace(0, 'log(0)', 3)", 5, "no value"),
        ("z = norm(outer(x, x), 2)", 5, "leave p out for the Frobenius norm"),
        ("z = x[0:0]", 5, "the slice of an axis of 3 is empty"),
        ("z = x['a']", 7, "not an index"),
        ("z = x[::0]", 7, "steps by 0"),
        ("z = leaky_relu(x, slope='1/0')", 5, "no value"),
        ("z = leaky_relu(x, slope=1e999)", 25, "too large"),
        ("z = leaky_relu(x, slope=0.5, slope=0.1)", 5, "is repeated"),
        ("z = sum(x, axis=0, axis=0)", 5, "is repeated"),
        ("z = x[1e3]", 7, "not an index"),
        ("z == x", 1, "not an assignment"),
        ("import os", 1, "not an assignment"),
        ("z = x; y = x", 6, "not allowed in an expression"),
        ("z = é", 5, "not allowed in an expression"),
        ("z = " + "(" * 10**4, 1000, "too long"),
        ("z = " + "(" * 200 + "x" + ")" * 200, 45, "nested too deeply"),
        ("z = " + "-" * 150 + "x", 105, "too large here"),
        ("z = 1" + "0" * 60, 5, "too long or too large"),
        ("z = 1e999", 5, "too long or too large"),
    ],
)
def test_errors_name_line_column_and_cause(line: str, column: int, message: str) -> None:
    error = first_error(["a = x", line], {"x": [1.0, 2, 3]})
    assert error.path == ("program", 1)
    assert error.message.startswith(f"line 2, column {column}: ")
    assert message in error.message
    assert 0 < len(error.received) <= 80


@pytest.mark.parametrize(
    ("line", "trained"),
    [
        ("y = w[arange(3), i]", 9), ("y = w[i]", 9), ("y = take(w, i)", 9),
        ("y = gather(w, 1, i[:, None])", 9),
        ("y = w[[i[0], i[1]]]", 9), ("y = embedding(i, w)", 9), ("y = cross_entropy(w, i)", 9),
        ("y = scatter(w[0], 0, i, v)", 12), ("y = sum(w[i]) + sum(i == 2)", 9), ("y = w @ i", 12),
    ],
)  # fmt: skip
def test_indices_are_no_parameters(line: str, trained: int) -> None:
    shapes = {"w": (3, 3), "i": (3,), "v": (3,)}
    inputs = tuple((name, Tensor(shape)) for name, shape in shapes.items() if re.search(rf"\b{name}\b", line))
    prepared = prepare(Question("graph", inputs=inputs, program=(line,)))
    assert prepared.cost.parameters == trained
    asked = prepare(Question("graph", inputs=inputs, program=(line,), parameters=("i",)))
    assert asked.parameters() == ["i"]
    assert asked.cost.parameters == 3


@pytest.mark.parametrize("arithmetic", ["float64", "exact"])
@pytest.mark.parametrize(
    ("line", "column", "received"),
    [
        ("y = x[[0, 9]]", 5, "the entry 9 at [1]"),
        ("y = x + x[[0, -4, 1]] * 2", 9, "the entry -4 at [1]"),
        ("y = 2 * relu(take(x, [0, 9]))", 14, "the entry 9 at [1]"),
        ("y = cross_entropy([[1, 2]], [5])", 5, "the entry 5 at [0]"),
        ("y = mean(pick([[1, 2]], [5]))", 10, "the entry 5 at [0]"),
    ],
)
def test_errors_of_entries_point_to_the_call_or_index(
    line: str, column: int, received: str, arithmetic: str
) -> None:
    program, inputs = ("c = 2", "a = c + c", line), {"x": [1, 2, 3]} if "x" in line else {}
    with pytest.raises(QuestionErrors) as caught:
        answer("graph", inputs, program=program, arithmetic=arithmetic)
    [error] = caught.value.errors
    assert error.path == ("program", 2)
    assert error.message.startswith(f"line 3, column {column}: ")
    assert error.received == received


def test_a_value_may_have_the_name_of_a_library() -> None:
    x, program = np.array([[1.0, 2], [3, 5]]), ("nn = 2 * F", "y = F.sum(0) + nn.sum(0)", "z = np.max(F)")
    _, found = run(program, {"F": x}, claims=("F.max() == z",))
    np.testing.assert_array_equal(found.values["y"], 3 * x.sum(0))
    assert found.values["z"] == x.max()
    assert found.parts["claims"][0].holds


@pytest.mark.parametrize(
    ("line", "expected", "received"),
    [
        ("y = eye(0)", "a whole number of at least 1", "n = 0"),
        ("y = zeros((2, 0))", "a whole number of at least 1 or a list of them", "shape = [2, 0]"),
        ("y = hstack([x, 1])", "values that differ in size along the axis alone", "x (3) and a value ()"),
        ("y = x[0, 1]", "an index, slice, None or list of indices for each axis", "2 indices for shape (3)"),
        ("y = x[[0, -4]]", "whole numbers from -3 to 2", "the entry -4 at [1]"),
    ],
)
def test_errors_say_what_was_expected_and_what_came(line: str, expected: str, received: str) -> None:
    error = first_error([line], {"x": [1.0, 2, 3]})
    assert (error.expected, error.received) == (expected, received)


def test_errors_between_lines() -> None:
    inputs = {"x": [1.0]}
    assert "assigned in line 1 already" in first_error(["z = x", "z = x"], inputs).message
    assert "before it is assigned in line 2" in first_error(["z = y", "y = x"], inputs).message
    assert (
        "a and b and c depend on one another" in first_error(["a = b + x", "b = c", "c = a"], inputs).message
    )
    assert first_error(["z = x + y"], inputs).path == ("inputs", "y")
    assert first_error(["z = x"], inputs | {"q": 1.0}).path == ("inputs", "q")
    assert first_error(["z = x"], {"x": 1.0, "z": 1.0}).path == ("inputs", "z")
    assert first_error(["x = 1"], {}, data=("y",)).path == ("data", 0)
    assert first_error(["z = x"], inputs, parameters=("z",)).path == ("parameters", 0)
    assert first_error(["z = x"], inputs, given={"q": 1.0}).path == ("given", "q")
    assert first_error(["z = x"], inputs, claims=("z = x",)).path == ("claims", 0)
    assert first_error(["z = x"], inputs, claims=("z == (x",)).message.startswith("column 6: ")
    assert first_error(["z = x"] * 10**5, inputs).received == "100000 lines"
    assert first_error([""], inputs).path == ("program",)
    shape = first_error(["z = self_attention(x, x, x)"], inputs)
    assert (shape.path, shape.expected) == (("program", 0), "shape (..., n, d)")
    wide = first_error(["z = reshape(x, shape=(1000000000, 1000000000))"], inputs)
    assert "(1000000000, 1000000000) has 1000000000000000000 entries" in wide.message


def test_a_claim_on_other_shapes() -> None:
    error = first_error(["z = x"], {"x": [1.0, 2]}, claims=("z == [1, 2, 3]",))
    assert error.path == ("claims", 0)


def test_claims_are_held_entry_by_entry() -> None:
    for x, z in (([1e12, 1], [1e12, 500]), ([np.inf, 1], [5, 1]), ([np.inf, 1], [np.inf, 2])):
        _, result = run(["y = x * 1"], {"x": x, "z": z}, claims=("y == z",))
        assert result.parts["claims"][0].holds is False
    assert first_error(["y = x * 2"], {"x": [1.0]}, claims=("y == t",)).path == ("inputs", "t")
    wide = first_error(["y = x"], {"x": [1.0] * 9}, claims=("reshape(x, shape=(9, 1)) == x",))
    assert wide.path == ("claims", 0)


def test_only_requested_values_are_built() -> None:
    inputs = {"x": RNG.standard_normal((40, 40)), "k": RNG.standard_normal((3, 3))}
    prepared, _ = run(["y = conv2d(x, k)"], inputs, select=("y",))
    assert "y.patches" not in prepared.graph.names
    _, result = run(["y = conv1d(x, k)"], {"x": [1.0, 2, 3], "k": [1.0, 1]}, select=("y.kernel_matrix",))
    np.testing.assert_array_equal(result.values["y.kernel_matrix"], [[1, 1, 0], [0, 1, 1]])


def test_formulas_do_not_grow_without_end() -> None:
    nested = "x"
    for _ in range(20):
        nested = f"self_attention({nested}, w, w, w)"
    prepared, _ = run([f"y = {nested}"], {"x": [[1.0]], "w": [[1.0]]})
    assert len(prepared.steps[0].formula) < 10_000
    deep, _ = run(["y = " + "max(" * 30 + "x" + ")" * 30], {"x": [1.0]})
    assert deep.steps[0].inputs == ["x"]
    powers, _ = run(["v = (x / 3)**2", "t = x[::2]"], {"x": [1.0, 2]})
    assert [step.formula for step in powers.steps] == [
        r"v = \left(\frac{x}{3}\right)^{2}", "t = x_{::2}",
    ]  # fmt: skip


def test_a_wide_cycle_is_found_quickly() -> None:
    lines = [f"a{i} = " + "+".join(f"a{(i + k) % 900}" for k in range(1, 9)) for i in range(900)]
    message = first_error(lines).message
    assert "and others depend on one another" in message
    assert len(message) < 200


def test_unknown_names_can_be_selected() -> None:
    prepared, result = run(["z = a * 2", "w = z + 1", "v = q * 3"], given={"z": 1.0}, select=("w", "v"))
    assert result.values["w"] == 2
    assert "v" in prepared.unknown


def test_long_sums() -> None:
    _, result = run(["y = " + "+".join(["x"] * 60)], {"x": 1.0})
    assert result.values["y"] == 60


@pytest.mark.parametrize(("numbers", "verdict"), [("float64", None), ("float32", None), ("exact", "refuted")])
def test_nan_equals_nothing_in_claims(numbers: str, verdict: str | None) -> None:
    """IEEE 754, section 5.11: NaN is unordered with everything, itself included."""
    claims = answer(
        "graph", {"x": [0, 1]}, program=("p = log(x) - log(x)",), arithmetic=numbers,
        claims=("p == p", "p == 0", "p[0] == p[0]", "p[1] == p[1]", "log(x) == log(x)"),
    ).parts["claims"]  # fmt: skip
    assert [claim.holds for claim in claims] == [False, False, False, True, True]
    for claim, place in zip(claims[:3], (" at [0]", " at [0]", ""), strict=True):
        assert claim.how == f"a side is NaN{place}, and NaN equals nothing, not even itself"
        assert (claim.largest_difference, claim.verdict) == (None, verdict)


@pytest.mark.parametrize("arithmetic", ["float64", "exact"])
def test_minus_infinity_masks_without_a_note(arithmetic: str) -> None:
    program = ("s = where(m > 0, x, -np.inf)", "p = softmax(s)")
    found = answer("graph", {"x": [1, 2, 1], "m": [1, 0, 1]}, program=program, arithmetic=arithmetic)
    assert [*map(float, found.values["p"])] == pytest.approx([0.5, 0, 0.5])
    assert found.notes == []


def test_values_may_be_called_as_infinity_and_new_axes_are() -> None:
    program, inputs = (
        ("newaxis = inf + 1", "y = x[newaxis] - inf"),
        {"x": np.arange(5.0), "inf": np.array(2.0)},
    )
    _, found = run(program, inputs)
    assert found.values["y"] == 1
