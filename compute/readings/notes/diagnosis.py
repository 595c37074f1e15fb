"""On request: notes on numbers that are finite but unreliable, by the rules of `compute.graph.numerics`."""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from itertools import groupby

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.errors import LISTED
from compute.graph.graph import Value
from compute.graph.numerics import CHAIN, SPREAD, Finding
from compute.graph.primitive import no_cost
from compute.readings.evaluation import Evaluation
from compute.readings.notes.explanation import Explanation, largest_number
from compute.readings.notes.names import Names
from compute.readings.notes.note import Note, first_indices, join_names, list_entries, spell_value
from compute.readings.notes.tracing import Tracing
from compute.readings.notes.witness import NonFiniteEvent
from compute.readings.reverse_mode import Differentiation

PROBE = 1.001  # factor on an operand that tests whether the result depends on it
CHAINED = re.compile(r"\[(\d+)\]|(\d+)$")
RATES = "layer norm or residual connections, gates (LSTM, GRU), an orthogonal start"
REMEDIES = {
    "vanishing_gradient": f"{RATES}, or functions that do not flatten",
    "exploding_gradient": f"clip gradients; {RATES}",
}


def diagnose_run(
    evaluation: Evaluation,
    values: Mapping[int, Array],
    differentiation: Differentiation | None,
    gradients: Mapping[int, Array],
    tracing: Tracing,
    names: Names,
) -> list[Note]:
    """Return all diagnoses of a run, at most `LISTED` per code."""
    notes = _overflows(tracing, names) + _found_by_rules(evaluation, values, names)
    if differentiation is not None:
        norms = {
            str(evaluation.graph.values[index].name): _norm(gradient)
            for index, gradient in sorted(gradients.items())
            if np.isfinite(gradient).all()
        }
        seeds = (str(evaluation.graph.values[index].name) for index in differentiation.seeds)
        notes += _rates(norms, max((norms.get(name, 0.0) for name in seeds), default=0.0))
    kept: list[Note] = []
    for code, group in groupby(sorted(notes, key=lambda note: note.code), key=lambda note: note.code):
        alike = list(group)
        kept += alike[:LISTED]
        if len(alike) > LISTED:
            more = f"{code} is found at {len(alike) - LISTED} more steps, here first"
            kept.append(Note("more", alike[LISTED].at, more))
    return kept


def _overflows(tracing: Tracing, names: Names) -> list[Note]:
    notes = []
    for origin in tracing.origins:
        explanation = Explanation(origin, tracing, names)
        if origin.event is None or origin.step is None or not origin.is_listed or not explanation.overflows:
            continue
        at = explanation.at or names.describe_place(origin.key)
        index = explanation.inside(origin.event)
        seen, top = origin.event.sentence(index), largest_number(tracing.arithmetic)
        where = list_entries(explanation.entries, int(origin.at.sum()))
        message = f"{seen}{where}: {_limit(origin.event, tracing.arithmetic, top)}"
        size = _magnitude(origin.event, index)
        if size is not None:
            message += f"; the result would be about 10^{size:.0f}"
        value = origin.step.value
        notes.append(
            Note("overflow", at, message,
                 operation=value.primitive.name if value is not None and value.primitive is not None else "",
                 entries=explanation.entries, count=int(origin.at.sum()), operands=explanation.operands,
                 result=explanation.result, remedy=explanation.find_remedy())
        )  # fmt: skip
    return notes


def _limit(event: NonFiniteEvent, arithmetic: Arithmetic, top: float) -> str:
    if event.function in ("exp", "expm1", "exponentials"):
        most = math.floor(100 * math.log(top)) / 100
        return f"the largest exponent that fits into {arithmetic.name} is {most:g}"
    return f"the largest number of {arithmetic.name} is about {top:.2g}"


def _magnitude(event: NonFiniteEvent, index: tuple[int, ...]) -> float | None:
    """Return the decimal exponent that the result would have; None if it is not easily known."""
    entries = event.operands_at(index)
    if event.function in ("exp", "expm1"):
        return float(entries[0]) / math.log(10)
    if event.function == "power" or len(entries) != 2 or not all(math.isfinite(one) for one in entries):
        return None
    a, b = (Fraction(float(one)) for one in entries)
    results = {"multiply": a * b, "matmul": a * b, "add": a + b, "subtract": a - b,
               "divide": a / b if b else None}  # fmt: skip
    result = results.get(event.function)
    if not result:
        return None
    result = abs(result)
    return (result.numerator.bit_length() - result.denominator.bit_length()) * math.log10(2)


