"""On request: notes on numbers that are finite but unreliable. `compute.graph.numerics` says when."""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from itertools import groupby

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.errors import LISTED
from compute.graph.numerics import CHAIN, SPREAD
from compute.graph.primitive import no_cost
from compute.graph.value import Value
from compute.readings.evaluation import Evaluation
from compute.readings.notes.explanation import Explanation, largest
from compute.readings.notes.names import Names
from compute.readings.notes.note import Note, indices, joined, listed, spelled
from compute.readings.notes.tracing import Tracing
from compute.readings.notes.witness import NonFiniteEvent
from compute.readings.reverse_mode import Differentiation

MOVED = 1.001  # what a number is multiplied by to see whether it matters
CHAINED = re.compile(r"\[(\d+)\]|(\d+)$")
RATES = "layer norm or residual connections, gates (LSTM, GRU), an orthogonal start"
REMEDIES = {
    "vanishing_gradient": f"{RATES}, or functions that do not flatten",
    "exploding_gradient": f"clip gradients; {RATES}",
}


def diagnosed(
    evaluation: Evaluation,
    values: Mapping[int, Array],
    differentiation: Differentiation | None,
    gradients: Mapping[int, Array],
    tracing: Tracing,
    names: Names,
) -> list[Note]:
    """All that is found, each code with so many notes at most."""
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
        all_of = list(group)
        kept += all_of[:LISTED]
        if len(all_of) > LISTED:
            more = f"{code} is found at {len(all_of) - LISTED} more steps, here first"
            kept.append(Note("more", all_of[LISTED].at, more))
    return kept


def _overflows(tracing: Tracing, names: Names) -> list[Note]:
    notes = []
    for origin in tracing.origins:
        told = Explanation(origin, tracing, names)
        if origin.fault is None or origin.site is None or not origin.is_listed or not told.overflows:
            continue
        at = told.at or names.place(origin.key)
        index = told.inside(origin.fault)
        seen, top = origin.fault.sentence(index), largest(tracing.arithmetic)
        where = listed(told.entries, int(origin.at.sum()))
        message = f"{seen}{where}: {_limit(origin.fault, tracing.arithmetic, top)}"
        size = _magnitude(origin.fault, index)
        if size is not None:
            message += f"; the result would be about 10^{size:.0f}"
        value = origin.site.value
        notes.append(
            Note("overflow", at, message,
                 operation=value.primitive.name if value is not None and value.primitive is not None else "",
                 entries=told.entries, count=int(origin.at.sum()), operands=told.operands, result=told.result,
                 remedy=told.remedy())
        )  # fmt: skip
    return notes


def _limit(fault: NonFiniteEvent, arithmetic: Arithmetic, top: float) -> str:
    if fault.function in ("exp", "expm1", "exponentials"):
        most = math.floor(100 * math.log(top)) / 100
        return f"the largest exponent that fits into {arithmetic.name} is {most:g}"
    return f"the largest number of {arithmetic.name} is about {top:.2g}"


def _magnitude(fault: NonFiniteEvent, index: tuple[int, ...]) -> float | None:
    """The decimal exponent that the result would have; None where it is not easily known."""
    entries = fault.at(index)
    if fault.function in ("exp", "expm1"):
        return float(entries[0]) / math.log(10)
    if fault.function == "power" or len(entries) != 2 or not all(math.isfinite(one) for one in entries):
        return None
    a, b = (Fraction(float(one)) for one in entries)
    found = {"multiply": a * b, "matmul": a * b, "add": a + b, "subtract": a - b,
             "divide": a / b if b else None}.get(fault.function)  # fmt: skip
    if not found:
        return None
    found = abs(found)
    return (found.numerator.bit_length() - found.denominator.bit_length()) * math.log10(2)


def _found_by_rules(evaluation: Evaluation, values: Mapping[int, Array], names: Names) -> list[Note]:
    """What primitives find in their own results."""
    notes = []
    for value in evaluation.computed_values():
        primitive = value.primitive
        if primitive is None or primitive.diagnosis is None or value.index not in values:
            continue
        operands = [np.asarray(values[operand.index]) for operand in value.inputs]
        result = np.asarray(values[value.index])
        absorbed = partial(_absorbed, evaluation, values, value)
        found = primitive.diagnosis(result, *operands, absorbed=absorbed, **value.attributes)
        if found is not None:
            at, owner = np.asarray(found.at), names.owner(value.index)
            notes.append(
                Note(found.code, owner, _said(value, owner, at, found.unit, found.message, found.remedy),
                     operation=primitive.name, entries=indices(at), count=int(at.sum()), remedy=found.remedy)
            )  # fmt: skip
    return notes


