"""Every primitive that programs can call: its value, its gradient, and its errors."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.expressions import Expression
from compute.arithmetic.floating import FLOAT64
from compute.errors import QuestionErrors
from compute.graph.primitive import REGISTRY
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.primitives.activations.declaration import ACTIVATIONS
from compute.programs.functions import FUNCTIONS, NAMED, OLD_NAMES, WORDS
from compute.question.answer import Answer
from compute.question.plan import Question, prepare
from tests.compute.asking import answer, readings
from tests.compute.primitives.cases import CASES
from tests.compute.primitives.drawing import Case, booleans, normal, places

# Primitives that programs reach through constants, indices, operations and functions instead of by name.
REACHED_OTHERWISE = {
    "constant", "part", "convolve", "convolve_transposed", "patches", "kernel_matrix", "winners", "max_pool",
    "scattered", "spaced", "window_norm", "window_sum", "window_counts", "stack", "concatenate", "tiles",
    "rnn_scan", "lstm_scan", "gru_scan", "bernoulli_mask", "random_draw", "average", "normalized_groups",
    "entries_at",
    "derivative", "softmax", "log_softmax", "hardmax", "length_over", "matmul", "transpose", "permute",
    "flip", "reshape", "broadcast_to", "expand_dims", "repeat", "where", "argmax", "argmin", "argsort",
    "max_over", "min_over", "logsumexp_over", "any_over", "all_over", "cumulative_sum", "cumulative_product",
    "take", "take_along_axis", "put_along_axis", "written_along_axis", "index_numbers", "indicator",
    "clip_below", "clip_above", "power_of", "logical_or", "logical_not", "round", "round_to", "diagonal",
    "diagonal_matrix", "triangle", "det", "inv", "solve", "contract", "infinity",
    "logical_and", "absolute",
}  # fmt: skip
OTHERS = sorted(ACTIVATIONS.keys() & REGISTRY.keys() & FUNCTIONS.keys() - NAMED.keys())
CALLED = [*NAMED, *OTHERS]
MORE = {
    "masked_fill": [Case([normal(2, 3), booleans(3)])],
    "largest_weight": [Case([normal(2, 3)], {"axis": -1, "left": None})],
    "band_mask": [Case([], {"queries": 4, "keys": 3, "left": 1, "right": 0, "key_first": False})],
    "always_true": [Case([])],
    "causal_mask": [
        Case([], {"queries": 4, "keys": 3, "key_first": True, "alignment": "upper_left"}),
        Case([], {"queries": 2, "keys": 3, "key_first": False, "alignment": "lower_right"}),
    ],
    "mask_admits": [Case([normal(2, 3)])],
    "running": [Case([places(5, 3)], {"steps": 4})],
    "full_mask": [Case([], {"to": (2, 3)})],
    "all_masks": [Case([], {"to": (2, 2)})],
    "positions": [Case([], {"count": 4, "first": -2})],
    "one_hot": [
        Case([places(3, 4)], {"classes": 3, "axis": -1, "ignored": None}),
        Case([places(3, 2, 2)], {"classes": 3, "axis": -2, "ignored": 1}),
    ],
    **{
        name: [Case([normal(2, 3), normal(3)]), Case([places(3, 4), places(3, 4)])]
        for name in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")
    },
    "not_ignored": [Case([places(3, 4)], {"ignored": 1})],
    "counted": [Case([places(3, 4)], {"classes": 3, "ignored": 1, "some": False})],
    "frequencies": [Case([], {"pairs": 3, "width": 6, "expression": Expression("number", text="100")})],
}  # fmt: skip
CHOSEN = [(name, at) for name in CALLED for at in range(len(CASES.get(name) or MORE.get(name, [])))]


def run(line: str, inputs: dict[str, Any], **upstream: Any) -> Answer:
    def shapes(tensors: dict[str, Any]) -> tuple[tuple[str, Tensor], ...]:
        return tuple(
            (name, Tensor(tensor.shape, "boolean" if tensor.dtype == np.bool_ else "real"))
            for name, tensor in tensors.items()
        )

    question = Question("graph", inputs=shapes(inputs), upstream=shapes(upstream), program=(line,))
    return prepare(question).answer(inputs, {}, upstream)


def program_line(name: str, case: Case) -> str:
    """Return the line that calls a primitive with the operands and attributes of a case."""

    def literal(value: Any) -> str:
        if not isinstance(value, Expression):
            return repr(value)
        return repr(value.text or "/".join(operand.text for operand in value.operands))

    operands = [f"x{at}" for at in range(len(case.operands))]
    attributes = {name: value for name, value in case.attributes.items() if value is not None}
    settings = [f"{WORDS.get(name, name)}={literal(value)}" for name, value in attributes.items()]
    return f"y = {name}({', '.join([*operands, *settings])})"


def test_every_primitive_is_called_by_name_or_reached_otherwise() -> None:
    assert set(REGISTRY) == {*CALLED, *REACHED_OTHERWISE}
    missing = {name for name in CALLED if not any(REGISTRY[name].rules)} - MORE.keys()
    assert not missing, f"add cases of {sorted(missing)} to MORE in tests/compute/programs/test_functions.py"
    assert not FUNCTIONS.keys() & CATALOGUE.keys()


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_a_primitive_by_its_name_is_the_primitive(name: str, at: int) -> None:
    rng = np.random.default_rng(6)
    case, primitive = (CASES.get(name) or MORE[name])[at], REGISTRY[name]
    operands = [operand(rng) for operand in case.operands]
    inputs = {
        f"x{place}": operand.astype(float) if operand.dtype.kind == "i" else operand
        for place, operand in enumerate(operands)
    }
    direct = primitive.forward(FLOAT64, *operands, **case.attributes)
    np.testing.assert_array_equal(run(program_line(name, case), inputs).values["y"], direct)
    if not primitive.gradients:
        return
    upstream = rng.standard_normal(direct.shape)
    gradients = run(program_line(name, case), inputs, y=upstream).gradients

    def total(operands: list[Any]) -> float:
        result = primitive.forward(FLOAT64, *operands, **case.attributes)
        return float(np.where(np.isfinite(result), result * upstream, 0).sum())

    for place, operand in enumerate(primitive.operands):
        if operand in primitive.gradients:
            direction = rng.standard_normal(operands[place].shape)
            ahead, behind = ([*operands[:place], operands[place] + step * direction, *operands[place + 1 :]]
                             for step in (1e-6, -1e-6))  # fmt: skip
            slope = (total(ahead) - total(behind)) / 2e-6
            assert float((gradients[f"x{place}"] * direction).sum()) == pytest.approx(
                slope, rel=1e-6, abs=1e-7
            )


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_unfit_arguments_of_functions_are_refused(function: Any) -> None:
    inputs = {"x": np.ones((2, 2)), "m": np.ones((2, 2), dtype=bool)}

    def message_of(call: str) -> str:
        with pytest.raises(QuestionErrors) as caught:
            run(f"y = {call}", inputs)
        [error] = caught.value.errors
        assert error.path == ("program", 0)
        assert error.message.startswith("line 1, column ")
        return error.message

    values = ["m" if kinds == ("boolean",) else "x" for kinds in function.inputs.values()]
    named = [f"{name}={value}" for name, value in zip(function.inputs, values, strict=True)]
    if function.variadic:
        named = ["'ij,ij'", "x"] if "subscripts" in function.attributes else ["x"]
    assert "no argument" in message_of(f"{function.name}({', '.join([*named, 'colour=1'])})")
    for name in {} if function.variadic else function.attributes:
        assert f"{name} does not fit" in message_of(f"{function.name}({', '.join([*named, f'{name}=x'])})")
        wrong = "3" if function.attributes[name].annotation is bool else "True"
        assert "does not fit" in message_of(f"{function.name}({', '.join([*named, f'{name}={wrong}'])})")
    if function.required:
        assert "lacks" in message_of(f"{function.name}()")
    if not function.variadic and not function.attributes:
        assert "takes" in message_of(f"{function.name}({', '.join([*values, 'x'])})")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("y = masked_fill(x, x)", "column 20: allowed of masked_fill cannot hold numbers"),
        ("y = x & m", "column 5: & needs booleans"),
        ("y = ~x", "column 5: ~ needs booleans"),
        ("y = conv2d(x, m)", "column 15: kernel of conv2d cannot hold booleans"),
        ("y = softmax(x, axis=2)", "line 1, column 5 at axis: x of shape (2, 2) has no such axis"),
        ("y = sum(x, axis=2)", "column 5: sum: an axis of (2, 2)"),
        ("y = celu(x, alpha=0)", "column 5: alpha of celu must be a constant other than 0"),
        ("y = softplus(x, beta='1 - 1')", "column 5: beta of softplus must be a constant other than 0"),
        ("y = gelu(x, approximate='erf')", "approximate does not fit"),
        ("y = relu(x, slope=1)", "no argument"),
        ("y = expand_dims(x, axis=-4)", "column 5: expand_dims: an axis of (2, 2)"),
        ("y = split_axis(x, parts=3)", "2 is not a multiple of 3"),
        ("y = merge_axis(x, axis=0)", "fewer than 3 axes"),
        ("y = rows(x, start=1, stop=3)", "the slice 1:3 of 2 rows is empty or out of range"),
        ("y = broadcast_to(x, shape=(2, 3))", "do not broadcast"),
        ("y = broadcast_to(x, shape=2)", "(2, 2) does not broadcast to (2)"),
        ("y = interleave(x, x, width=2)", "expected a width of 4 or 3, not 2"),
        ("y = interleave(x, x[0], width=2)", "(2, 2) and (2) differ"),
        ("y = spread_pairs(x, pairing='half_split', rotated=2, width=4)", "pair of 2, 1 in all, not 2"),
        ("y = turn_pairs(x, pairing='half_split', rotated=4)", "an even number of at most 2 entries to pair"),
        ("y = block_rotation(x, x)", "not vectors of one length"),
        ("y = gather(x, 2, x)", "column 5: gather: an axis of (2, 2)"),
        ("y = argmax(x[0], left=1)", "no argument"),
        ("y = band(x, queries=3, keys=2, left=0, right=0)", "size 2 does not broadcast to 3"),
        ("y = banded_sum(x, x, left=1, right=1)", "is 3 wide"),
        ("y = banded_scores(x, x, left=1, right=-2)", "holds no key"),
        ("y = power(x, exponent='1/0')", "power: the constant has no value"),
        ("y = norm_root(x)", "lacks exponent"),
        ("y = all_masks(shape=(3, 5))", "has more than 12 entries"),
        ("y = all_masks(shape=(2147483647, 2147483647))", "has more than 12 entries"),
    ],
)  # fmt: skip
def test_unfit_values_are_refused(line: str, message: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        run(line, {"x": np.ones((2, 2)), "m": np.array([True, False])})
    assert message in caught.value.errors[0].message


def test_masks_in_a_program() -> None:
    x = np.array([[1.0, 2], [3, 4]])
    causal = "causal_mask(queries=2, keys=2)"
    y = run(f"y = softmax(masked_fill(x, allowed={causal}))", {"x": x}).values["y"]
    np.testing.assert_allclose(y, np.array([[1, 0], [1 / (1 + np.e), np.e / (1 + np.e)]]))
    mask = np.array([[True, True], [False, True]])
    np.testing.assert_array_equal(run("y = masked_fill(x, m.T)", {"x": x, "m": mask}).values["y"],
                                  [[1, -np.inf], [3, 4]])  # fmt: skip
    weights = run("y = attention(x, x, x, mask=m)", {"x": x, "m": mask}).values["y.weights"]
    assert weights[1, 0] == 0


def test_booleans_are_refused_in_claims() -> None:
    with pytest.raises(QuestionErrors) as caught:
        prepare(
            Question(
                "graph",
                inputs=(("m", Tensor((2,), "boolean")),),
                program=("y = m",),
                readings=readings(claims=["m == y"]),
            )
        )
    assert caught.value.errors[0].path == ("claims", 0)


def test_an_operation_without_inputs_can_be_called() -> None:
    direct = answer("positional_encoding", {}, {"length": 3, "dimension": 4}).values["output"]
    y = run("y = positional_encoding(length=3, dimension=4)", {}).values["y"]
    np.testing.assert_array_equal(y, direct)


@pytest.mark.parametrize(("old", "new"), OLD_NAMES.items())
def test_old_names_are_understood_for_a_version_and_noted(old: str, new: str) -> None:
    assert old not in FUNCTIONS and new in FUNCTIONS


def test_a_function_under_its_old_name_gives_the_same_with_a_note() -> None:
    inputs = {"x": np.array([[1.0, 2.0], [3.0, 4.0]])}
    found = answer("graph", inputs, program=("y = turn_around(x) + turn_around(x)", "z = flip(x) + flip(x)"))
    np.testing.assert_array_equal(found.values["y"], found.values["z"])
    [note] = found.notes
    assert (note.code, note.at) == ("renamed", "y")
    assert note.message == "turn_around is called flip now; the old name is understood for one more version"
