"""Real roots in floats: a scan for sign changes and near-zero minima, then refinement."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

MAX_ROOTS = 40
_POINTS_PER_DECADE = 24
_DENSE_POINTS = 800  # from 0 to 4
_ZERO = 1e-13  # magnitudes up to which a value counts as zero
_MAX_BISECTIONS = 200

Function = Callable[[float], Sequence[float]]


@dataclass(frozen=True)
class RootScan:
    """Roots in floats, sorted.

    plateaus: the intervals on which the function was zero, up to rounding.
    everywhere: whether the function was zero at all points, up to rounding.
    """

    roots: tuple[float, ...]
    plateaus: tuple[tuple[float, float], ...] = ()
    everywhere: bool = False


def scan_roots(function: Function, *, negative: bool = True, positive: bool = True) -> RootScan:
    """Return the common roots of all values of a function, of magnitude 1e-6 to 1e6, and 0.

    Points are dense between 0 and 4, the range of rates and coefficients. Two roots closer than neighbouring
    points may be missed, as may roots next to which the function is not a number; jumps past zero are not
    roots.
    """
    evaluate = _Values(function)
    points = [x for x in _scan_points() if (x >= 0 or negative) and (x <= 0 or positive)]
    sampled = [(x, values) for x in points if (values := evaluate(x)) is not None]
    if not sampled:
        return RootScan(())
    if all(max(map(abs, values)) <= _ZERO for _, values in sampled):
        return RootScan((), everywhere=True)
    plateaus = _plateaus(sampled)
    leading = _leading_index([values for _, values in sampled])
    line = [(x, values[leading]) for x, values in sampled]

    def component(x: float) -> float:
        values = evaluate(x)
        return math.nan if values is None else values[leading]

    roots: list[float] = []
    for root, scale in _root_candidates(line, component):
        values = evaluate(root)
        if values is not None and all(abs(part) <= 1e-7 * max(scale, 1e-6) for part in values):
            in_plateau = any(low <= root <= high for low, high in plateaus)
            if not in_plateau and not any(
                abs(root - other) <= 1e-7 * max(abs(root), 1e-3) for other in roots
            ):
                roots.append(root)
        if len(roots) == MAX_ROOTS:
            break
    return RootScan(tuple(sorted(roots)), plateaus)


class _Values:
    """Calls a function; None unless all its values are finite numbers."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def __call__(self, x: float) -> tuple[float, ...] | None:
        try:
            values = tuple(float(value) for value in self._function(x))
        except (ArithmeticError, ValueError):
            return None
        return values if all(map(math.isfinite, values)) else None


def _scan_points() -> list[float]:
    far = [10 ** (i / _POINTS_PER_DECADE - 6) for i in range(12 * _POINTS_PER_DECADE + 1)]
    # An odd offset, so that the round roots of typical questions are seldom points themselves.
    dense = [4 * (i + 0.37) / _DENSE_POINTS for i in range(_DENSE_POINTS)]
    sparse = [4 * (i + 0.37) / 100 for i in range(100)]
    return sorted({0.0, *far, *dense, *(-x for x in far), *(-x for x in sparse)})


def _leading_index(sampled: list[tuple[float, ...]]) -> int:
    """Return the index of the first value that is not zero everywhere."""
    indices = range(len(sampled[0]))
    return next(i for i in indices if any(abs(values[i]) > _ZERO for values in sampled))


def _plateaus(sampled: list[tuple[float, tuple[float, ...]]]) -> tuple[tuple[float, float], ...]:
    """Return the intervals on which a function is zero at several points in a row, except those next to 0."""
    plateaus, run = [], list[float]()
    for x, values in [*sampled, (math.inf, (1.0,))]:
        if max(map(abs, values)) <= _ZERO:
            run.append(x)
            continue
        if len(run) >= 4 and max(map(abs, run)) > 1e-2:
            plateaus.append((run[0], run[-1]))
        run = []
    return tuple(plateaus)


def _root_candidates(
    line: list[tuple[float, float]], function: Callable[[float], float]
) -> Iterator[tuple[float, float]]:
    """Yield points that may be roots, each with the magnitude of the function around it."""
    for (a, before), (b, after) in pairwise(line):
        if before == 0:
            yield a, abs(after)
        elif before * after < 0:
            root = _bisect(function, a, b, before)
            if root is not None:
                yield root, min(abs(before), abs(after))
    if line[-1][1] == 0:
        yield line[-1][0], abs(line[-2][1]) if len(line) > 1 else 0.0
    for (a, before), (_, middle), (b, after) in zip(line, line[1:], line[2:], strict=False):
        is_local_minimum = 0 < abs(middle) <= min(abs(before), abs(after))
        if is_local_minimum and before * middle > 0 and after * middle > 0:
            yield _minimize(function, a, b), min(abs(before), abs(after))


def _bisect(function: Callable[[float], float], a: float, b: float, at_a: float) -> float | None:
    """Return the point of a sign change; None if the function is not a number on the way."""
    for _ in range(_MAX_BISECTIONS):
        middle = (a + b) / 2
        if middle in (a, b):
            break
        value = function(middle)
        if math.isnan(value):
            return None
        if value == 0:
            return middle
        if value * at_a > 0:
            a = middle
        else:
            b = middle
    return min(a, b, key=lambda x: abs(function(x)))


def _minimize(function: Callable[[float], float], a: float, b: float) -> float:
    """Return where the magnitude of a function is least, by golden-section search."""
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