def _found_by_rules(evaluation: Evaluation, values: Mapping[int, Array], names: Names) -> list[Note]:
    """Return what the primitives' own rules find in their results."""
    notes = []
    for value in evaluation.computed_values():
        primitive = value.primitive
        if primitive is None or primitive.diagnosis is None or value.index not in values:
            continue
        operands = [np.asarray(values[operand.index]) for operand in value.inputs]
        result = np.asarray(values[value.index])
        absorbed = partial(_absorbed, evaluation, values, value)
        finding = primitive.diagnosis(result, *operands, absorbed=absorbed, **value.attributes)
        if finding is not None:
            at, owner = np.asarray(finding.at), names.owner_name(value.index)
            notes.append(
                Note(
                    finding.code,
                    owner,
                    _write_message(value, owner, finding),
                    operation=primitive.name,
                    entries=first_indices(at),
                    count=int(at.sum()),
                    remedy=finding.remedy,
                )
            )
    return notes


def _absorbed(evaluation: Evaluation, values: Mapping[int, Array], value: Value, place: int) -> Array:
    """Return at which entries an operand's step gives the same result for somewhat different numbers."""
    operand = value.inputs[place]
    result = np.asarray(values[operand.index])
    absorbed = np.zeros(result.shape, dtype=bool)
    if operand.primitive is None or operand.index in evaluation.known or operand.primitive.cost is no_cost:
        return absorbed
    before = [np.asarray(values[source.index]) for source in operand.inputs]
    for at, rule in enumerate(operand.applied.rules if operand.applied else ()):
        if rule is not None:
            probed = [*before[:at], (before[at] * PROBE).astype(before[at].dtype), *before[at + 1 :]]
            changed = operand.primitive.forward(evaluation.arithmetic, *probed, **operand.attributes)
            same_shape = before[at].shape == result.shape
            absorbed |= (changed == result) & ((before[at] != 0) if same_shape else (before[at] != 0).any())
    return absorbed


def _write_message(value: Value, owner: str, finding: Finding) -> str:
    whose = "" if value.name == owner else "inside it, "
    at = np.asarray(finding.at)
    count, entries = int(at.sum()), first_indices(at)
    where = ""
    if entries and entries[0]:
        others = f" and {count - 1} other{'s' * (count > 2)}" if count > 1 else ""
        where = f" at {finding.unit} {list(entries[0])}{others}"
    step = spell_value(value, outermost=True)
    return f"{whose}{step}{where}: {finding.message}. Usual remedy: {finding.remedy}."


def _norm(gradient: Array) -> float:
    """Return the root mean square, which does not grow with the number of entries."""
    wide = np.abs(np.asarray(gradient, dtype=np.float64))
    top = float(wide.max(initial=0.0))
    return top * math.sqrt(float(np.mean((wide / top) ** 2))) if top > 0 else 0.0


def _rates(norms: Mapping[str, float], upstream: float) -> list[Note]:
    """Find vanishing and exploding gradients: along chains of like-named values, then among all others.

    norms: the root mean square of each gradient, by name; upstream: that of the upstream gradients.
    """
    notes: list[Note] = []
    reported: set[str] = set()
    chains: dict[str, list[tuple[int, str]]] = {}
    for name in norms:
        if place := CHAINED.search(name):
            chains.setdefault(CHAINED.sub("[t]", name, count=1), []).append((int(place[1] or place[2]), name))
    for members in chains.values():
        reached = sorted(member for member in members if norms[member[1]] > 0)
        if len(reached) > 1:
            (start, first), (end, last) = reached[0], reached[-1]
            if code := _classify(norms[first], norms[last], CHAIN):
                reported.update(name for _, name in members)
                factor = (norms[first] / norms[last]) ** (1 / (end - start or 1))
                reference = f"that of {last} is {norms[last]:.3g}, a factor of {factor:.3g} a step"
                notes.append(_make_rate_note(code, first, norms[first], reference))
    far: dict[str, list[str]] = {}
    for name in sorted(norms, key=lambda name: (norms[name], name)):
        code = _classify(norms[name], upstream, SPREAD)
        if code and norms[name] > 0 and upstream > 0 and name not in reported:
            far.setdefault(code, []).append(name)
    for code, names in far.items():
        at, *others = names if code == "vanishing_gradient" else names[::-1]
        also = f", and it is much the same of {join_names(others)}" if others else ""
        notes.append(_make_rate_note(code, at, norms[at], f"that handed in is {upstream:.3g}{also}"))
    return notes


def _classify(norm: float, reference: float, factor: float) -> str:
    if norm * factor <= reference:
        return "vanishing_gradient"
    return "exploding_gradient" if norm >= reference * factor else ""


def _make_rate_note(code: str, name: str, norm: float, reference: str) -> Note:
    remedy = REMEDIES[code]
    message = f"the root mean square of its gradient is {norm:.3g}; {reference}. Usual remedy: {remedy}."
    return Note(code, name, message, remedy=remedy)
