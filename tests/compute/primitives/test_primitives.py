"""Every primitive: its gradients against central differences, its shape rule against its result."""

import math
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.expressions import parse
from compute.arithmetic.floating import FLOAT64
from compute.dimensions import ShapeError
from compute.graph.graph import Graph, Value, apply
from compute.graph.primitive import REGISTRY, Primitive
from compute.operations import CATALOGUE
from compute.readings.evaluation import Evaluation
from compute.readings.forward_mode import Linearization
from compute.readings.reverse_mode import Differentiation
from tests.compute.primitives.cases import CASES
from tests.compute.primitives.drawing import Array, Case

WITH_GRADIENTS = [name for name, primitive in REGISTRY.items() if any(primitive.rules)]
CHOSEN = [(name, at) for name, cases in CASES.items() for at in range(len(cases))]


def test_every_primitive_with_gradients_has_cases() -> None:
    missing = set(WITH_GRADIENTS) - set(CASES)
    assert not missing, f"add cases of {sorted(missing)} to CASES in tests/compute/primitives/cases.py"
    unknown = set(CASES) - set(WITH_GRADIENTS)
    assert not unknown, f"there are cases, and no rules for gradients, of {sorted(unknown)}"
    assert CATALOGUE


def drawn(case: Case) -> list[Array]:
    rng = np.random.default_rng(3)
    return [operand(rng) for operand in case.operands]


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_the_shape_rule_predicts_the_result(name: str, at: int) -> None:
    case, primitive = CASES[name][at], REGISTRY[name]
    operands = drawn(case)
    result = primitive.forward(FLOAT64, *operands, **case.attributes)
    assert result.shape == primitive.shape(*(np.shape(operand) for operand in operands), **case.attributes)


@pytest.mark.parametrize("name", [name for name, primitive in REGISTRY.items() if primitive.keeping])
def test_keeping_values_does_not_change_the_result(name: str) -> None:
    for case in CASES.get(name, []):
        keeping: Any = REGISTRY[name].keeping
        result, _ = keeping(FLOAT64, *drawn(case), **case.attributes)
        np.testing.assert_array_equal(
            result, REGISTRY[name].forward(FLOAT64, *drawn(case), **case.attributes)
        )


def through_the_graph(name: str, case: Case, operands: list[Array], upstream: Array) -> list[Array | None]:
    """Return the gradient of each operand, computed through the graph."""
    graph = Graph()
    handles = []
    for at, operand in enumerate(operands):
        kind: Any = "boolean" if operand.dtype == np.bool_ else "real"
        handles.append(graph.input(f"x{at}", operand.shape, symbol="x", axes=(), kind=kind))
    result = apply(name, *handles, **case.attributes)
    result.name = "result"
    known = dict(enumerate(operands))
    evaluation = Evaluation(graph, FLOAT64, known)
    differentiation = Differentiation(evaluation, [result.index])
    gradients = differentiation.run(evaluation.run(known), {result.index: upstream})
    return [gradients.totals.get(handle.index) for handle in handles]


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_gradients_are_central_differences(name: str, at: int) -> None:
    case, primitive = CASES[name][at], REGISTRY[name]
    operands = drawn(case)
    rng = np.random.default_rng(4)

    def forward(operands: list[Array]) -> Array:
        return primitive.forward(FLOAT64, *operands, **case.attributes)

    upstream = rng.standard_normal(forward(operands).shape)
    gradients = through_the_graph(name, case, operands, upstream)
    for place, rule in enumerate(case.rules(name)):
        if rule is None:
            continue
        direction = rng.standard_normal(operands[place].shape)
        step = 1e-6
        plus, minus = ([*operands], [*operands])
        plus[place], minus[place] = (
            operands[place] + step * direction,
            operands[place] - step * direction,
        )
        difference = float(((forward(plus) - forward(minus)) * upstream).sum() / (2 * step))
        gradient = gradients[place]
        assert gradient is not None
        assert gradient.shape == operands[place].shape
        rule_gives = float((gradient * direction).sum())
        assert rule_gives == pytest.approx(difference, rel=1e-7, abs=1e-8), (
            f"{name}, operand {place}: rule {rule_gives}, difference {difference}"
        )


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_tangents_are_central_differences(name: str, at: int) -> None:
    case, primitive = CASES[name][at], REGISTRY[name]
    operands = drawn(case)
    rng = np.random.default_rng(5)
    directions = [rng.standard_normal(operand.shape) for operand in operands]
    changeable = {place for place, rule in enumerate(case.rules(name)) if rule is not None}
    for changed in ({min(changeable)}, changeable):
        step = 1e-6
        ends = [
            primitive.forward(
                FLOAT64,
                *(operand + sign * step * direction if place in changed else operand
                  for place, (operand, direction) in enumerate(zip(operands, directions, strict=True))),
                **case.attributes,
            )
            for sign in (1, -1)
        ]  # fmt: skip
        graph = Graph()
        handles = [graph.input(f"x{i}", x.shape, symbol="x", axes=()) for i, x in enumerate(operands)]
        result = apply(name, *handles, **case.attributes)
        evaluation = Evaluation(graph, FLOAT64, range(len(handles)))
        seeds = {place: directions[place] for place in changed}
        plan = Linearization(evaluation, seeds, [result.index])
        tangent = plan.run(evaluation.run(dict(enumerate(operands))), seeds)[result.index]
        np.testing.assert_allclose(tangent, (ends[0] - ends[1]) / (2 * step), rtol=1e-7, atol=1e-8)


