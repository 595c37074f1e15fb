"""Sizes as polynomials: arithmetic against numbers, and how they are written."""

from fractions import Fraction
from itertools import product as pairs

import pytest

from compute.dimensions import (
    Polynomial,
    ShapeError,
    Size,
    big_o,
    broadcast,
    divide,
    from_last,
    product,
    show,
    symbols,
    total,
    write_shifted,
)

n, m, d = (Polynomial.symbol(name) for name in "nmd")


def worth(size: Size, **values: int) -> Fraction:
    """The number a polynomial stands for, term by term."""
    if isinstance(size, int):
        return Fraction(size)
    result = Fraction(0)
    for monomial, coefficient in size.terms.items():
        term = coefficient
        for name, power in monomial:
            term *= Fraction(values[name]) ** power
        result += term
    return result


SIZES: list[Size] = [0, 1, 3, n, m, 2 * n, n + m, n * n - 1, 3 * n * m + d, divide(n, 2), divide(n * m, d)]


@pytest.mark.parametrize(("a", "b"), list(pairs(SIZES, SIZES)))
def test_arithmetic_is_that_of_numbers(a: Size, b: Size) -> None:
    at = {"n": 5, "m": 7, "d": 11}
    assert worth(a + b, **at) == worth(a, **at) + worth(b, **at)
    assert worth(a - b, **at) == worth(a, **at) - worth(b, **at)
    assert worth(a * b, **at) == worth(a, **at) * worth(b, **at)
    assert a + b == b + a
    assert a * b == b * a
    assert (a == b) == (str(a) == str(b))


def test_what_is_a_number_becomes_one() -> None:
    for size in (n - n, n + 2 - n, divide(4 * n, 2 * n), n * 0):
        assert isinstance(size, int)
    assert hash(n + m) == hash(m + n)
    assert n != 1


@pytest.mark.parametrize(
    ("size", "text", "growth"),
    [
        (3 * d * d * n + 2 * d * n * n, "3*d**2*n + 2*d*n**2", "O(d²n + n²d)"),
        (n * n + n + 1, "1 + n**2 + n", "O(n²)"),
        (-1 * n, "-n", "O(n)"),
        (7, "7", "O(1)"),
        (divide(n, 2), "n/2", "O(n)"),
        (divide(n, d), "n/d", "O(n·d⁻¹)".replace("·", "")),
        (Polynomial.symbol("d_k") * n, "d_k*n", "O(d_k·n)"),
        (n - 2, "-2 + n", "O(n)"),
    ],
)
def test_how_it_is_written(size: Size, text: str, growth: str) -> None:
    assert str(size) == text
    assert big_o(size) == growth


def test_division() -> None:
    assert divide(6, 3) == 2
    assert divide(n * m, m) == n
    assert divide(0, n) == 0
    for numerator, denominator in ((7, 2), (1, 0), (n, n + m)):
        with pytest.raises(ShapeError):
            divide(numerator, denominator)


def test_broadcasting() -> None:
    assert broadcast((2, 1), (3,)) == (2, 3)
    assert broadcast((n, 1), (1, d)) == (n, d)
    assert broadcast((n,), (n,)) == (n,)
    assert broadcast() == ()
    for shapes in (((2,), (3,)), ((n,), (m,)), ((n,), (2,))):
        with pytest.raises(ShapeError):
            broadcast(*shapes)


def test_positions_are_written_with_one_number_where_it_is_known() -> None:
    assert [write_shifted("i", m, n) for m, n in ((3, 1), (2, 2), (1, 4))] == ["i + 2", "i", "i - 3"]
    assert write_shifted("i", m, n) == "i + m - n"
    assert write_shifted("i", m, n + 1) == "i + m - (1 + n)"
    assert write_shifted("i", n + 2, n) == "i + 2"


def test_the_rest() -> None:
    assert product([2, n, 3]) == 6 * n
    assert product([]) == 1
    assert total([n, 2, n]) == 2 * n + 2
    assert show((2, n)) == "(2, n)"
    assert symbols(n * m + 1) == {"n", "m"}
    assert symbols(3) == set()
    assert [from_last(axis, 3) for axis in (-4, -3, -1, 0, 2, 3)] == [None, -3, -1, -3, -1, None]
    assert from_last(0, 0) is None
