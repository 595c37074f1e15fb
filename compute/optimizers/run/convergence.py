"""Convergence of an optimizer whose loss is quadratic."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sympy

from compute.arithmetic.exact.readable import readable
from compute.optimizers.rules.declaration import State
from compute.optimizers.run.applying import box, compute_update
from compute.optimizers.run.hessians import hessian_of
from compute.optimizers.run.objective import Parameters, ProgramObjective
from compute.optimizers.run.trace import Run
from compute.readings.closed_forms import map_entries
from compute.solving.iterations import linearize
from compute.solving.quadratics import Convergence, StepFunction, analyse_quadratic
from compute.solving.solutions import Unsolved

LATE_STEP = 40  # compared with step 2 to see whether steps depend on their number
MAX_ENTRIES = 6  # of all parameters together


def analyse_convergence(run: Run, start: Parameters) -> tuple[Convergence | None, str | None]:
    """Return the convergence with the learning rate of the first step, or the reason why it is not known."""
    objective = run.objective
    if not isinstance(objective, ProgramObjective) or run.clipping:
        return None, "convergence is analysed for a program's loss without bounds on its gradients"
    if run.groups:
        return None, "convergence is analysed for one group of parameters"
    if run.maximize:
        return None, "convergence is analysed for a loss that is minimized"
    if sum(parameter.size for parameter in start.values()) > MAX_ENTRIES:
        return None, f"convergence is analysed for at most {MAX_ENTRIES} entries of parameters"
    arithmetic: Any = run.arithmetic
    symbols = {name: arithmetic.placeholders(name, array.shape) for name, array in start.items()}
    variables = [symbol for array in symbols.values() for symbol in array.reshape(-1).tolist()]
    gradient = objective.at(symbols, 1).gradient.values()
    slopes = [sympy.expand(slope) for array in gradient for slope in array.flat]
    second_derivatives = map_entries(
        hessian_of(objective)(symbols, 1), lambda entry: readable(sympy.expand(entry))
    )
    matrix = sympy.Matrix(second_derivatives.tolist())
    is_polynomial = all(slope.is_polynomial(*variables) for slope in slopes)
    if not is_polynomial or {*variables} & matrix.free_symbols or matrix.has(sympy.nan):
        return None, "the loss is not quadratic in the parameters"
    origin = dict.fromkeys(variables, sympy.S.Zero)
    constant_terms = sympy.Matrix([slope.xreplace(origin) for slope in slopes])
    if matrix.row_join(constant_terms).rank() > matrix.rank():
        return None, "the loss has no least value: along some direction it falls without bound"
    rate, momentum = run.rate(1), run.settings.get("momentum")
    try:
        early, late = (
            linearize(quadratic_step(run, step)(rate, momentum), variables[0]) for step in (2, LATE_STEP)
        )
        if sympy.expand(early.matrix - late.matrix) != sympy.zeros(*early.matrix.shape):
            return None, "a step of this rule depends on the number of steps before it"
        return analyse_quadratic(matrix, quadratic_step(run, 2), rate, momentum), None
    except Unsolved as reason:
        return None, str(reason)


def quadratic_step(run: Run, step: int) -> Callable[[Any, Any], StepFunction]:
    """Return the update with this number, at least 2, on a x^2 / 2 for a learning rate and a momentum."""

    def make(rate: Any, momentum: Any) -> StepFunction:
        settings = run.settings if momentum is None else {**run.settings, "momentum": momentum}
        variant = replace(run, settings=settings)

        def step_function(x: Any, buffers: dict[str, Any], curvature: Any) -> tuple[Any, dict[str, Any]]:
            lookahead = momentum * buffers.get("velocity", 0) if variant.optimizer.looks_ahead else 0
            gradient = curvature * (x + lookahead)
            second_derivative = curvature
            if variant.decay is not None and variant.decay_form == "coupled":
                gradient, second_derivative = gradient + variant.decay * x, curvature + variant.decay
            state = State(
                variant.arithmetic,
                variant.number,
                step=step,
                learning_rate=rate,
                parameter=box(x),
                gradient=box(gradient),
                buffers={name: box(buffer) for name, buffer in buffers.items()},
                hessian=lambda: box(second_derivative).reshape(1, 1),
            )
            update, buffers_after = compute_update(variant, state)
            return x + update[0], {
                name: buffer[0] for name, buffer in buffers_after.items() if buffer.ndim == 1
            }

        return step_function

    return make
