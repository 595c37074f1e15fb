"""The course of an optimizer with numbers in the place of symbols."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import sympy

from compute.arithmetic.exact.algebra import symbols_in
from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Arithmetic
from compute.optimizers.course import Constants
from compute.optimizers.gradients import Clipping
from compute.optimizers.hessians import hessian_of
from compute.optimizers.objective import Parameters, ProgramObjective
from compute.optimizers.trace import Run
from compute.optimizers.written import float_formula
from compute.readings.closed_forms import map_entries

Values: TypeAlias = Mapping[Any, Any]
"""Numbers by symbol."""


def exactly(course: Run, start: Parameters, values: Values) -> tuple[Run, Parameters]:
    """Run and start in exact numbers."""

    def put(one: Any) -> Any:
        return one.xreplace(values) if isinstance(one, sympy.Basic) else one

    objective = _objective(course, start, put, course.arithmetic)
    hessian = hessian_of(objective) if course.optimizer.takes_all else None
    return replace(_put(course, put), objective=objective, hessian=hessian), objective.start


class FloatSubstitution:
    """A course on floats, for several values of its symbols. What does not depend on them is found once."""

    def __init__(self, course: Run, start: Parameters) -> None:
        self._course, self._start = course, start
        self._objective: ProgramObjective | None = None
        self._known: dict[Any, Any] = {}

    def at(self, values: Values) -> tuple[Run, Parameters]:
        """Run and start. Raises TypeError where other symbols are free."""

        def near(one: Any) -> Any:
            if not isinstance(one, sympy.Basic):
                return one
            if one not in self._known:
                put = one.xreplace(values)
                found = np.float64(float(put if put.is_Float else sympy.N(put, 30)))
                if one.free_symbols:
                    return found
                self._known[one] = found
            return self._known[one]

        course, objective = self._course, self._objective or self._planned(near)
        arithmetic = objective.arithmetic
        return replace(
            _put(course, near),
            objective=objective,
            arithmetic=arithmetic,
            number=Constants(arithmetic).plain,
            write=float_formula,
            measure=float,
            hessian=hessian_of(objective) if course.optimizer.takes_all else None,
        ), {name: arithmetic.whole(map_entries(one, near)) for name, one in self._start.items()}

    def _planned(self, near: Callable[[Any], Any]) -> ProgramObjective:
        """The objective, which is kept where its data hold no symbols."""
        objective = _objective(self._course, self._start, near, FLOAT64)
        data = self._course.objective.data
        if not symbols_in(data.values()):
            self._objective = objective
        return objective


def _put(course: Run, change: Callable[[Any], Any]) -> Run:
    """A course with its numbers changed."""
    clipping = course.clipping
    bounds = (clipping.value, clipping.norm, clipping.epsilon)
    return replace(
        course,
        rate=lambda step: change(course.rate(step)),
        settings={name: change(one) for name, one in course.settings.items()},
        decay=None if course.decay is None else change(course.decay),
        clipping=Clipping(*(None if one is None else change(one) for one in bounds)),
    )


def _objective(
    course: Run, start: Parameters, change: Callable[[Any], Any], arithmetic: Arithmetic
) -> ProgramObjective:
    """A course's objective with its numbers changed."""
    objective = course.objective
    assert isinstance(objective, ProgramObjective)  # it is solved for what a program leads to
    parameters, data = (
        {
            name: one if one.dtype != object else arithmetic.whole(map_entries(one, change))
            for name, one in arrays.items()
        }
        for arrays in (start, objective.data)
    )
    return ProgramObjective(objective.program, objective.name, parameters, data, arithmetic)
