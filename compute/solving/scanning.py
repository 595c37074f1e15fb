"""Real roots in floats: a scan for changes of sign and for where a function touches zero, then refinement."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

MAX_ROOTS = 40
_DECADE = 24  # points in each power of ten
_NEAR = 800  # points from 0 to 4
_IDENTICAL = 1e-13
_STEPS = 200  # of one refinement

Function = Callable[[float], Sequence[float]]


@dataclass(frozen=True)
class RootScan:
    """Roots in floats, in order.

    everywhere: whether the function was zero at all points, to rounding; plateaus: between which points it
    was.
    """

    roots: tuple[float, ...]
    plateaus: tuple[tuple[float, float], ...] = ()
    everywhere: bool = False


def scan(function: Function, *, negative: bool = True, positive: bool = True) -> RootScan:
    """Roots that all of a function's values share, of magnitude 1e-6 to 1e6, and 0.

    Points are dense between 0 and 4, where rates and coefficients are. Two roots closer than points are may
    be missed, and so may roots of which the function makes nothing of; what jumps past zero is no root.
    """
    values = _Values(function)
    points = [x for x in _points() if (x >= 0 or negative) and (x <= 0 or positive)]
    sampled = [(x, worth) for x in points if (worth := values(x)) is not None]
    if not sampled:
        return RootScan(())
    if all(max(map(abs, worth)) <= _IDENTICAL for _, worth in sampled):
        return RootScan((), everywhere=True)
    plateaus = _plateaus(sampled)
    leading = _leading([worth for _, worth in sampled])
    line = [(x, worth[leading]) for x, worth in sampled]

    def single(x: float) -> float:
        worth = values(x)
        return math.nan if worth is None else worth[leading]

    found: list[float] = []
    for root, scale in _candidates(line, single):
        worth = values(root)
        if worth is not None and all(abs(one) <= 1e-7 * max(scale, 1e-6) for one in worth):
            within = any(low <= root <= high for low, high in plateaus)
            if not within and not any(abs(root - other) <= 1e-7 * max(abs(root), 1e-3) for other in found):
                found.append(root)
        if len(found) == MAX_ROOTS:
            break
    return RootScan(tuple(sorted(found)), plateaus)


class _Values:
    """A function's values, where all are finite numbers."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def __call__(self, x: float) -> tuple[float, ...] | None:
        try:
            found = tuple(float(one) for one in self._function(x))
        except (ArithmeticError, ValueError):
            return None
        return found if all(map(math.isfinite, found)) else None


def _points() -> list[float]:
    far = [10 ** (at / _DECADE - 6) for at in range(12 * _DECADE + 1)]
    # Odd steps, so that the roots that questions are made to have are seldom points themselves.
    near = [4 * (at + 0.37) / _NEAR for at in range(_NEAR)]
    few = [4 * (at + 0.37) / 100 for at in range(100)]
    return sorted({0.0, *far, *near, *(-x for x in far), *(-x for x in few)})


def _leading(sampled: list[tuple[float, ...]]) -> int:
    """The first value that is not zero everywhere."""
    places = range(len(sampled[0]))
    return next(at for at in places if any(abs(worth[at]) > _IDENTICAL for worth in sampled))


def _plateaus(sampled: list[tuple[float, tuple[float, ...]]]) -> tuple[tuple[float, float], ...]:
    """Where a function is zero to rounding at several points in a row, not counting those next to 0."""
    found, run = [], list[float]()
    for x, worth in [*sampled, (math.inf, (1.0,))]:
        if max(map(abs, worth)) <= _IDENTICAL:
            run.append(x)
            continue
        if len(run) >= 4 and max(map(abs, run)) > 1e-2:
            found.append((run[0], run[-1]))
        run = []
    return tuple(found)


def _candidates(
    line: list[tuple[float, float]], function: Callable[[float], float]
) -> Iterator[tuple[float, float]]:
    """Places that may be roots, each with how large the function is about it."""
    for (a, before), (b, after) in pairwise(line):
        if before == 0:
            yield a, abs(after)
        elif before * after < 0:
            root = _bisected(function, a, b, before)
            if root is not None:
                yield root, min(abs(before), abs(after))
    if line[-1][1] == 0:
        yield line[-1][0], abs(line[-2][1]) if len(line) > 1 else 0.0
    for (a, before), (_, middle), (b, after) in zip(line, line[1:], line[2:], strict=False):
        low = 0 < abs(middle) <= min(abs(before), abs(after))
        if low and before * middle > 0 and after * middle > 0:
            yield _least(function, a, b), min(abs(before), abs(after))


def _bisected(function: Callable[[float], float], a: float, b: float, at_a: float) -> float | None:
    """Where the sign changes between two points; None where there is no number."""
    for _ in range(_STEPS):
        middle = (a + b) / 2
        if middle in (a, b):
            break
        worth = function(middle)
        if math.isnan(worth):
            return None
        if worth == 0:
            return middle
        if worth * at_a > 0:
            a = middle
        else:
            b = middle
    return min(a, b, key=lambda x: abs(function(x)))


def _least(function: Callable[[float], float], a: float, b: float) -> float:
    """Where a function is nearest to zero between two points, by golden sections."""
    ratio = (math.sqrt(5) - 1) / 2
    low, high = b - ratio * (b - a), a + ratio * (b - a)
    at_low, at_high = abs(function(low)), abs(function(high))
    for _ in range(80):
        if at_low <= at_high:
            b, high, at_high = high, low, at_low
            low = b - ratio * (b - a)
            at_low = abs(function(low))
        else:
            a, low, at_low = low, high, at_high
            high = a + ratio * (b - a)
            at_high = abs(function(high))
    return (a + b) / 2
