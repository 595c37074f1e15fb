"""Bounds of exact numbers: just within each, and just beyond."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact import bounds
from compute.arithmetic.exact.namespace import Exact
from compute.errors import QuestionErrors
from tests.compute.asking import program

X: Any = sympy.Symbol("x", real=True)


def doubled(times: int) -> Any:
    """An expression of 4*2**times - 3 operations and operands, few of which are distinct."""
    found = X
    for _ in range(times):
        found = sympy.Add(found, sympy.exp(found), evaluate=False)
    return found


def refusal(error: pytest.ExceptionInfo[QuestionErrors]) -> str:
    [one] = error.value.errors
    return f"{one.message}, {one.expected}"


@pytest.fixture(autouse=True)
def nothing_reached() -> None:
    bounds.PROGRESS.begin()


@pytest.mark.parametrize(
    ("expression", "operations"),
    [
        (X, 1),
        (X + 1, 3),
        (sympy.exp(X + 1), 4),
        (doubled(1), 4),
        (doubled(5), 94),
        (sympy.Integer(7), 1),
        (sympy.Integer(2) ** 64, 3),
        (sympy.Rational(1, 2**64), 3),
    ],
)
def test_operations_and_operands_are_counted_as_written_out(expression: Any, operations: int) -> None:
    assert bounds.size(expression) == operations


def test_entries_of_a_value_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_OPERATIONS", 6)
    bounds.check([X + 1, X + 2])
    with pytest.raises(QuestionErrors) as caught:
        bounds.check([X + 1, X + 2, X])
    assert "grew too large" in refusal(caught) and "at most 6 operations" in refusal(caught)


@pytest.mark.parametrize("name", [None, "y"])
def test_every_value_is_held_against_the_bound_named_or_not(name: str | None) -> None:
    large = np.array([doubled(17)], dtype=object)
    assert bounds.size(large[0]) > bounds.MAX_OPERATIONS
    with pytest.raises(QuestionErrors, match="grew too large"):
        Exact().simplify(large, name)


def test_a_program_whose_values_grow_is_stopped_at_the_first_that_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "MAX_OPERATIONS", 60)
    lines = [f"y{step + 1} = y{step} + exp(y{step})" for step in range(6)]
    assert program(lines[:2], {"y0": "a"}).values
    with pytest.raises(QuestionErrors) as caught:
        program(lines, {"y0": "a"})
    assert "it came as far as y1, y2" in refusal(caught) and "grew too large" in refusal(caught)


def test_integers_of_too_many_digits() -> None:
    most = 10**bounds.MAX_DIGITS - 1
    for within in (most, -most, sympy.Rational(1, most)):
        assert bounds.size(sympy.sympify(within)) > 1
    more = 10**6 * most  # a digit is counted as 3.33 bits, of which it takes fewer
    for beyond in (more, -more, sympy.Rational(1, more), sympy.exp(more)):
        with pytest.raises(QuestionErrors, match="too many digits"):
            bounds.size(sympy.sympify(beyond))


@pytest.mark.parametrize(("base", "most"), [("2", 3330), ("3/2", 3330), ("1/7", 2220), ("-16", 1332)])
def test_powers_of_too_many_digits_are_not_computed(base: str, most: int) -> None:
    """As many bits as 2,000 digits take, at 3.33 a digit."""
    for sign in (1, -1):
        bounds.check_power(sympy.Rational(base), sympy.Integer(sign * most))
        with pytest.raises(QuestionErrors, match="too many digits"):
            bounds.check_power(sympy.Rational(base), sympy.Integer(sign * (most + 1)))


def test_powers_that_stay_short() -> None:
    huge = sympy.Integer(10**9)
    for base in (sympy.Integer(1), sympy.Integer(-1), sympy.S.Zero, X):
        bounds.check_power(base, huge)
    bounds.check_power(sympy.Integer(2), X)


def test_a_new_question_forgets_the_last() -> None:
    told: list[str] = []
    bounds.PROGRESS.tell = told.append
    try:
        for step in range(6):
            bounds.PROGRESS.reached(f"h{step}")
        assert told == [f"h{step}" for step in range(6)]
        assert bounds.reached(bounds.PROGRESS.names) == "it came as far as h1, h2, h3, h4, h5"
        bounds.size(X + 1)
        bounds.PROGRESS.begin()
        assert bounds.PROGRESS.names == [] and not bounds._SIZES
        assert bounds.reached([]) == "it did not come as far as a first value"
    finally:
        bounds.PROGRESS.tell = lambda name: None
