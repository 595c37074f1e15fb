"""Domains: the entries that an input may have, and how they are drawn and written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from compute.arithmetic.namespace import Array
from compute.variants.generator import Stream

MAX_DECIMALS = 3
MAX_RATE_DECIMALS = 6
ROOTS = (2, 3, 5, 6, 7, 10)
CLOSE = 1e-9
MAX_REDRAWN = 200
Unit: TypeAlias = Literal["one", "root", "logarithm"]
Entry: TypeAlias = int | float | str


@dataclass(frozen=True, slots=True)
class Domain:
    """Entries that are steps of a unit: decimals, multiples of a root, or logarithms of integers.

    low, high: the first and last step; a decimal is step / 10**decimals.
    radicand: of a root.
    nonzero: whether 0 is left out.
    signs: the signs of the template row by row, which are shuffled; None to draw every step from low to high.
    whole_rows: the length of rows that are drawn again, up to `MAX_REDRAWN` times in all, until the root of
        the sum of the squares of their steps is an integer; 0 for any rows. Only without signs.
    """

    low: int
    high: int
    decimals: int = 0
    unit: Unit = "one"
    radicand: int = 1
    nonzero: bool = False
    signs: tuple[int, ...] | None = None
    whole_rows: int = 0

    def draw(self, stream: Stream, size: int) -> list[int]:
        """Return the steps of an input, row by row."""
        if self.signs is not None:
            signs = list(self.signs)
            stream.shuffle(signs)
            return [sign * (1 + stream.below(self.high)) if sign else 0 for sign in signs]
        if self.whole_rows:
            rows = [self._draw_whole(stream) for _ in range(size // self.whole_rows)]
            return [step for row in rows for step in row]
        return self._draw_free(stream, size)

    def _draw_whole(self, stream: Stream) -> list[int]:
        for _ in range(MAX_REDRAWN):
            row = self._draw_free(stream, self.whole_rows)
            squares = sum(step * step for step in row)
            if math.isqrt(squares) ** 2 == squares:
                break
        return row

    def _draw_free(self, stream: Stream, size: int) -> list[int]:
        without = self.nonzero and self.low <= 0 <= self.high
        steps = [self.low + stream.below(self.high - self.low + 1 - without) for _ in range(size)]
        return [step + 1 if without and step >= 0 else step for step in steps]

    def number(self, step: int) -> float:
        """Return the number of a step."""
        match self.unit:
            case "root":
                return step * math.sqrt(self.radicand)
            case "logarithm":
                return math.log(step)
        return step / (10.0**self.decimals)

    def write(self, step: int) -> Entry:
        """Return the entry of a step as a request holds it."""
        if self.unit == "logarithm":
            return f"log({step})" if step != 1 else 0
        if self.unit == "root" and step:
            factor = {1: "", -1: "-"}.get(step, f"{step}*")
            return f"{factor}sqrt({self.radicand})"
        return step if not self.decimals else step / 10**self.decimals

    @property
    def is_empty(self) -> bool:
        """Whether there is no entry to draw."""
        return self.high < self.low or (self.nonzero and self.low == self.high == 0)


def template_domain(entries: Array) -> Domain:
    """Return the domain of entries like those of a template: as many decimals, negatives and zeros, and none
    that is larger. Entries that are neither short decimals nor multiples of one root get 3 decimals.
    """
    flat = [float(entry) for entry in entries.reshape(-1)]
    for decimals in range(MAX_DECIMALS + 1):
        if (steps := _as_steps(flat, 10.0**-decimals)) is not None:
            return _like(steps, decimals=decimals)
    for radicand in ROOTS:
        if (steps := _as_steps(flat, math.sqrt(radicand))) is not None:
            return _like(steps, unit="root", radicand=radicand)
    steps = [math.ceil(abs(entry) * 10**MAX_DECIMALS) * (1 if entry > 0 else -1 if entry < 0 else 0)
             for entry in flat]  # fmt: skip
    return _like(steps, decimals=MAX_DECIMALS)


def rate_domain(rate: float) -> Domain:
    """Return the domain of a learning rate: as many decimals, from half the template's rate to twice it."""
    for decimals in range(MAX_RATE_DECIMALS + 1):
        if (steps := _as_steps([rate], 10.0**-decimals)) is not None:
            return Domain(-(-steps[0] // 2), 2 * steps[0], decimals)
    step = max(1, round(rate * 10**MAX_RATE_DECIMALS))
    return Domain(-(-step // 2), 2 * step, MAX_RATE_DECIMALS)


def _as_steps(entries: Sequence[float], unit: float) -> list[int] | None:
    steps = [round(entry / unit) for entry in entries]
    fits = all(abs(step * unit - entry) <= CLOSE * max(1.0, abs(entry))
               for step, entry in zip(steps, entries, strict=True))  # fmt: skip
    return steps if fits else None


def _like(steps: Sequence[int], decimals: int = 0, unit: Unit = "one", radicand: int = 1) -> Domain:
    high = max((abs(step) for step in steps), default=0)
    low = -high if min(steps, default=0) < 0 else 0
    signs = tuple(int(np.sign(step)) for step in steps)
    return Domain(low, high, decimals, unit, radicand, signs=signs)
