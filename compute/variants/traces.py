"""Optimizer traces as templates of variants: the values of all steps, and bounds on their course."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise

import numpy as np

from compute.arithmetic.namespace import Array
from compute.grading.traces import TraceComputation
from compute.graph.graph import Graph
from compute.optimizers.run.objective import ProgramObjective
from compute.optimizers.run.places import Place
from compute.variants.constraints import Constraint, Kind, short_names
from compute.variants.steps import Table, has_ties, is_saturated

MOVED = 1e-12  # relative to the parameter: what rounding of floats may leave of no update


def trace_values(computation: TraceComputation) -> Iterator[tuple[str, Array]]:
    """Yield the values of every step, by their paths."""
    for place, value in _places(computation):
        yield place.path, np.asarray(value, dtype=np.float64)


def _places(computation: TraceComputation) -> Iterator[tuple[Place, Array]]:
    steps, _ = computation.whole
    for step in steps:
        number, record = step.number, step.record
        parts: dict[str, Mapping[str, Array]] = {"parameters": step.parameters}
        if step.loss is not None:
            yield Place(number, "loss"), step.loss
        if record is not None:
            rates = record.learning_rate
            for name, rate in (rates if isinstance(rates, dict) else {"": rates}).items():
                yield Place(number, "learning_rate", name), np.asarray(rate)
            parts |= {"gradient": record.gradient, "update": record.update}
            if computation.run.changes_gradient:
                parts["used_gradient"] = record.used_gradient
            if record.average is not None:
                parts["average"] = record.average
            if record.batch_loss is not None:
                yield Place(number, "batch.loss"), record.batch_loss
            for owner, buffers in step.state.items():
                for buffer, value in buffers.items():
                    yield Place(number, "state", owner, buffer), value
        for part, arrays in parts.items():
            yield from ((Place(number, part, name), array) for name, array in arrays.items())


def _constrain_moves(template: TraceComputation) -> Iterator[Constraint]:
    """Yield the constraint that every entry moves at every step, if it does in the template."""
    moved = _find_moved(template)

    def check(computation: TraceComputation, _: Mapping[str, Array]) -> bool:
        found = _find_moved(computation)
        return all(place in found and bool((found[place] | ~moves).all()) for place, moves in moved.items())

    yield Constraint("moves", check)


def _find_moved(computation: TraceComputation) -> dict[Place, Array]:
    """Return which entries of each gradient, update and parameter are not 0, or have moved."""
    found: dict[Place, Array] = {}
    steps, _ = computation.whole
    for before, step in pairwise(steps):
        assert step.record is not None  # all steps but the start have one
        for name, gradient in step.record.gradient.items():
            size = np.abs(before.parameters[name])
            moved = np.abs(step.parameters[name] - before.parameters[name]) > MOVED * size
            found[Place(step.number, "gradient", name)] = np.not_equal(gradient, 0)
            found[Place(step.number, "parameters", name)] = np.asarray(moved)
    return found


def _constrain_course(template: TraceComputation) -> Iterator[Constraint]:
    """Yield the constraint that the loss falls, diverges or arrives only as in the template."""
    course = _course(template)
    yield Constraint("difficulty:course", lambda computation, _: _course(computation) == course)


def _course(computation: TraceComputation) -> tuple[bool, bool, bool]:
    _, summary = computation.whole
    falls = summary.monotone is not False
    return falls, summary.diverging_from is not None, summary.converged_at is not None


def _at_any_step(test: Callable[[Graph, Table], bool], computation: TraceComputation) -> bool:
    """Return whether a test holds for the program's values on all data, at the parameters of any step."""
    objective = computation.run.objective
    if not isinstance(objective, ProgramObjective):
        return False
    steps, _ = computation.whole
    tables = (objective.values(step.parameters) for step in steps)
    graph = objective.graph
    return any(test(graph, {index: np.asarray(array) for index, array in table.items()}) for table in tables)


TRACES = Kind(
    values=trace_values,
    friendly_names=lambda template: short_names(template, trace_values),
    has_ties=partial(_at_any_step, has_ties),
    is_saturated=partial(_at_any_step, is_saturated),
    further=_constrain_moves,
    like_template=_constrain_course,
)