def test_masked_fill() -> None:
    primitive = REGISTRY["masked_fill"]
    scores = np.array([[1.0, 2.0], [3.0, 4.0]])
    allowed = np.array([[True, False], [False, True]])
    filled = primitive.forward(FLOAT64, scores, allowed)
    np.testing.assert_array_equal(filled, [[1, -np.inf], [-np.inf, 4]])
    [gradient, of_mask] = through_the_graph("masked_fill", Case([]), [scores, allowed], scores * 10)
    np.testing.assert_array_equal(gradient, [[10, 0], [0, 40]])
    assert of_mask is None


def test_masked_fill_sums_what_was_broadcast() -> None:
    scores = np.array([[1.0, 2.0]])
    allowed = np.array([[True, False], [True, True]])
    [gradient, _] = through_the_graph("masked_fill", Case([]), [scores, allowed], np.ones((2, 2)))
    np.testing.assert_array_equal(gradient, [[2, 1]])


def test_softmax_of_anything() -> None:
    primitive = REGISTRY["softmax"]
    scores = np.array([[1e308, -1e308], [1e6, 1e6 + 1], [-1e6, -1e6 - 1], [-np.inf, 0.0], [-np.inf, -np.inf]])
    small = 1 / (1 + np.e)
    expected = [[1.0, 0.0], [small, 1 - small], [1 - small, small], [0.0, 1.0], [0.0, 0.0]]
    with np.errstate(over="ignore"):
        weights = primitive.forward(FLOAT64, scores, axis=-1)
    np.testing.assert_allclose(weights, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("queries", "keys", "alignment", "expected"),
    [
        (2, 3, "upper_left", [[1, 0, 0], [1, 1, 0]]),
        (2, 3, "lower_right", [[1, 1, 0], [1, 1, 1]]),
        (1, 3, "lower_right", [[1, 1, 1]]),
        (3, 2, "upper_left", [[1, 0], [1, 1], [1, 1]]),
        (3, 2, "lower_right", [[0, 0], [1, 0], [1, 1]]),
        (2, 2, "lower_right", [[1, 0], [1, 1]]),
    ],
)
def test_causal_mask(queries: int, keys: int, alignment: str, expected: list[list[int]]) -> None:
    primitive = REGISTRY["causal_mask"]
    settings: dict[str, Any] = {"queries": queries, "keys": keys, "alignment": alignment}
    allowed = primitive.forward(FLOAT64, **settings, key_first=False)
    np.testing.assert_array_equal(allowed, expected)
    np.testing.assert_array_equal(primitive.forward(FLOAT64, **settings, key_first=True), allowed.T)


