"""A question about an optimizer: what is minimized from where, checked and made into a trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Arithmetic, Array
from compute.errors import Path, QuestionError, QuestionErrors, at, describe, unknown_name
from compute.optimizers.course import OptimizerConfig, course_of
from compute.optimizers.declaration import OPTIMIZERS
from compute.optimizers.formulas import MOST
from compute.optimizers.objective import Batches, Objective, Parameters, ProgramObjective, RecordedGradients
from compute.optimizers.reading import Stop, Trace
from compute.optimizers.surface import Place, entry_name, place_of, places_of
from compute.programs.language import parse_program
from compute.question.limits import Limits

STEP_WORK = 10_000  # operations that a step takes beside the objective's and those for its parameters
RULE_WORK = 8_000  # of an update rule for one parameter, and as much again for each of its buffers
ENTRY_WORK = 10  # for one entry of a parameter, and as much again for each buffer
EXACT_STEP_WORK = 1_000  # there the time that they take is bounded in another way
SHOWN_WORK = 8_000  # of showing one part of one parameter
FORMULA_WORK = 40_000  # operations that writing one takes
EXACT_FORMULA_WORK = 500
FORMULA = 10  # numbers that take the room of one formula
BATCH_SIZES = 50  # different ones, each of which is planned


@dataclass(frozen=True)
class SurfaceRequest:
    """A surface that is asked for. points: along each axis; over: two entries by name; ranges: by entry."""

    points: int = 41
    over: Sequence[str] | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class TraceQuestion:
    """A trace that is asked for: of a program's loss, or of gradients that are handed in.

    start: the parameters; data: the program's other inputs; loss: the name of its scalar, the last line's if
    it is not said; steps: how many, or as many as there are gradients; every: which of them are shown; shown:
    which parts of each.
    """

    chosen: OptimizerConfig
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
    drawn: SurfaceRequest | None = None
    shown: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PreparedTrace:
    """A trace that can be run. predicted: what it will take; places: the entries that a surface runs over,
    and the objective that it is computed from.
    """

    trace: Trace
    predicted: Limits
    conventions: dict[str, Any]
    places: list[Place] = field(default_factory=list)
    objective: ProgramObjective | None = None


def prepare_trace(asked: TraceQuestion) -> PreparedTrace:
    """The trace that is asked for. Raises QuestionErrors for what is wrong with it."""
    if bool(asked.program) == (asked.gradients is not None):
        received = "both" if asked.program else "neither"
        message = "a trace is of a program's loss, or of gradients that are handed in"
        raise at((), message, "program or gradients, one of them", received)
    if not asked.start:
        raise at(("start",), "names no parameter", "at least one parameter", "an empty object")
    objective = objective_of(asked)
    steps = _steps(asked, objective)
    course = course_of(asked.chosen, objective)
    start = objective.start if isinstance(objective, ProgramObjective) else asked.start
    conventions = asked.chosen.conventions()
    if isinstance(objective, ProgramObjective):
        ahead = OPTIMIZERS[asked.chosen.name].looks_ahead
        conventions |= {
            "loss": objective.name,
            "loss_at": "the parameters after each step",
            "gradient_at": "a momentum's step of the velocity ahead"
            if ahead
            else "the parameters before each step",
        }
    places: list[Place] = []
    drawn: ProgramObjective | None = None
    if asked.drawn is not None:
        drawn = _drawn_objective(asked, objective)
        places = places_of(asked.drawn.over, asked.start)
        _check_ranges(asked.drawn, places)
    trace = Trace(course, start, steps, asked.every, asked.stop)
    return PreparedTrace(trace, _predicted(asked, objective, steps), conventions, places, drawn)


def objective_of(asked: TraceQuestion) -> Objective:
    """What is minimized. Raises QuestionErrors where names and shapes do not fit."""
    if asked.gradients is not None:
        _check_handed(asked)
        return RecordedGradients(asked.gradients, asked.arithmetic)
    for name in asked.data:
        if name in asked.start:
            raise at(("inputs", name), "is a parameter under start already", "data", "a parameter")
    if asked.batches is not None:
        _check_batches(asked.batches, asked.data)
    try:
        name = parse_program(asked.program)[0][-1].name if asked.loss is None else asked.loss
        return ProgramObjective(asked.program, name, asked.start, asked.data, asked.arithmetic, asked.batches)
    except QuestionError as error:
        raise QuestionErrors([error]) from None
    except QuestionErrors as errors:
        raise QuestionErrors([_replaced(error, asked) for error in errors.errors], errors.total) from None


def _replaced(error: QuestionError, asked: TraceQuestion) -> QuestionError:
    """A fault of an input of the program, where the question has it: most are parameters under start."""
    field_, *rest = error.path or ("",)
    if field_ == "parameters":  # a parameter that the program does not use
        name = [*asked.start][int(rest[0])]
        expected = error.expected if error.expected.startswith("one of: ") else "a program with parameters"
        message = f"the program does not use {name}"
        return QuestionError(("start", name), message, expected, error.received)
    if field_ != "inputs" or not rest:
        return error
    if rest[0] in asked.start:
        expected = error.expected.partition(";")[0]  # what follows speaks of fields that there are not here
        return QuestionError(("start", *rest), error.message, expected, error.received)
    if rest[0] in asked.data:
        return error
    message = f"{rest[0]} has no value: it is neither a parameter nor data"
    return QuestionError(("start", *rest), message, "a tensor here, or under inputs for data", "nothing")


def _steps(asked: TraceQuestion, objective: Objective) -> int:
    steps = asked.steps
    if objective.steps is None:
        if steps is None:
            raise at(("steps",), "is required", "how many steps", "nothing")
        return steps
    if steps is not None and steps > objective.steps:
        raise at(("steps",), "is more than there are gradients", f"at most {objective.steps}", f"{steps}")
    return objective.steps if steps is None else steps


def _check_handed(asked: TraceQuestion) -> None:
    """Refuse gradients that are not of every parameter, or not of its shape."""
    assert asked.gradients is not None
    unused: dict[Path, Any] = {
        ("loss",): asked.loss, ("batches",): asked.batches, ("surface",): asked.drawn,
        ("stop_when", "loss"): asked.stop.loss,
    }  # fmt: skip
    for path, said in unused.items():
        if said is not None:
            raise at(path, "needs a program, and gradients were handed in", "nothing", describe(said))
    if asked.data:
        raise at(("inputs",), "are of a program, and gradients were handed in", "nothing", "data")
    if not asked.gradients:
        raise at(("gradients",), "holds none", "gradients for at least one step", "an empty list")
    for step, gradient in enumerate(asked.gradients):
        for name in {**asked.start, **gradient}:
            path = ("gradients", step, name)
            if name not in gradient:
                raise at(path, "is missing", f"the gradient of {name}", "nothing")
            if name not in asked.start:
                raise QuestionErrors([unknown_name(path, "parameter under start", name, asked.start)])
            check_shape(path, gradient[name], asked.start[name])


def check_shape(path: Path, tensor: Array, parameter: Array) -> None:
    """Refuse what is to be of a parameter's shape and is not."""
    if tensor.shape != parameter.shape:
        wanted, came = (f"shape {list(one.shape)}" for one in (parameter, tensor))
        raise at(path, "has not the shape of its parameter", wanted, came)