def _absorbed(evaluation: Evaluation, values: Mapping[int, Array], value: Value, place: int) -> Array:
    """At which entries the step that made an operand gives the same for somewhat different numbers."""
    operand = value.inputs[place]
    result = np.asarray(values[operand.index])
    found = np.zeros(result.shape, dtype=bool)
    if operand.primitive is None or operand.index in evaluation.known or operand.primitive.cost is no_cost:
        return found
    before = [np.asarray(values[one.index]) for one in operand.inputs]
    for at, rule in enumerate(operand.applied.rules if operand.applied else ()):
        if rule is not None:
            other = [*before[:at], (before[at] * MOVED).astype(before[at].dtype), *before[at + 1 :]]
            moved = operand.primitive.forward(evaluation.arithmetic, *other, **operand.attributes)
            same_shape = before[at].shape == result.shape
            found |= (moved == result) & ((before[at] != 0) if same_shape else (before[at] != 0).any())
    return found


def _said(value: Value, owner: str, at: Array, unit: str, message: str, remedy: str) -> str:
    whose = "" if value.name == owner else "inside it, "
    count, entries = int(at.sum()), indices(at)
    where = ""
    if entries and entries[0]:
        others = f" and {count - 1} other{'s' * (count > 2)}" if count > 1 else ""
        where = f" at {unit} {list(entries[0])}{others}"
    return f"{whose}{spelled(value, outermost=True)}{where}: {message}. Usual remedy: {remedy}."


def _norm(gradient: Array) -> float:
    """The root mean square, which does not depend on how many entries there are."""
    wide = np.abs(np.asarray(gradient, dtype=np.float64))
    top = float(wide.max(initial=0.0))
    return top * math.sqrt(float(np.mean((wide / top) ** 2))) if top > 0 else 0.0


def _rates(norms: Mapping[str, float], handed_in: float) -> list[Note]:
    """Gradients that fall or grow: along chains of like-named values, and of all others the farthest."""
    notes: list[Note] = []
    told: set[str] = set()
    chains: dict[str, list[tuple[int, str]]] = {}
    for name in norms:
        if place := CHAINED.search(name):
            chains.setdefault(CHAINED.sub("[t]", name, count=1), []).append((int(place[1] or place[2]), name))
    for members in chains.values():
        reached = sorted(member for member in members if norms[member[1]] > 0)
        if len(reached) > 1:
            (start, first), (end, last) = reached[0], reached[-1]
            if code := _judged(norms[first], norms[last], CHAIN):
                told.update(name for _, name in members)
                factor = (norms[first] / norms[last]) ** (1 / (end - start or 1))
                beside = f"that of {last} is {norms[last]:.3g}, a factor of {factor:.3g} a step"
                notes.append(_rated(code, first, norms[first], beside))
    far: dict[str, list[str]] = {}
    for name in sorted(norms, key=lambda one: (norms[one], one)):
        code = _judged(norms[name], handed_in, SPREAD)
        if code and norms[name] > 0 and handed_in > 0 and name not in told:
            far.setdefault(code, []).append(name)
    for code, names in far.items():
        at, *others = names if code == "vanishing_gradient" else names[::-1]
        also = f", and it is much the same of {joined(others)}" if others else ""
        notes.append(_rated(code, at, norms[at], f"that handed in is {handed_in:.3g}{also}"))
    return notes


def _judged(norm: float, reference: float, factor: float) -> str:
    if norm * factor <= reference:
        return "vanishing_gradient"
    return "exploding_gradient" if norm >= reference * factor else ""


def _rated(code: str, name: str, norm: float, beside: str) -> Note:
    remedy = REMEDIES[code]
    message = f"the root mean square of its gradient is {norm:.3g}; {beside}. Usual remedy: {remedy}."
    return Note(code, name, message, remedy=remedy)
