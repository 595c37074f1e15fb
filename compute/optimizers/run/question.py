"""A question about an optimizer: checked, and prepared as a trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Arithmetic, Array
from compute.errors import Path, QuestionError, QuestionErrors, at, describe, unknown_name
from compute.optimizers.rules.declaration import OPTIMIZERS
from compute.optimizers.run.config import OptimizerConfig, build_run
from compute.optimizers.run.formulas import MAX_ENTRIES
from compute.optimizers.run.initial_state import InitialState
from compute.optimizers.run.objective import (
    Batches,
    Objective,
    Parameters,
    ProgramObjective,
    RecordedGradients,
)
from compute.optimizers.run.places import Place
from compute.optimizers.run.reading import Stop, Trace
from compute.optimizers.run.state_checks import check_state
from compute.optimizers.run.surface import Entry, entry_name, parse_entry, surface_entries
from compute.optimizers.run.trace import Run
from compute.optimizers.run.trace_names import TraceNames
from compute.programs.language import parse_program
from compute.question.limits import Limits

STEP_WORK = 10_000  # operations of a step besides the objective and the rule
RULE_WORK = 8_000  # of a rule for one parameter, and as much again for each buffer
ENTRY_WORK = 10  # of a rule for one entry, and as much again for each buffer
EXACT_STEP_WORK = 1_000  # the time of exact steps is bounded elsewhere
SHOWN_WORK = 8_000  # of returning one part of one parameter
FORMULA_WORK = 40_000  # of writing one formula
EXACT_FORMULA_WORK = 500
FORMULA_SIZE = 10  # of one formula in the answer, in numbers
MAX_BATCH_SIZES = 50  # distinct sizes, each of which is planned


@dataclass(frozen=True)
class SurfaceRequest:
    """A requested surface. points: along each axis; over: two entries by name; ranges: by entry."""

    points: int = 41
    over: Sequence[str] | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class TraceQuestion:
    """A question for a trace, of a program's loss or of given gradients.

    start: the initial parameters.
    initial: the state that the first step starts from.
    substitute, given: values, by name, that stand in the places of those that would be computed.
    data: the program's other inputs.
    loss: name of the program's scalar; the last line's by default.
    gradients: one set per step, instead of a program.
    steps: number of steps to make; as many as there are gradients by default.
    every: show every so many steps.
    shown: the parts of each step to show.
    """

    optimizer: OptimizerConfig
    start: Parameters
    arithmetic: Arithmetic
    program: tuple[str, ...] = ()
    loss: str | None = None
    data: Parameters = field(default_factory=dict)
    gradients: Sequence[Parameters] | None = None
    steps: int | None = None
    every: int = 1
    stop: Stop = field(default_factory=Stop)
    batches: Batches | None = None
    surface: SurfaceRequest | None = None
    shown: frozenset[str] = frozenset()
    substitute: Parameters = field(default_factory=dict)
    given: Parameters = field(default_factory=dict)
    initial: InitialState = field(default_factory=InitialState)


@dataclass(frozen=True)
class PreparedTrace:
    """A trace that can be run.

    predicted: the work and size of the answer.
    step_work: the part of the work that is done in all steps, whether or not they are shown.
    surface_entries: the entries along the axes of the surface.
    objective: the objective that the surface is computed from.
    """

    trace: Trace
    optimizer: OptimizerConfig
    predicted: Limits
    step_work: int
    conventions: dict[str, Any]
    surface_entries: list[Entry] = field(default_factory=list)
    objective: ProgramObjective | None = None


def prepare_trace(question: TraceQuestion) -> PreparedTrace:
    """Check a question and return its trace. Raises QuestionErrors."""
    if bool(question.program) == (question.gradients is not None):
        received = "both" if question.program else "neither"
        message = "a trace needs either a program or gradients"
        raise at((), message, "program or gradients, one of them", received)
    if not question.start:
        raise at(("start",), "has no parameter", "at least one parameter", "an empty object")
    objective = build_objective(question)
    steps = _count_steps(question, objective)
    start = objective.start if isinstance(objective, ProgramObjective) else question.start
    _check_groups(question.optimizer, start)
    run = build_run(question.optimizer, objective, question.initial)
    _check_losses(run, steps)
    names = TraceNames(run, start, steps)
    check_state(names, question.initial, objective.arithmetic)
    run = replace(run, initial=_in_numbers(question.initial, objective.arithmetic))
    conventions = question.optimizer.conventions()
    if isinstance(objective, ProgramObjective):
        ahead = OPTIMIZERS[question.optimizer.name].looks_ahead
        conventions |= {
            "loss": objective.name,
            "loss_at": "the parameters after each step",
            "gradient_at": "a momentum's step of the velocity ahead"
            if ahead
            else "the parameters before each step",
        }
    entries: list[Entry] = []
    surface_objective: ProgramObjective | None = None
    if question.surface is not None:
        surface_objective = _surface_objective(question, objective)
        entries = surface_entries(question.surface.over, question.start)
        _check_ranges(question.surface, entries)
    substituted = read_substituted(names, {"substitute": question.substitute, "given": question.given})
    trace = Trace(run, start, steps, question.every, question.stop, substituted)
    return PreparedTrace(
        trace=trace,
        optimizer=question.optimizer,
        predicted=_predict_limits(question, objective, steps),
        step_work=steps * _predict_step(question, objective),
        conventions=conventions,
        surface_entries=entries,
        objective=surface_objective,
    )


def _check_groups(optimizer: OptimizerConfig, start: Parameters) -> None:
    """Raise QuestionErrors unless groups name parameters, each in one group alone."""
    seen: dict[str, int] = {}
    for index, group in enumerate(optimizer.groups):
        path: Path = ("optimizer", "groups", index, "parameters")
        if not group.parameters:
            raise at(path, "is empty", "at least one parameter", "an empty list")
        for place, name in enumerate(group.parameters):
            if name not in start:
                raise QuestionErrors([unknown_name((*path, place), "parameter under start", name, start)])
            if name in seen:
                other = "this group" if seen[name] == index else f"group {seen[name]}"
                raise at((*path, place), f"is in {other} already", "each parameter once", "a parameter twice")
            seen[name] = index


def _check_losses(run: Run, steps: int) -> None:
    """Raise QuestionErrors unless a schedule that depends on losses has one for each step."""
    if run.plateau is None:
        return
    path: Path = ("optimizer", "schedule", "losses")
    if run.plateau.losses is None:
        if not isinstance(run.objective, ProgramObjective):
            raise at(path, "is required with gradients", "the loss after each step", "nothing")
    elif len(run.plateau.losses) < steps:
        raise at(path, "are fewer than steps", f"{steps}, one after each step", f"{len(run.plateau.losses)}")


def _in_numbers(state: InitialState, arithmetic: Arithmetic) -> InitialState:
    """Return a state in the numbers of a trace."""
    return state if arithmetic.simplifies else state.convert(arithmetic.whole)


def read_substituted(names: TraceNames, fields: Mapping[str, Parameters]) -> dict[Place, Any]:
    """Return tensors by their places, in the numbers of a trace. Raises QuestionErrors.

    fields: tensors by name, by the field of the question.
    """
    substituted: dict[Place, Any] = {}
    errors: list[QuestionError] = []
    sent = [
        ((field_, name), tensor) for field_, tensors in fields.items() for name, tensor in tensors.items()
    ]
    for path, tensor in sent:
        name = path[1]
        place = names.find(name)
        if place is None:
            errors.append(names.unknown(path, name))
        elif place in substituted:
            errors.append(QuestionError(path, "is given twice", f"{place.path} once", "another name of it"))
        elif tensor.shape != names.shape(place):
            expected, received = (f"shape {[*shape]}" for shape in (names.shape(place), tensor.shape))
            message = "does not have the shape of the value that it replaces"
            errors.append(QuestionError(path, message, expected, received))
        else:
            substituted[place] = names.number(place, tensor)
    if errors:
        raise QuestionErrors(errors)
    return substituted


def build_objective(question: TraceQuestion) -> Objective:
    """Build the objective of a question. Raises QuestionErrors if names and shapes do not fit."""
    if question.gradients is not None:
        _check_gradients(question)
        return RecordedGradients(question.gradients, question.arithmetic, question.initial.step)
    for name in question.data:
        if name in question.start:
            raise at(("inputs", name), "is a parameter under start already", "data", "a parameter")
    if question.batches is not None:
        _check_batches(question.batches, question.data)
    try:
        name = parse_program(question.program)[0][-1].name if question.loss is None else question.loss
        return ProgramObjective(
            question.program, name, question.start, question.data, question.arithmetic, question.batches
        )
    except QuestionError as error:
        raise QuestionErrors([error]) from None
    except QuestionErrors as errors:
        raise QuestionErrors(
            [_repoint_error(error, question) for error in errors.errors], errors.total
        ) from None


def _repoint_error(error: QuestionError, question: TraceQuestion) -> QuestionError:
    """Re-point an error about an input of the program at the field of the question: start or inputs."""
    field_, *rest = error.path or ("",)
    if field_ == "parameters":  # a parameter that the program does not use
        name = [*question.start][int(rest[0])]
        expected = error.expected if error.expected.startswith("one of: ") else "a program with parameters"
        message = f"the program does not use {name}"
        return QuestionError(("start", name), message, expected, error.received)
    if field_ != "inputs" or not rest:
        return error
    if rest[0] in question.start:
        expected = error.expected.partition(";")[0]  # the rest names fields of another request
        return QuestionError(("start", *rest), error.message, expected, error.received)
    if rest[0] in question.data:
        return error
    message = f"{rest[0]} has no value: it is neither under start nor under inputs"
    return QuestionError(("start", *rest), message, "a tensor here, or under inputs for data", "nothing")


def _count_steps(question: TraceQuestion, objective: Objective) -> int:
    steps = question.steps
    if objective.steps is None:
        if steps is None:
            raise at(("steps",), "is required", "how many steps", "nothing")
        return steps
    if steps is not None and steps > objective.steps:
        raise at(("steps",), "is more than there are gradients", f"at most {objective.steps}", f"{steps}")
    return objective.steps if steps is None else steps


def _check_gradients(question: TraceQuestion) -> None:
    """Raise QuestionErrors unless every step has a gradient of each parameter, of its shape."""
    assert question.gradients is not None
    unused: dict[Path, Any] = {
        ("loss",): question.loss, ("batches",): question.batches, ("surface",): question.surface,
        ("stop_when", "loss"): question.stop.loss,
    }  # fmt: skip
    for path, value in unused.items():
        if value is not None:
            raise at(path, "needs a program, not gradients", "nothing", describe(value))
    if question.data:
        received = f"{len(question.data)} inputs" if len(question.data) > 1 else "1 input"
        raise at(("inputs",), "need a program, not gradients", "nothing", received)
    if not question.gradients:
        raise at(("gradients",), "is empty", "gradients for at least one step", "an empty list")
    for step, gradient in enumerate(question.gradients):
        for name in {**question.start, **gradient}:
            path = ("gradients", step, name)
            if name not in gradient:
                raise at(path, "is missing", f"the gradient of {name}", "nothing")
            if name not in question.start:
                raise QuestionErrors([unknown_name(path, "parameter under start", name, question.start)])
            check_shape(path, gradient[name], question.start[name])


def check_shape(path: Path, tensor: Array, parameter: Array) -> None:
    """Raise QuestionErrors unless a tensor has the shape of its parameter."""
    if tensor.shape != parameter.shape:
        expected, received = (f"shape {list(array.shape)}" for array in (parameter, tensor))
        raise at(path, "does not have its parameter's shape", expected, received)


def _check_batches(batches: Batches, data: Parameters) -> None:
    """Raise QuestionErrors unless the rows of all batches exist."""
    for index, name in enumerate(batches.inputs):
        if name not in data:
            path: Path = ("batches", "inputs", index)
            raise QuestionErrors([unknown_name(path, "data under inputs", name, data)])
        if not data[name].shape:
            raise at(("batches", "inputs", index), "has no rows", "data with rows", "shape []")
    if not batches.inputs or not batches.rows:
        raise at(("batches",), "has no inputs or no rows", "inputs and rows", "an empty list")
    row_count = min(len(data[name]) for name in batches.inputs)
    for number, rows in enumerate(batches.rows):
        if not rows:
            raise at(("batches", "rows", number), "is empty", "at least one row", "an empty list")
        for index, row in enumerate(rows):
            if not 0 <= row < row_count:
                path = ("batches", "rows", number, index)
                raise at(path, "is not a row of the data", f"0 to {row_count - 1}", f"{row}")
    sizes = len({len(rows) for rows in batches.rows})
    if sizes > MAX_BATCH_SIZES:
        expected = f"at most {MAX_BATCH_SIZES} sizes"
        raise at(("batches", "rows"), "have too many different sizes", expected, f"{sizes} sizes")


def _surface_objective(question: TraceQuestion, objective: Objective) -> ProgramObjective:
    """Return the objective in floats. Raises QuestionErrors if symbols are free."""
    assert isinstance(objective, ProgramObjective)  # gradients have no surface
    if not question.arithmetic.simplifies:
        return objective
    if symbols := question.optimizer.symbols():
        received = f"{len(symbols)} free symbol{'s' if len(symbols) > 1 else ''}"
        raise at(("surface",), "is computed in floats", "no free symbols in the optimizer", received)
    try:
        start, data = (
            {
                name: array.astype(np.float64) if array.dtype == object else array
                for name, array in arrays.items()
            }
            for arrays in (question.start, question.data)
        )
    except TypeError:
        raise at(("surface",), "is computed in floats", "no free symbols in start and inputs",
                     "free symbols") from None  # fmt: skip
    return ProgramObjective(objective.program, objective.name, start, data, FLOAT64)


def _check_ranges(surface: SurfaceRequest, entries: list[Entry]) -> None:
    """Raise QuestionErrors unless ranges are increasing and belong to the entries of the surface."""
    known = [entry_name(entry) for entry in entries]
    for name, (low, high) in surface.ranges.items():
        path: Path = ("surface", "ranges", name)
        if entry_name(parse_entry(name)) not in known:
            raise QuestionErrors([unknown_name(path, "entry that the surface runs over", name, known)])
        if not low < high:
            raise at(
                path, "is not an increasing range", "two numbers, the smaller first", f"{low:g} and {high:g}"
            )


def _predict_step(question: TraceQuestion, objective: Objective) -> int:
    """Predict the work of one step."""
    optimizer = OPTIMIZERS[question.optimizer.name]
    entries = sum(parameter.size for parameter in question.start.values())
    exact, buffers = question.arithmetic.simplifies, 1 + _count_buffers(question)
    step = objective.work + (EXACT_STEP_WORK if exact else STEP_WORK)
    if not exact:
        step += buffers * (RULE_WORK * len(question.start) + ENTRY_WORK * entries)
    if optimizer.updates_jointly:  # a row of the Hessian for each entry, and a system of equations
        row = objective.hessian_row_work + (EXACT_STEP_WORK if exact else STEP_WORK)
        step += row * entries + entries**3
    return step


def _count_buffers(question: TraceQuestion) -> int:
    """Return the number of buffers of each parameter."""
    return len(OPTIMIZERS[question.optimizer.name].buffers) + (question.optimizer.ema_decay is not None)


def _predict_limits(question: TraceQuestion, objective: Objective, steps: int) -> Limits:
    """Predict the work and size of a trace. Only steps that are shown are kept."""
    optimizer = OPTIMIZERS[question.optimizer.name]
    entries = sum(parameter.size for parameter in question.start.values())
    exact, step = question.arithmetic.simplifies, _predict_step(question, objective)
    hessian_entries = entries**2 if optimizer.updates_jointly else 0
    buffers, averages = _count_buffers(question), int(question.optimizer.ema_decay is not None)
    lines = buffers + averages + 2
    written_entries = sum(array.size for array in question.start.values() if array.size <= MAX_ENTRIES)
    rows = 0 if question.batches is None else max(map(len, question.batches.rows))
    parts = {
        "parameters": entries, "loss": 1, "learning_rate": 1, "gradient": entries, "used_gradient": entries,
        "state": entries * buffers + hessian_entries, "update": entries, "batch": rows + 1,
        "average": averages * entries,
        "formula": FORMULA_SIZE * lines * written_entries,
    }  # fmt: skip
    shown = 1 + sum(size for name, size in parts.items() if name in question.shown)
    returned = steps // question.every + 3
    line = EXACT_FORMULA_WORK if exact else FORMULA_WORK
    arrays = len(question.start) * (
        len(parts.keys() & question.shown) + buffers * ("state" in question.shown)
    )
    shown_work = 0 if exact else returned * (STEP_WORK + SHOWN_WORK * arrays)
    formula_work = returned * written_entries * lines * line if "formula" in question.shown else 0
    grid = 0 if question.surface is None else question.surface.points**2
    batched = 0
    if question.batches is not None:
        rows = sum(map(len, question.batches.rows))
        batched = sum(rows * prod(question.data[name].shape[1:]) for name in question.batches.inputs)
    return Limits(
        work=steps * step + formula_work + shown_work + grid * (objective.work + STEP_WORK // 4),
        entries=objective.entries + 10 * entries + hessian_entries + batched,
        answer=returned * shown + grid,
    )