def _check_batches(batches: Batches, data: Parameters) -> None:
    """Refuse rows that there are not."""
    for place, name in enumerate(batches.inputs):
        if name not in data:
            path: Path = ("batches", "inputs", place)
            raise QuestionErrors([unknown_name(path, "data under inputs", name, data)])
        if not data[name].shape:
            raise at(("batches", "inputs", place), "is a number", "data with rows", "a number")
    if not batches.inputs or not batches.rows:
        raise at(("batches",), "sees nothing", "inputs and rows", "an empty list")
    longest = min(len(data[name]) for name in batches.inputs)
    for number, rows in enumerate(batches.rows):
        if not rows:
            raise at(("batches", "rows", number), "is empty", "at least one row", "an empty list")
        for place, row in enumerate(rows):
            if not 0 <= row < longest:
                path = ("batches", "rows", number, place)
                raise at(path, "is no row of the data", f"0 to {longest - 1}", f"{row}")
    sizes = len({len(rows) for rows in batches.rows})
    if sizes > BATCH_SIZES:
        expected = f"at most {BATCH_SIZES} sizes"
        raise at(("batches", "rows"), "are of too many sizes", expected, f"{sizes} sizes")


def _drawn_objective(asked: TraceQuestion, objective: Objective) -> ProgramObjective:
    """The objective in floats. Raises QuestionErrors where symbols are free."""
    assert isinstance(objective, ProgramObjective)  # gradients that are handed in have no surface
    if not asked.arithmetic.simplifies:
        return objective
    if asked.chosen.symbols():
        raise at(("surface",), "is drawn in floats", "no free symbols in the optimizer", "free symbols")
    try:
        start, data = (
            {name: one if one.dtype != object else one.astype(np.float64) for name, one in arrays.items()}
            for arrays in (asked.start, asked.data)
        )
    except TypeError:
        raise at(("surface",), "is drawn in floats", "no free symbols in start and inputs",
                     "free symbols") from None  # fmt: skip
    return ProgramObjective(objective.program, objective.name, start, data, FLOAT64)


