"""From slopes to verdicts: whether what rules gave is what differences give."""

import math
from dataclasses import dataclass, replace

import numpy as np

from compute.arithmetic.namespace import Array
from compute.readings.verification.differences import SURE, Slopes
from compute.readings.verification.evidence import SMALLEST, Check, Verdict, bounded, shown

ROUGH = 1e-3  # where rounding hides more than the tolerance: as far as this an agreement is still one
HUGE = 1e300  # slopes from which on extrapolation may overflow
STEPS = 16  # how many times a gradient itself may have been rounded
# Where rounding moves outputs by less than this they lose digits to underflow.
TINY = float(np.finfo(np.float64).tiny / np.finfo(np.float64).eps)
TOO_FAST = "the slope changes faster than the steps of differences can follow"
UNSETTLED = "no step is small enough: differences do not settle"
UNDERFLOW = "numbers are so small that they underflow"
NEAR = "a kink is so near that rounding decides on which side of it the value is"


@dataclass(frozen=True, slots=True)
class Standard:
    """The standard by which a gradient agrees with a slope.

    tolerance: beside the largest entry; near: the distance of a kink, as a part of an entry's size, below
    which the numbers of the answer cannot tell its two sides; rounding: of these numbers; least: the size
    below which they lose digits to underflow; excuse: the reason for a gradient that is not a slope by
    intention; undefined: the reason given for a gradient that is not a number; smooth: no step on the way
    has a kink.
    """

    tolerance: float
    near: float
    rounding: float
    least: float
    excuse: str | None = None
    undefined: str = "the gradient is not finite"
    smooth: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """Entries beside their slopes.

    at: their index in the whole; scale: what their steps are fractions of; terms: the slope that what adds up
    to the outputs would make if it all grew with the entry; infinite: whether an output is; usual: what
    errors are small beside as well, such as entries that cancel in a direction; refused: a step takes no
    other numbers than those that came; rounding: how much of the analytic ones is, where that was measured;
    witness: their derivatives by a complex step, where these were looked for.
    """

    at: list[tuple[int, ...]]
    analytic: Array
    slopes: Slopes
    scale: Array
    terms: Array
    infinite: Array
    usual: float = 0.0
    refused: bool = False
    rounding: Array | float = 0.0
    witness: Array | None = None


def judge(compared: Compared, entries: int, standard: Standard, direction: Compared | None = None) -> Check:
    """The verdict on entries one by one, and on a direction in which all take part."""
    analytic, numeric = compared.analytic, compared.slopes.numeric
    reasons = _reasons(compared, standard)
    sure = np.array([reason is None for reason in reasons], dtype=bool)
    differ = np.abs(analytic - numeric)
    own = STEPS * standard.rounding * compared.terms + compared.rounding
    error = compared.slopes.error + own
    beside, relative_to = _beside(compared, error, sure, standard)
    relative = np.where(sure, differ / beside if beside else 0.0, -1.0)
    for entry in np.flatnonzero(sure).tolist():
        reasons[entry] = _fault(compared, entry, float(differ[entry]), float(own[entry]), beside, standard)
    doubted = np.array([reason not in (None, WRONG) for reason in reasons], dtype=bool)
    wrong = np.array([reason == WRONG for reason in reasons], dtype=bool)
    certain = np.where(doubted, -1.0, relative)
    # Of errors that are all as good as nothing the first entry is shown, on every machine the same.
    place = int(np.argmax([bounded(float(one), SMALLEST) if one >= 0 else -1.0 for one in certain]))
    verdict: Verdict = "disagrees" if wrong.any() else "inconclusive" if doubted.any() else "agrees"
    reason = "the gradient is not the slope that differences give" if wrong.any() else None
    if verdict == "inconclusive":
        place = int(np.argmax(doubted))
        reason = reasons[place]
    along = None if direction is None else judge(direction, 1, standard)
    if along is not None and verdict == "agrees" and along.verdict != "agrees":
        verdict, reason = along.verdict, f"in a random direction: {along.reason}"
    largest = float(certain.max())
    return Check(
        verdict=verdict,
        entries=entries,
        checked=len(compared.at),
        inconclusive=int(doubted.sum()),
        largest_relative_error=bounded(largest, SMALLEST) if largest >= 0 else None,
        relative_to=relative_to if largest >= 0 else None,
        at=list(compared.at[place]),
        analytic=float(analytic[place]),
        numeric=_number(shown(float(numeric[place]), beside)),
        step=_number(float(compared.slopes.step[place])),
        reason=reason,
        direction=None if along is None else along.verdict,
    )


