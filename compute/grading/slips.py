"""Slips of the pen: one entry that is wrong in a way that people know."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from compute.arithmetic.namespace import Array
from compute.grading.comparison import Entries, are_floats

OTHER = "entry"
MAX_DIGITS = 12
TENFOLD = (10.0, 0.1, 100.0, 0.01, 1000.0, 0.001)


@dataclass(frozen=True, slots=True)
class PenSlip:
    """One wrong entry.

    at: its index.
    kind: `sign`, `turned_digits`, `factor_of_ten`, `last_digit`, `neighbour`, or `entry` for any other.
    """

    at: tuple[int, ...]
    kind: str


def find_slip(written: Array, expected: Array, right: Entries, allowed: Array) -> PenSlip | None:
    """Return the slip if exactly one entry is wrong; None otherwise."""
    wrong = np.argwhere(~right)
    if len(wrong) != 1 or not are_floats(written, expected):
        return None
    at = tuple(int(index) for index in wrong[0])
    entry, wanted, bound = float(written[at]), float(expected[at]), float(allowed[at])
    kind = _find_kind(entry, wanted, bound)
    if kind is None and any(abs(entry - float(other)) <= bound for other in _neighbours(expected, at)):
        kind = "neighbour"
    return PenSlip(at, kind or OTHER)


def _find_kind(entry: float, wanted: float, bound: float) -> str | None:
    if not (math.isfinite(entry) and math.isfinite(wanted)) or entry == 0:
        return None
    if abs(entry + wanted) <= bound:
        return "sign"
    if any(abs(entry - factor * wanted) <= bound * min(1.0, factor) for factor in TENFOLD):
        return "factor_of_ten"
    digits = f"{abs(entry):.{MAX_DIGITS}g}"
    if "e" in digits:
        return None
    if any(abs(math.copysign(float(turned), entry) - wanted) <= bound for turned in _turned(digits)):
        return "turned_digits"
    decimals = len(digits.partition(".")[2])
    if abs(abs(entry - wanted) - 10.0**-decimals) <= 0.51 * 10.0**-decimals:
        return "last_digit"
    return None


def _turned(digits: str) -> list[str]:
    """Return a number with each pair of neighbouring digits exchanged."""
    places = [place for place, character in enumerate(digits) if character != "."]
    turned = []
    for first, second in pairwise(places):
        if digits[first] != digits[second]:
            characters = list(digits)
            characters[first], characters[second] = characters[second], characters[first]
            turned.append("".join(characters))
    return turned


def _neighbours(expected: Array, at: tuple[int, ...]) -> list[float]:
    """Return the entries beside one, along every axis."""
    beside: list[float] = []
    for axis, index in enumerate(at):
        others = [other for other in (index - 1, index + 1) if 0 <= other < expected.shape[axis]]
        beside += [float(expected[(*at[:axis], other, *at[axis + 1 :])]) for other in others]
    return beside
