"""Scales of axes: the range that is drawn, round numbers to label it with, and places on the screen."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.pages.pictures.charts import Numbers

TICKS = 6  # about as many on a linear axis
LARGEST = 1e150  # number that is drawn
LEAST_WIDTH = 1e-3  # of a range, relative to its numbers, below which their labels would be the same
FEW_DECADES = 2.5  # below which a logarithmic axis is labelled within decades too
DECADES = 7  # at most as many labels on a logarithmic axis


@dataclass(frozen=True, slots=True)
class Scale:
    """The numbers from `low` to `high` along the pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def place(self, numbers: Numbers) -> Numbers:
        """Return the pixels of numbers; those of numbers beyond the range lie beyond the pixels."""
        low, high = (math.log(self.low), math.log(self.high)) if self.is_log else (self.low, self.high)
        with np.errstate(all="ignore"):
            shares = ((np.log(numbers) if self.is_log else numbers) - low) / (high - low)
        return self.start + shares * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round numbers within the range, in order."""
        return _log_ticks(self.low, self.high) if self.is_log else _linear_ticks(self.low, self.high)


def fit_scale(
    numbers: Numbers, start: float, end: float, *, is_log: bool = False, margin: float = 0.0
) -> Scale:
    """Return a scale that holds all numbers that can be drawn.

    margin: added on each side, relative to their range.
    """
    shown = numbers[can_be_drawn(numbers)]
    low, high = (float(shown.min()), float(shown.max())) if shown.size else (float(is_log), 10.0)
    if is_log:
        factor = (high / low) ** margin if high > low else 2.0
        return Scale(low / factor, high * factor, start, end, True)
    largest = max(abs(low), abs(high))
    is_flat = high - low <= LEAST_WIDTH * largest
    width = largest / 2 or 0.5 if is_flat else (high - low) * margin
    return Scale(low - width, high + width, start, end)


def can_be_drawn(numbers: Numbers) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Return which numbers are finite and not so large that a diverging series would hide all others."""
    with np.errstate(invalid="ignore"):
        return np.abs(numbers) <= LARGEST  # NaN is not


def _linear_ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step)))
    return [round(count * step, digits + 1) for count in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if math.log10(high) - math.log10(low) < FEW_DECADES else (1,)
    step = max(1, -(-(last - first) // DECADES))
    found = [
        factor * 10.0**power for power in range(first, last + 1) if power % step == 0 for factor in factors
    ]
    return [number for number in found if low * (1 - 1e-9) <= number <= high * (1 + 1e-9)]
