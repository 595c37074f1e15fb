"""A run with numbers substituted for its symbols."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import sympy

from compute.arithmetic.exact.algebra import symbols_in
from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Arithmetic
from compute.optimizers.run.config import Constants
from compute.optimizers.run.gradients import Clipping
from compute.optimizers.run.hessians import hessian_of
from compute.optimizers.run.objective import Parameters, ProgramObjective
from compute.optimizers.run.trace import Run
from compute.optimizers.run.traced_numbers import float_formula
from compute.readings.closed_forms import map_entries

Values: TypeAlias = Mapping[Any, Any]
"""Numbers by symbol."""


def substitute_exactly(run: Run, start: Parameters, values: Values) -> tuple[Run, Parameters]:
    """Return run and start with exact numbers substituted."""

    def substitute(number: Any) -> Any:
        return number.xreplace(values) if isinstance(number, sympy.Basic) else number

    objective = _substitute_objective(run, start, substitute, run.arithmetic)
    hessian = hessian_of(objective) if run.optimizer.updates_jointly else None
    return replace(_substitute_run(run, substitute), objective=objective, hessian=hessian), objective.start


class FloatSubstitution:
    """A run in floats, for several values of its symbols. Parts without symbols are converted once."""

    def __init__(self, run: Run, start: Parameters) -> None:
        self._run, self._start = run, start
        self._objective: ProgramObjective | None = None
        self._known: dict[Any, Any] = {}

    def at(self, values: Values) -> tuple[Run, Parameters]:
        """Return run and start in floats. Raises TypeError if other symbols are free."""

        def to_float(number: Any) -> Any:
            if not isinstance(number, sympy.Basic):
                return number
            if number not in self._known:
                exact = number.xreplace(values)
                value = np.float64(float(exact if exact.is_Float else sympy.N(exact, 30)))
                if number.free_symbols:
                    return value
                self._known[number] = value
            return self._known[number]

        run, objective = self._run, self._objective or self._build_objective(to_float)
        arithmetic = objective.arithmetic
        return replace(
            _substitute_run(run, to_float),
            objective=objective,
            arithmetic=arithmetic,
            number=Constants(arithmetic).convert,
            write=float_formula,
            to_float=float,
            hessian=hessian_of(objective) if run.optimizer.updates_jointly else None,
        ), {name: arithmetic.whole(map_entries(array, to_float)) for name, array in self._start.items()}

    def _build_objective(self, to_float: Callable[[Any], Any]) -> ProgramObjective:
        """Build the objective; it is reused if its data hold no symbols."""
        objective = _substitute_objective(self._run, self._start, to_float, FLOAT64)
        data = self._run.objective.data
        if not symbols_in(data.values()):
            self._objective = objective
        return objective


def _substitute_run(run: Run, convert: Callable[[Any], Any]) -> Run:
    """Return a run with its numbers converted."""
    clipping = run.clipping
    bounds = (clipping.value, clipping.norm, clipping.epsilon)
    average = run.average
    return replace(
        run,
        groups={name: _substitute_run(own, convert) for name, own in run.groups.items()},
        average=None if average is None else replace(average, decay=convert(average.decay)),
        initial=run.initial.convert(lambda array: map_entries(array, convert)),
        rate=lambda step: convert(run.rate(step)),
        settings={name: convert(value) for name, value in run.settings.items()},
        decay=None if run.decay is None else convert(run.decay),
        clipping=Clipping(*(None if bound is None else convert(bound) for bound in bounds)),
    )


def _substitute_objective(
    run: Run, start: Parameters, convert: Callable[[Any], Any], arithmetic: Arithmetic
) -> ProgramObjective:
    """Return a run's objective with its numbers converted."""
    objective = run.objective
    assert isinstance(objective, ProgramObjective)  # solving needs a program
    parameters, data = (
        {
            name: array if array.dtype != object else arithmetic.whole(map_entries(array, convert))
            for name, array in arrays.items()
        }
        for arrays in (start, objective.data)
    )
    return ProgramObjective(objective.program, objective.name, parameters, data, arithmetic)
