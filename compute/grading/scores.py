"""Exact scores: marks are fractions, and rounded scores add up to the rounded total."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import floor, lcm

CENT = Fraction(1, 100)


def read_fraction(number: float | str) -> Fraction:
    """Return a number of marks as a fraction: 0.7 is 7/10, and "1/3" is a third. Raises ValueError."""
    return Fraction(number if isinstance(number, str) else repr(number))


def add_up(scores: Iterable[Fraction]) -> Fraction:
    """Return the sum of scores; faster than adding one by one, which reduces each sum."""
    parts = list(scores)
    denominator = lcm(*(score.denominator for score in parts))
    return Fraction(sum(score.numerator * (denominator // score.denominator) for score in parts), denominator)


def round_half_up(score: Fraction) -> Fraction:
    """Return a score rounded to cents, half a cent away from zero."""
    if 100 % score.denominator == 0:
        return score
    cents = floor(abs(score) / CENT + Fraction(1, 2))
    return cents * CENT * (1 if score >= 0 else -1)


def round_together(scores: Sequence[Fraction]) -> list[Fraction]:
    """Return scores rounded to cents, so that they add up to their rounded sum.

    Each is rounded down, and the cents that are left go to those with the largest remainders.
    """
    if all(100 % score.denominator == 0 for score in scores):
        return list(scores)
    total = round_half_up(add_up(scores))
    cents = [floor(score / CENT) for score in scores]
    left = int(total / CENT) - sum(cents)
    by_remainder = sorted(range(len(scores)), key=lambda at: (cents[at] - scores[at] / CENT, at))
    for at in by_remainder[:left]:
        cents[at] += 1
    return [count * CENT for count in cents]


def as_number(score: Fraction) -> float | int:
    """Return a rounded score as the shortest JSON number."""
    return int(score) if score.denominator == 1 else float(score)