def judge_alone(direction: Compared, entries: int, standard: Standard) -> Check:
    """The verdict on a direction in which all entries take part, where none is checked by itself."""
    found = judge(direction, entries, standard)
    return replace(found, checked=0, inconclusive=0, at=None, direction=found.verdict)


def nothing_to_compare(entries: int, reason: str) -> Check:
    """The verdict where no slope can be found at all."""
    return Check("inconclusive", entries, 0, 0, None, None, None, None, None, None, reason)


WRONG = "wrong"


def _number(number: float) -> float | None:
    return None if math.isnan(number) else number


def _reasons(compared: Compared, standard: Standard) -> list[str | None]:
    """Why nothing can be said of an entry, before it is compared."""
    found: list[str | None] = []
    slopes = compared.slopes
    for place, analytic in enumerate(compared.analytic):
        if not math.isfinite(analytic):
            found.append(standard.undefined)
        elif not math.isfinite(slopes.numeric[place]) and compared.refused:
            found.append("it cannot be moved: only some numbers can stand there")
        elif not math.isfinite(slopes.numeric[place]):
            found.append("what follows from it is not finite beside it")
        elif not math.isfinite(slopes.error[place]):
            found.append(_kink(slopes, place, standard))
        else:
            found.append(None)
    return found


def _kink(slopes: Slopes, place: int, standard: Standard) -> str:
    slope, bend = float(slopes.numeric[place]), float(slopes.bend[place])
    if math.isnan(bend) and abs(slope) > HUGE:
        return "numbers are so large that their differences overflow"
    if math.isnan(bend):
        return UNSETTLED
    if standard.smooth:
        return TOO_FAST
    places = 2 - math.floor(math.log10(max(abs(slope), abs(bend))))
    left, right = (round(slope + side * bend / 2, places) + 0.0 for side in (-1, 1))
    sides = f"about {left:.6g} to the left and {right:.6g} to the right"
    return f"at a kink or a bend as sharp: the slope is {sides}"


def _beside(compared: Compared, error: Array, sure: Array, standard: Standard) -> tuple[float, str]:
    """What errors are small beside: the largest entry; where all are rounding, what this is rounding of."""
    if not sure.any():
        return 0.0, "gradient"
    largest = [float(np.abs(one[sure]).max()) for one in (compared.analytic, compared.slopes.numeric)]
    rounding, terms = float(error[sure].max()), float(compared.terms[sure].max())
    vanishes = largest[0] <= 4 * STEPS * standard.rounding * terms and largest[1] <= 2 * SURE * rounding
    if vanishes and 0 < rounding <= (SMALLEST + 2 * STEPS * standard.rounding) * terms:
        return terms, "terms"
    if compared.usual > max(largest):
        return compared.usual, "gradient"
    return max(largest), "gradient" if largest[0] >= (1 - SMALLEST) * largest[1] else "difference"


def _fault(
    compared: Compared, entry: int, differ: float, own: float, beside: float, standard: Standard
) -> str | None:
    """Return the fault of an entry: None, the reason why it is inconclusive, or WRONG.

    own: how much of the gradient itself may be rounding.
    """
    slopes, allowed = compared.slopes, standard.tolerance * beside
    slope_error, noise = float(slopes.error[entry]), float(slopes.noise[entry])
    error = slope_error + own
    near = bool(slopes.kink[entry] <= standard.near * compared.scale[entry])
    if near and slopes.beside[entry] and not standard.smooth:
        return NEAR
    if differ <= allowed and slope_error <= ROUGH * beside:
        return None
    if differ <= SURE * error and SURE * error <= ROUGH * beside:
        return None
    if beside < standard.least:
        return UNDERFLOW
    hidden = differ <= SURE * error
    if hidden and noise * float(slopes.step[entry]) < TINY and own < allowed:
        return UNDERFLOW if slope_error <= 2 * noise else UNSETTLED
    if near:
        return TOO_FAST if standard.smooth else NEAR
    if hidden:
        return "cancellation: rounding hides the slope" if error <= 2 * (noise + own) else UNSETTLED
    if compared.infinite[entry]:
        return "what follows from it is not finite, and has no differences"
    if compared.witness is not None:
        apart = abs(compared.analytic[entry] - compared.witness[entry])
        if apart <= allowed + SURE * own:  # the complex step takes other roundings
            return "differences give another slope, and a complex step this gradient"
    return standard.excuse or WRONG