def _check_ranges(drawn: SurfaceRequest, places: list[Place]) -> None:
    """Refuse ranges of what a surface does not run over, and those that are none."""
    known = [entry_name(one) for one in places]
    for name, (low, high) in drawn.ranges.items():
        path: Path = ("surface", "ranges", name)
        if entry_name(place_of(name)) not in known:
            raise QuestionErrors([unknown_name(path, "entry that the surface runs over", name, known)])
        if not low < high:
            raise at(path, "is no range", "two numbers, the smaller one first", f"{low:g} and {high:g}")


def _predicted(asked: TraceQuestion, objective: Objective, steps: int) -> Limits:
    """What a trace will take. Of its steps only those that are shown are kept."""
    optimizer = OPTIMIZERS[asked.chosen.name]
    entries = sum(one.size for one in asked.start.values())
    exact, buffers = asked.arithmetic.simplifies, 1 + len(optimizer.buffers)
    step = objective.work + (EXACT_STEP_WORK if exact else STEP_WORK)
    if not exact:
        step += buffers * (RULE_WORK * len(asked.start) + ENTRY_WORK * entries)
    square = 0
    if optimizer.takes_all:  # a row of the Hessian for each entry, and a system of equations
        row = objective.hessian_row_work + (EXACT_STEP_WORK if exact else STEP_WORK)
        step, square = step + row * entries + entries**3, entries**2
    lines = len(optimizer.buffers) + 2
    few = sum(one.size for one in asked.start.values() if one.size <= MOST)
    rows = 0 if asked.batches is None else max(map(len, asked.batches.rows))
    parts = {
        "parameters": entries, "loss": 1, "learning_rate": 1, "gradient": entries, "used_gradient": entries,
        "state": entries * len(optimizer.buffers) + square, "update": entries, "batch": rows + 1,
        "formula": FORMULA * lines * few,
    }  # fmt: skip
    shown = 1 + sum(worth for name, worth in parts.items() if name in asked.shown)
    returned = steps // asked.every + 2
    line = EXACT_FORMULA_WORK if exact else FORMULA_WORK
    arrays = len(asked.start) * (
        len(parts.keys() & asked.shown) + len(optimizer.buffers) * ("state" in asked.shown)
    )
    shown_work = 0 if exact else returned * (STEP_WORK + SHOWN_WORK * arrays)
    written = returned * few * lines * line if "formula" in asked.shown else 0
    grid = 0 if asked.drawn is None else asked.drawn.points**2
    batched = 0
    if asked.batches is not None:
        rows = sum(map(len, asked.batches.rows))
        batched = sum(rows * prod(asked.data[name].shape[1:]) for name in asked.batches.inputs)
    return Limits(
        work=steps * step + written + shown_work + grid * (objective.work + STEP_WORK // 4),
        entries=objective.entries + 10 * entries + square + batched,
        answer=returned * shown + grid,
    )