def test_constant() -> None:
    primitive = REGISTRY["constant"]
    expression = parse("1/sqrt(d_k)")
    assert primitive.forward(FLOAT64, expression=expression, sizes={"d_k": 4}) == 0.5


@pytest.mark.parametrize(
    ("name", "shapes", "attributes"),
    [
        ("add", [(2, 3), (2,)], {}),
        ("matmul", [(2, 3), (2, 3)], {}),
        ("matmul", [(3,), (3, 2)], {}),
        ("matmul", [(2, 1, 3), (3, 3, 1)], {}),
        ("transpose", [(3,)], {}),
        ("split_axis", [(2, 3)], {"parts": 2, "axis": -1}),
        ("merge_axis", [(2, 3)], {"axis": -1}),
        ("join_axes", [(2,)], {}),
        ("repeat", [(2, 3)], {"times": 2, "axis": -3}),
    ],
)
def test_shapes_that_do_not_fit(name: str, shapes: list[tuple[int, ...]], attributes: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        REGISTRY[name].shape(*shapes, **attributes)


@pytest.mark.parametrize("name", [name for name, rule in REGISTRY.items() if rule.propagates_nonfinite])
def test_entries_that_are_not_finite_show_in_the_result(name: str) -> None:
    primitive = REGISTRY[name]
    for case in CASES.get(name, []):
        for place, operand in enumerate(drawn(case)):
            for entry in range(operand.size):
                for bad in (np.nan, np.inf, -np.inf):
                    operands = drawn(case)
                    operands[place].flat[entry] = bad
                    # A zero elsewhere must not hide it.
                    with np.errstate(all="ignore"):
                        zeros = [array if at == place else array * 0 for at, array in enumerate(operands)]
                        for tried in (operands, zeros):
                            result = primitive.forward(FLOAT64, *tried, **case.attributes)
                            assert not np.isfinite(result).all()


@pytest.mark.parametrize(
    "name", [name for name, rule in REGISTRY.items() if rule.propagates_nonfinite_gradient]
)
def test_upstream_gradients_that_are_not_finite_show_in_gradients(name: str) -> None:
    for case in CASES.get(name, []):
        operands = drawn(case)
        shape = REGISTRY[name].forward(FLOAT64, *operands, **case.attributes).shape
        for entry in range(math.prod(shape)):
            for bad in (np.nan, np.inf, -np.inf):
                upstream = np.zeros(shape)
                upstream.flat[entry] = bad
                # Zero operands must not hide it.
                with np.errstate(all="ignore"):
                    for tried in (operands, [operand * 0 for operand in operands]):
                        for gradient in through_the_graph(name, case, tried, upstream):
                            assert gradient is not None
                            assert not np.isfinite(gradient).all()


def test_a_rule_that_names_no_operand_is_refused() -> None:
    with pytest.raises(ValueError, match="no operands"):
        Primitive(
            "broken", forward=lambda xp, a: a, gradients={"b": lambda xp, g: g}, shape=lambda a: a,
            latex=lambda a: a, expects="",
        )  # fmt: skip
    with pytest.raises(ValueError, match="needs after its attributes"):
        Primitive(
            "broken", forward=lambda xp, a, *, k: a, gradients={"a": lambda xp, g, k, a: g},
            tangents="linear", shape=lambda a: a, latex=lambda a: a, expects="",
        )  # fmt: skip
    with pytest.raises(ValueError, match="say how tangents pass"):
        Primitive(
            "broken", forward=lambda xp, a: a, gradients={"a": lambda xp, g: g}, shape=lambda a: a,
            latex=lambda a: a, expects="",
        )  # fmt: skip
    with pytest.raises(ValueError, match="declared twice"):
        Primitive("add", forward=lambda xp, a: a, shape=lambda a: a, latex=lambda a: a, expects="")
    assert "broken" not in REGISTRY


def test_operators_apply_primitives() -> None:
    graph = Graph()
    a: Value = graph.input("a", (2, 2), symbol="a", axes=())
    values = [a + a, a * a, a / a, a @ a, a.T]
    names = [value.primitive.name for value in values if value.primitive]
    assert names == ["add", "multiply", "divide", "matmul", "transpose"]
