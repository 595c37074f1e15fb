"""The formulas of a step with its numbers put in: the rule once more, on numbers that write themselves."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.latex import PRODUCT, SUM, Formula, symbol_latex
from compute.optimizers.applying import ALL, Entries, apply_rule, entry_of, flatten
from compute.optimizers.declaration import Buffers, State
from compute.optimizers.gradients import clipped, norm_of
from compute.optimizers.surface import entry_name
from compute.optimizers.trace import Run, StepRecord, TraceStep
from compute.optimizers.written import TracedNumber, TracingNamespace, as_written, setting_formula

MOST = 16  # entries of a parameter, beyond which nobody reads its formulas
MOST_AT_ONCE = 4  # entries of a vector that is written with its Hessian
_said = lru_cache(maxsize=64)(as_written)  # settings are the same at every step, and short


@np.errstate(all="ignore")
def formulas(course: Run, step: TraceStep) -> dict[str, dict[str, Any]]:
    """By parameter: equations in LaTeX for the gradient as it was used, each buffer, the update, the
    parameter.

    Each is nested as the parameter is. Parameters of more than 16 entries are left out; a rule that moves all
    parameters at once has one vector, `all parameters`, of up to 4 entries.
    """
    made = step.made
    assert made is not None  # the start was not made
    if course.optimizer.takes_all:
        whole = flatten(made.before)
        if whole.size > MOST_AT_ONCE:
            return {}
        state = _state(course, step, made, whole, flatten(made.used), ALL)
        return {ALL: _equations(course, _written(course, state, course.arithmetic), r"\theta")}
    found = {
        name: _nested(course, _state(course, step, made, one, made.used[name], name), symbol_latex(name))
        for name, one in made.before.items()
        if one.size <= MOST
    }
    if course.uses_another_gradient:
        for name, lines in found.items():
            found[name] = {"used_gradient": _used(course, made, step.number, name)} | lines
    return found


def _state(
    course: Run, step: TraceStep, made: StepRecord, parameter: Array, gradient: Array, name: str
) -> State:
    hessian = step.state[name].get("hessian")
    return State(
        course.arithmetic, course.number, step.number, made.learning_rate, parameter, gradient,
        dict(made.state_before[name]), None if hessian is None else lambda: hessian,
    )  # fmt: skip


def _nested(course: Run, state: State, symbol: str) -> dict[str, Any]:
    """The equations of each entry of a parameter."""
    xp = Entries(state.xp) if course.arithmetic.simplifies else state.xp
    if not state.parameter.shape:
        return _equations(course, _written(course, entry_of(state, (), xp), xp), symbol)
    lines: dict[str, Any] = {}
    for at in np.ndindex(state.parameter.shape):
        place = entry_name((symbol, at))
        for name, line in _equations(course, _written(course, entry_of(state, at, xp), xp), place).items():
            lines.setdefault(name, np.empty(state.parameter.shape, dtype=object))[at] = line
    return {name: one.tolist() for name, one in lines.items()}


def _written(course: Run, state: State, xp: Any) -> State:
    """The state of one entry, or of a vector, in numbers that write themselves."""
    writing: Any = TracingNamespace(xp, course.write)
    number, buffers, hessian = state.number, state.buffers, state.hessian
    state.xp, state.number = writing, lambda said: writing.written(number(said))
    for name in ("learning_rate", "parameter", "gradient"):
        setattr(state, name, writing.written(getattr(state, name)))
    state.buffers = {name: writing.written(one) for name, one in buffers.items()}
    state.hessian, state.plain = hessian, lambda worth: writing.written(writing.written(worth).worth)
    return state


def _equations(course: Run, state: State, symbol: str) -> dict[str, str]:
    writing: Any = state.xp
    say = course.write if course.arithmetic.simplifies else setting_formula
    settings = {
        name: one if isinstance(one, bool | str | int) else _said(one, say)
        for name, one in course.settings.items()
    }
    decay = None if course.decay is None else _said(course.decay, say)
    change: Any
    kept: Buffers
    change, kept = apply_rule(course, state, settings, decay)
    symbols, parameter, step = course.optimizer.buffers, state.parameter, state.step
    lines = {name: _equation(course, symbols[name], step, writing.written(one)) for name, one in kept.items()}
    lines["update"] = _equation(course, rf"\Delta {symbol}", step, writing.written(change))
    after: Any = parameter + writing.written(writing.written(change).worth)
    return lines | {"parameter": _equation(course, symbol, step, after)}


def _equation(course: Run, symbol: str, step: int, found: TracedNumber) -> str:
    """A symbol, how it came about, and what it is worth."""
    worth = course.write(found.worth).text
    symbol = f"{{{symbol}}}" if "_" in symbol else symbol
    return f"{symbol}_{{{step}}} = " + (worth if worth == found.text else f"{found.text} = {worth}")


def _used(course: Run, made: StepRecord, step: int, name: str) -> Any:
    """How the gradient that the rule sees came about from that of the loss."""
    found = np.empty(made.before[name].shape, dtype=object)
    say = course.write if course.arithmetic.simplifies else setting_formula
    bounds, factor = course.clipping, _factor(course, made)
    for at in np.ndindex(found.shape):
        text = course.write(made.gradient[name][at])
        if bounds.value is not None:
            bound = say(bounds.value).text
            text = Formula(rf"\min\left(\max\left({text.text}, -{bound}\right), {bound}\right)")
        if factor is not None:
            text = Formula(rf"{text.at(PRODUCT)} \cdot {factor}", PRODUCT)
        if course.decay is not None and course.decay_form == "coupled":
            decayed = (
                f"{say(course.decay).at(PRODUCT)} \\cdot {course.write(made.before[name][at]).at(PRODUCT)}"
            )
            text = Formula(f"{text.text} + {decayed}", SUM)
        worth = course.write(made.used[name][at]).text
        found[at] = f"g_{{{step}}} = {text.text}" + ("" if worth == text.text else f" = {worth}")
    return found.tolist() if found.shape else found[()]


def _factor(course: Run, made: StepRecord) -> str | None:
    """By what a bound of the norm multiplies all gradients."""
    bounds = course.clipping
    if bounds.norm is None:
        return None
    say = course.write if course.arithmetic.simplifies else setting_formula
    before = clipped(course.arithmetic, made.gradient, replace(bounds, norm=None))
    norm = course.write(norm_of(course.arithmetic, before)[()]).text
    below = norm if bounds.epsilon is None else f"{norm} + {say(bounds.epsilon).at(PRODUCT)}"
    return rf"\min\left(1, \frac{{{say(bounds.norm).text}}}{{{below}}}\right)"
