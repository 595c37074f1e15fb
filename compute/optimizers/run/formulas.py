"""The formulas of a step with numbers substituted, from a rule run on numbers that record their LaTeX."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.latex import PRODUCT, SUM, Formula, symbol_latex
from compute.optimizers.rules.declaration import Buffers, State
from compute.optimizers.run.applying import ALL, EntrywiseNamespace, apply_rule, entry_state, flatten
from compute.optimizers.run.averages import AVERAGE, Averaging
from compute.optimizers.run.gradients import clip_gradients, global_norm
from compute.optimizers.run.places import Place
from compute.optimizers.run.surface import entry_name
from compute.optimizers.run.trace import Run, StepRecord, TraceStep
from compute.optimizers.run.traced_numbers import (
    TracedNumber,
    TracingNamespace,
    Writer,
    setting_formula,
    trace_number,
)

MAX_ENTRIES = 16  # of a parameter: formulas of larger ones are not written
MAX_VECTOR_ENTRIES = 4  # of a vector that is written with its Hessian
_format_setting = lru_cache(maxsize=64)(trace_number)  # cached, since settings are the same at every step


@np.errstate(all="ignore")
def step_formulas(
    run: Run, step: TraceStep, substituted: Mapping[Place, Any] = {}
) -> dict[str, dict[str, Any]]:
    """Return LaTeX equations of a step by parameter: used gradient, each buffer, update, parameter.

    Each is nested like its parameter. Parameters of more than 16 entries are left out; a rule that updates
    all parameters jointly has one vector, `all parameters`, of up to 4 entries.

    substituted: values that stand in the places of others, which have no formula.
    """
    record = step.record
    assert record is not None  # step 0 has no formulas
    if run.optimizer.updates_jointly:
        vector = flatten(record.before)
        if vector.size > MAX_VECTOR_ENTRIES:
            return {}
        state = _state(run, step, record, vector, flatten(record.used_gradient), ALL)
        state.substituted = _substituted_jointly(step, record, substituted)
        return {ALL: _equations(run, _traced_state(run, state, run.arithmetic), r"\theta")}
    equations = {}
    for name, parameter in record.before.items():
        if parameter.size <= MAX_ENTRIES:
            state = _state(run, step, record, parameter, record.used_gradient[name], name)
            state.substituted = _substituted(step, name, substituted)
            equations[name] = _entry_equations(run.of(name), state, symbol_latex(name))
    if run.changes_gradient:
        for name, lines in equations.items():
            is_substituted = Place(step.number, "used_gradient", name) in substituted
            equations[name] = {
                "used_gradient": _used_gradient_equations(run, record, step.number, name, is_substituted)
            } | lines
    return equations


def _substituted(step: TraceStep, name: str, substituted: Mapping[Place, Any]) -> dict[str, Any]:
    """Return what stands in the places of a parameter's buffers, update and result."""
    if not substituted:
        return {}
    buffers = {buffer: Place(step.number, "state", name, buffer) for buffer in step.state[name]}
    places = buffers | {part: Place(step.number, part, name) for part in ("update", "parameters")}
    return {key: substituted[place] for key, place in places.items() if place in substituted}


def _substituted_jointly(
    step: TraceStep, record: StepRecord, substituted: Mapping[Place, Any]
) -> dict[str, Any]:
    """Return the whole vectors of which a part was put in place."""
    vectors = {"update": record.update, "parameters": step.parameters}
    return {
        part: flatten(vector)
        for part, vector in vectors.items()
        if any(Place(step.number, part, name) in substituted for name in vector)
    }


def _state(
    run: Run, step: TraceStep, record: StepRecord, parameter: Array, gradient: Array, name: str
) -> State:
    hessian = step.state[name].get("hessian")
    return State(
        run.arithmetic, run.number, step.number, record.rate_of(name), parameter, gradient,
        dict(record.state_before[name]), None if hessian is None else lambda: hessian,
    )  # fmt: skip


def _entry_equations(run: Run, state: State, symbol: str) -> dict[str, Any]:
    """Return the equations of each entry of a parameter."""
    xp = EntrywiseNamespace(state.xp) if run.arithmetic.simplifies else state.xp
    if not state.parameter.shape:
        return _equations(run, _traced_state(run, entry_state(state, (), xp), xp), symbol)
    lines: dict[str, Any] = {}
    for index in np.ndindex(state.parameter.shape):
        entry = entry_name((symbol, index))
        for name, line in _equations(
            run, _traced_state(run, entry_state(state, index, xp), xp), entry
        ).items():
            lines.setdefault(name, np.empty(state.parameter.shape, dtype=object))[index] = line
    return {name: array.tolist() for name, array in lines.items()}


def _traced_state(run: Run, state: State, xp: Any) -> State:
    """Return the state of one entry, or of a vector, in traced numbers."""
    tracing: Any = TracingNamespace(xp, run.write)
    number, buffers, hessian = state.number, state.buffers, state.hessian
    state.xp, state.number = tracing, lambda constant: tracing.trace(number(constant))
    for name in ("learning_rate", "parameter", "gradient"):
        setattr(state, name, tracing.trace(getattr(state, name)))
    state.buffers = {name: tracing.trace(buffer) for name, buffer in buffers.items()}
    state.substituted = {name: tracing.trace(value) for name, value in (state.substituted or {}).items()}
    state.hessian, state.as_leaf = hessian, lambda traced: tracing.trace(tracing.trace(traced).value)
    return state


