"""What can be said of an optimizer's convergence where its loss is quadratic."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sympy

from compute.arithmetic.exact.readable import readable
from compute.optimizers.applying import applied, boxed
from compute.optimizers.declaration import State
from compute.optimizers.hessians import hessian_of
from compute.optimizers.objective import Parameters, ProgramObjective
from compute.optimizers.trace import Run
from compute.readings.closed_forms import map_entries
from compute.solving.iterations import iteration
from compute.solving.quadratics import Convergence, Move, convergence
from compute.solving.solutions import Unsolved

LATE = 40  # a step that rules are long underway at
MOST_ENTRIES = 6  # of all parameters together, whose second derivatives are looked at


def convergence_of(course: Run, start: Parameters) -> tuple[Convergence | None, str | None]:
    """What can be said of convergence with the learning rate of the first step, or why nothing can."""
    objective = course.objective
    if not isinstance(objective, ProgramObjective) or course.clipping:
        return None, "convergence is told of a program's loss, without bounds on its gradients"
    if sum(one.size for one in start.values()) > MOST_ENTRIES:
        return None, f"convergence is told of at most {MOST_ENTRIES} entries of parameters"
    arithmetic: Any = course.arithmetic
    fresh = {name: arithmetic.placeholders(name, one.shape) for name, one in start.items()}
    places = [one for array in fresh.values() for one in array.reshape(-1).tolist()]
    gradient = objective.at(fresh, 1).gradient.values()
    slopes = [sympy.expand(one) for array in gradient for one in array.flat]
    second = map_entries(hessian_of(objective)(fresh, 1), lambda one: readable(sympy.expand(one)))
    matrix = sympy.Matrix(second.tolist())
    straight = all(one.is_polynomial(*places) for one in slopes)
    if not straight or {*places} & matrix.free_symbols or matrix.has(sympy.nan):
        return None, "the loss is not quadratic in the parameters"
    origin = dict.fromkeys(places, sympy.S.Zero)
    level = sympy.Matrix([one.xreplace(origin) for one in slopes])
    if matrix.row_join(level).rank() > matrix.rank():
        return None, "the loss has no least value: along a direction it falls for ever"
    rate, momentum = course.rate(1), course.settings.get("momentum")
    try:
        early, late = (iteration(step_of(course, step)(rate, momentum), places[0]) for step in (2, LATE))
        if sympy.expand(early.matrix - late.matrix) != sympy.zeros(*early.matrix.shape):
            return None, "a step of this rule depends on how many were made before"
        return convergence(matrix, step_of(course, 2), rate, momentum), None
    except Unsolved as reason:
        return None, str(reason)


def step_of(course: Run, step: int) -> Callable[[Any, Any], Move]:
    """For a learning rate and a momentum: the step of this number, from 2 on, on a parabola."""

    def make(rate: Any, momentum: Any) -> Move:
        settings = course.settings if momentum is None else {**course.settings, "momentum": momentum}
        chosen = replace(course, settings=settings)

        def move(x: Any, buffers: dict[str, Any], curvature: Any) -> tuple[Any, dict[str, Any]]:
            ahead = momentum * buffers.get("velocity", 0) if chosen.optimizer.looks_ahead else 0
            gradient = curvature * (x + ahead)
            second = curvature
            if chosen.decay is not None and chosen.decay_form == "coupled":
                gradient, second = gradient + chosen.decay * x, curvature + chosen.decay
            state = State(
                chosen.arithmetic,
                chosen.number,
                step=step,
                learning_rate=rate,
                parameter=boxed(x),
                gradient=boxed(gradient),
                buffers={name: boxed(one) for name, one in buffers.items()},
                hessian=lambda: boxed(second).reshape(1, 1),
            )
            update, after = applied(chosen, state)
            return x + update[0], {name: one[0] for name, one in after.items() if one.ndim == 1}

        return move

    return make
