"""Numbers with an imaginary part: their real part is what floats give, the other is the derivative."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.complex_step import COMPLEX_STEP, STEP
from compute.arithmetic.floating import FLOAT64
from compute.graph.primitive import REGISTRY
from compute.operations import CATALOGUE
from tests.compute.arithmetic.through import through
from tests.compute.primitives.cases import CASES
from tests.compute.primitives.drawing import Array, Case

assert CATALOGUE  # it declares all primitives
CHOSEN = [(name, at) for name, cases in CASES.items() for at in range(len(cases))]


def drawn(case: Case) -> list[Array]:
    rng = np.random.default_rng(3)
    return [operand(rng) for operand in case.operands]


def lifted(name: str, operands: list[Array], along: list[Array]) -> list[Array]:
    rules = REGISTRY[name].rules_of(len(operands))
    return [
        operand + 1j * STEP * direction if rule is not None else operand
        for operand, direction, rule in zip(operands, along, rules, strict=True)
    ]


def inner(a: Any, b: Any) -> float:
    return float(np.sum(np.asarray(a) * np.asarray(b)))


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_results_carry_their_derivatives(name: str, at: int) -> None:
    case = CASES[name][at]
    operands, rng = drawn(case), np.random.default_rng(4)
    along = [rng.standard_normal(np.shape(one)) for one in operands]
    plain: Any = REGISTRY[name].forward(FLOAT64, *operands, **case.attributes)
    upstream = rng.standard_normal(plain.shape)
    moved: Any = REGISTRY[name].forward(COMPLEX_STEP, *lifted(name, operands, along), **case.attributes)
    np.testing.assert_allclose(np.real(moved), plain, rtol=1e-14, atol=1e-14)
    _, gradients = through(FLOAT64, name, case.attributes, operands, upstream)
    wanted = sum(inner(g, d) for g, d in zip(gradients, along, strict=True) if g is not None)
    assert inner(np.imag(moved) / STEP, upstream) == pytest.approx(wanted, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_gradients_carry_theirs(name: str, at: int) -> None:
    """Second derivatives, against central differences of gradients."""
    case = CASES[name][at]
    operands, rng = drawn(case), np.random.default_rng(4)
    along = [rng.standard_normal(np.shape(one)) for one in operands]
    plain: Any = REGISTRY[name].forward(FLOAT64, *operands, **case.attributes)
    upstream = rng.standard_normal(plain.shape)
    moved = lifted(name, operands, along)
    _, gradients = through(COMPLEX_STEP, name, case.attributes, moved, upstream.astype(complex))
    _, here = through(FLOAT64, name, case.attributes, operands, upstream)
    step = 1e-6
    beside = []
    for sign in (1, -1):
        places = [
            operand + sign * step * direction if rule is not None else operand
            for operand, direction, rule in zip(operands, along, case.rules(name), strict=True)
        ]
        beside.append(through(FLOAT64, name, case.attributes, places, upstream)[1])
    for place, gradient in enumerate(gradients):
        if here[place] is None:
            assert gradient is None
            continue
        assert gradient is not None
        np.testing.assert_allclose(np.real(gradient), np.asarray(here[place]), rtol=1e-13, atol=1e-13)
        slope = (np.asarray(beside[0][place]) - np.asarray(beside[1][place])) / (2 * step)
        np.testing.assert_allclose(np.imag(gradient) / STEP, slope, rtol=1e-6, atol=1e-6)


def test_orders_go_by_the_real_parts() -> None:
    a, b = np.array([1 + 5j, 2 - 1j, -3 + 2j]), np.array([1 + 1j, 3 + 0j, -4 + 9j])
    assert COMPLEX_STEP.greater(a, b).tolist() == [False, False, True]
    assert COMPLEX_STEP.greater_equal(a, b).tolist() == [True, False, True]
    assert COMPLEX_STEP.equal(a, b).tolist() == [True, False, False]
    assert COMPLEX_STEP.maximum(a, b).tolist() == [1 + 5j, 3, -3 + 2j]
    assert COMPLEX_STEP.sign(a).tolist() == [1, 1, -1]
    assert COMPLEX_STEP.absolute(a).tolist() == [1 + 5j, 2 - 1j, 3 - 2j]


@pytest.mark.parametrize("large", [40.0, 800.0, -800.0, -40.0])
def test_large_numbers_do_not_overflow(large: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        a = np.array([large + 1j * STEP])
        for name in ("sigmoid", "tanh"):
            function: Any = getattr(COMPLEX_STEP, name)
            found = function(a)
            assert np.isfinite(found).all()
            assert found.real == pytest.approx(getattr(FLOAT64, name)(a.real), rel=1e-15, abs=0)
