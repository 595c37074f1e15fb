"""Turn slopes into verdicts: whether gradients agree with finite differences."""

import math
from dataclasses import dataclass, replace

import numpy as np

from compute.arithmetic.namespace import Array
from compute.readings.verification.differences import SURE, Slopes
from compute.readings.verification.evidence import SMALLEST, Check, Verdict, round_for_display, round_up

ROUGH = 1e-3  # the tolerance up to which agreement still counts if rounding hides more than the usual one
HUGE = 1e300  # slopes above this may overflow in extrapolation
STEPS = 16  # how many times a gradient itself may have been rounded
# Outputs that rounding moves by less than this lose digits to underflow.
TINY = float(np.finfo(np.float64).tiny / np.finfo(np.float64).eps)
TOO_FAST = "the slope changes faster than the steps of differences can follow"
UNSETTLED = "no step is small enough: differences do not settle"
UNDERFLOW = "numbers are so small that they underflow"
NEAR = "a kink is so near that rounding decides on which side of it the value is"


@dataclass(frozen=True, slots=True)
class Standard:
    """The standard by which a gradient agrees with a slope.

    tolerance: relative to the largest entry.
    near: the distance of a kink, relative to an entry, below which its two sides cannot be told apart.
    rounding: the relative rounding error of the numbers of the answer.
    least: the size below which these numbers lose digits to underflow.
    excuse: the reason for a gradient that intentionally differs from the slope.
    undefined: the reason given for a gradient that is not finite.
    smooth: whether no step on the way has a kink.
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
    """Entries of a gradient with their slopes.

    at: their indices in the gradient.
    scale: the unit of their steps.
    terms: the slope if all terms of the outputs grew with the entry, as a scale for rounding.
    infinite: whether an output is infinite.
    usual: a further size that errors are compared with, such as entries that cancel in a direction.
    refused: whether a step rejects perturbed numbers.
    rounding: the rounding error of the analytic entries, if it was measured.
    witness: their derivatives by a complex step, if they were computed.
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
    """Return the verdict on entries one by one, and on a direction of all entries."""
    analytic, numeric = compared.analytic, compared.slopes.numeric
    reasons = _reasons(compared, standard)
    sure = np.array([reason is None for reason in reasons], dtype=bool)
    differ = np.abs(analytic - numeric)
    own = STEPS * standard.rounding * compared.terms + compared.rounding
    error = compared.slopes.error + own
    beside, relative_to = _beside(compared, error, sure, standard)
    relative = np.where(sure, differ / beside if beside else 0.0, -1.0)
    for entry in np.flatnonzero(sure).tolist():
        reasons[entry] = _judge_entry(
            compared, entry, float(differ[entry]), float(own[entry]), beside, standard
        )
    doubted = np.array([reason not in (None, WRONG) for reason in reasons], dtype=bool)
    wrong = np.array([reason == WRONG for reason in reasons], dtype=bool)
    certain = np.where(doubted, -1.0, relative)
    # If all errors are below the bound, the first entry is shown, which is the same on every machine.
    place = int(np.argmax([round_up(float(one), SMALLEST) if one >= 0 else -1.0 for one in certain]))
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
        largest_relative_error=round_up(largest, SMALLEST) if largest >= 0 else None,
        relative_to=relative_to if largest >= 0 else None,
        at=list(compared.at[place]),
        analytic=float(analytic[place]),
        numeric=_number(round_for_display(float(numeric[place]), beside)),
        step=_number(float(compared.slopes.step[place])),
        reason=reason,
        direction=None if along is None else along.verdict,
    )


def judge_alone(direction: Compared, entries: int, standard: Standard) -> Check:
    """Return the verdict on a direction of all entries, if none was checked by itself."""
    found = judge(direction, entries, standard)
    return replace(found, checked=0, inconclusive=0, at=None, direction=found.verdict)


def nothing_to_compare(entries: int, reason: str) -> Check:
    """Return the verdict if no slope can be computed at all."""
    return Check("inconclusive", entries, 0, 0, None, None, None, None, None, None, reason)


WRONG = "wrong"


def _number(number: float) -> float | None:
    return None if math.isnan(number) else number


def _reasons(compared: Compared, standard: Standard) -> list[str | None]:
    """Return, for each entry, why no comparison is possible; None if one is."""
    reasons: list[str | None] = []
    slopes = compared.slopes
    for place, analytic in enumerate(compared.analytic):
        if not math.isfinite(analytic):
            reasons.append(standard.undefined)
        elif not math.isfinite(slopes.numeric[place]) and compared.refused:
            reasons.append("it cannot be moved: only some numbers can stand there")
        elif not math.isfinite(slopes.numeric[place]):
            reasons.append("what follows from it is not finite beside it")
        elif not math.isfinite(slopes.error[place]):
            reasons.append(_describe_kink(slopes, place, standard))
        else:
            reasons.append(None)
    return reasons


def _describe_kink(slopes: Slopes, place: int, standard: Standard) -> str:
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
    """Return the size that errors are relative to, with its name.

    It is the largest entry or, if all entries are rounding, the size of what was rounded.
    """
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


def _judge_entry(
    compared: Compared, entry: int, differ: float, own: float, beside: float, standard: Standard
) -> str | None:
    """Return the error of an entry: None, the reason why it is inconclusive, or WRONG.

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