def _equations(run: Run, state: State, symbol: str) -> dict[str, str]:
    tracing: Any = state.xp
    write_setting = run.write if run.arithmetic.simplifies else setting_formula
    settings = {
        name: value if isinstance(value, bool | str | int) else _format_setting(value, write_setting)
        for name, value in run.settings.items()
    }
    decay = None if run.decay is None else _format_setting(run.decay, write_setting)
    change: Any
    buffers: Buffers
    change, buffers = apply_rule(run, state, settings, decay)
    substituted = state.substituted or {}
    change = substituted.get("update", change)
    symbols, parameter, step = run.optimizer.buffers, state.parameter, state.step
    lines = {
        name: _equation(run, symbols[name], step, tracing.trace(buffer)) for name, buffer in buffers.items()
    }
    lines["update"] = _equation(run, rf"\Delta {symbol}", step, tracing.trace(change))
    after: Any = parameter + tracing.trace(tracing.trace(change).value)
    after = substituted.get("parameters", after)
    lines["parameter"] = _equation(run, symbol, step, after)
    if run.average is not None and not run.optimizer.updates_jointly:
        lines |= _average_equations(run, run.average, state, after, symbol, write_setting)
    return lines


def _average_equations(
    run: Run, average: Averaging, state: State, after: Any, symbol: str, write_setting: Writer
) -> dict[str, str]:
    """Return the equations of the running average of a parameter. after: the parameter after the step."""
    tracing: Any = state.xp
    decay = _format_setting(average.decay, write_setting)
    start: Any = state.parameter
    if average.is_corrected:
        start = tracing.trace(start.value * 0)
    after = tracing.trace(tracing.trace(after).value)
    running: Any = decay * state.buffers.get(AVERAGE, start) + (1 - decay) * after
    running = (state.substituted or {}).get(AVERAGE, running)
    lines = {AVERAGE: _equation(run, rf"\bar{{{symbol}}}", state.step, running)}
    if average.is_corrected:
        corrected = tracing.trace(running.value) / (1 - decay**state.step)
        lines["average"] = _equation(run, rf"\hat{{{symbol}}}", state.step, corrected)
    return lines


def _equation(run: Run, symbol: str, step: int, traced: TracedNumber) -> str:
    """Return `symbol = expression = value`."""
    value = run.write(traced.value).text
    symbol = f"{{{symbol}}}" if "_" in symbol else symbol
    return f"{symbol}_{{{step}}} = " + (value if value == traced.text else f"{traced.text} = {value}")


def _used_gradient_equations(run: Run, record: StepRecord, step: int, name: str, is_substituted: bool) -> Any:
    """Return the equations of the gradient passed to the rule, from the gradient of the loss.

    is_substituted: whether it was put in place, so that it has no formula.
    """
    equations = np.empty(record.before[name].shape, dtype=object)
    write_setting = run.write if run.arithmetic.simplifies else setting_formula
    bounds, factor, own = run.clipping, _clip_factor(run, record), run.of(name)
    for index in np.ndindex(equations.shape):
        text = run.write(record.gradient[name][index])
        if bounds.value is not None:
            bound = write_setting(bounds.value).text
            text = Formula(rf"\min\left(\max\left({text.text}, -{bound}\right), {bound}\right)")
        if factor is not None:
            text = Formula(rf"{text.at(PRODUCT)} \cdot {factor}", PRODUCT)
        if own.maximize:
            text = Formula(f"-{text.at(PRODUCT)}", PRODUCT)
        if own.decay is not None and own.decays_gradient:
            decay, parameter = write_setting(own.decay), run.write(record.before[name][index])
            text = Formula(f"{text.text} + {decay.at(PRODUCT)} \\cdot {parameter.at(PRODUCT)}", SUM)
        value = run.write(record.used_gradient[name][index]).text
        text = Formula(value) if is_substituted else text
        equations[index] = f"g_{{{step}}} = {text.text}" + ("" if value == text.text else f" = {value}")
    return equations.tolist() if equations.shape else equations[()]


def _clip_factor(run: Run, record: StepRecord) -> str | None:
    """Return the factor by which clipping the norm multiplies all gradients."""
    bounds = run.clipping
    if bounds.norm is None:
        return None
    write_setting = run.write if run.arithmetic.simplifies else setting_formula
    before = clip_gradients(run.arithmetic, record.gradient, replace(bounds, norm=None))
    norm = run.write(global_norm(run.arithmetic, before)[()]).text
    divisor = norm if bounds.epsilon is None else f"{norm} + {write_setting(bounds.epsilon).at(PRODUCT)}"
    return rf"\min\left(1, \frac{{{write_setting(bounds.norm).text}}}{{{divisor}}}\right)"
