"""Which hyperparameters or start values bring an optimizer to a target, and when it converges on a
quadratic.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact.algebra import symbols_in
from compute.arithmetic.exact.bounds import beyond, size
from compute.arithmetic.exact.zero import shown_zero
from compute.errors import QuestionErrors, at, unknown_name
from compute.optimizers.objective import Parameters
from compute.optimizers.parabolas import convergence_of
from compute.optimizers.questions import PreparedTrace, TraceQuestion, check_shape, prepare_trace
from compute.optimizers.substitution import FloatSubstitution, Values, exactly
from compute.optimizers.trace import Run, TraceStep, follow
from compute.solving.case_split import MAX_SIZE
from compute.solving.equations import Found, Solution, solve, solve_in_floats
from compute.solving.quadratics import Convergence

MOST_TRACED = 12  # solutions that are followed step by step
SCANNED = 200  # steps up to which roots are sought by traces in floats, thousands of them
SCANNED_FIRST = 10  # steps beyond which roots in floats are sought before a trace in symbols
IN_TIME = "exact solutions were not found in time"
TOO_LONG = "the trace in symbols grows too long"
CLOSE = 1e-9  # how near a trace in floats has to come to its target, of the largest number on its way


@dataclass(frozen=True)
class Equation:
    """What has to hold: an entry of a parameter after the last step, and where it is to be."""

    parameter: str
    at: tuple[int, ...]
    expression: Any
    target: Any


@dataclass(frozen=True)
class Verified:
    """A solution with the trace that it makes.

    arrives: whether the trace ends at the target: None where symbols leave it open or it was not followed;
    exactly: whether that was found in exact numbers; remarks: values that rules are not made for.
    """

    solution: Solution
    steps: tuple[TraceStep, ...]
    arrives: bool | None
    exactly: bool
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Solved:
    """The answer to a question of this kind. why: the reason why there is no statement about convergence."""

    equations: tuple[Equation, ...]
    found: Found | None
    solutions: tuple[Verified, ...]
    convergence: Convergence | None
    why: str | None


NOTHING = Solved((), None, (), None, None)


@dataclass(frozen=True)
class AskedSolution:
    """What is asked: a trace with symbols in it, which of them to solve for, and where parameters should
    be.
    """

    trace: TraceQuestion
    unknown: tuple[str, ...]
    target: Parameters


class Solving:
    """A question of this kind, prepared. Raises QuestionErrors for what is wrong with it."""

    def __init__(self, asked: AskedSolution) -> None:
        self.asked = asked
        steps = asked.trace.steps or 1  # without a target no step is made
        self.prepared: PreparedTrace = prepare_trace(replace(asked.trace, steps=steps))
        _check(asked)
        self.course, self.start = self.prepared.trace.course, self.prepared.trace.start
        arithmetic: Any = self.course.arithmetic
        self.symbols = {name: arithmetic.symbols.symbol(name) for name in asked.unknown}

    def answer(self, offer: Callable[[Solved], None]) -> Solved:
        """All that is asked. offer: called with what is known before what may take too long."""
        late = "it was not found in time"
        solved = self._solved(lambda near: offer(replace(near, why=late))) if self.asked.unknown else NOTHING
        offer(replace(solved, why=late))
        found, why = self._convergence()
        return replace(solved, convergence=found, why=why)

    def _solved(self, offer: Callable[[Solved], None]) -> Solved:
        """The solutions."""

        def made(solved: Found, equations: tuple[Equation, ...] = ()) -> Solved:
            verified = self._verified(solved)
            if any(one.arrives is False for one in verified):
                solved = replace(solved, complete=False)
            return Solved(equations, solved, verified, None, None)

        if (
            SCANNED_FIRST < self.prepared.trace.steps <= SCANNED
            and (near := self._scanned(IN_TIME)) is not None
        ):
            offer(made(near))
        try:
            equations = self._equations()
        except QuestionErrors as error:
            near = self._scanned(TOO_LONG)
            if near is None:
                message = f"{TOO_LONG}; send fewer steps, or numbers in the place of symbols"
                raise at(("steps",), message, "fewer steps", f"{self.prepared.trace.steps} steps") from error
            return made(near)
        missing = [one.expression - one.target for one in equations]
        solved = solve(missing, [*self.symbols.values()], lambda near: offer(made(near, equations)))
        if not (solved.complete or solved.solutions or solved.families):
            _, _, reason = solved.how.rstrip(".").partition(": ")
            solved = self._scanned(reason) or solved
        return made(solved, equations)

    def _convergence(self) -> tuple[Convergence | None, str | None]:
        if self.asked.trace.chosen.is_scheduled:
            return None, "convergence is told of a learning rate that stays"
        return convergence_of(self.course, self.start)

    def _equations(self) -> tuple[Equation, ...]:
        """What the last step leads to in symbols, beside the target."""
        last: Parameters = {}
        for step in follow(self.course, self.start, self.prepared.trace.steps, closing=False):
            last = step.parameters
            if sum(size(one) for array in last.values() for one in array.flat) > MAX_SIZE:
                raise beyond("grew too large", f"at most {MAX_SIZE} operations")  # it could not be solved
        return tuple(
            Equation(name, place, last[name][place], worth) for name, place, worth in self._targets()
        )

    def _targets(self) -> Iterator[tuple[str, tuple[int, ...], Any]]:
        for name, target in self.asked.target.items():
            for place, worth in np.ndenumerate(target):
                yield name, place, worth

    def _end(self, course: Run, start: Parameters) -> Parameters:
        [last] = deque(follow(course, start, self.prepared.trace.steps, closing=False), maxlen=1)
        return last.parameters

    def _scanned(self, reason: str) -> Found | None:
        """Roots in floats, by traces in floats; None where more than one symbol is free."""
        if len(self.symbols) > 1 or self.prepared.trace.steps > SCANNED:
            return None
        [symbol] = self.symbols.values()
        floats = FloatSubstitution(self.course, self.start)

        def sides(x: float) -> list[float]:
            values = {symbol: sympy.Float(x)}
            with np.errstate(all="ignore"):
                end = self._end(*floats.at(values))
            targets = self._targets()
            return [float(end[one][place]) - float(worth.xreplace(values)) for one, place, worth in targets]

        try:
            return solve_in_floats(sides, symbol, reason)
        except TypeError:  # other symbols are free
            return None

    def _verified(self, found: Found) -> tuple[Verified, ...]:
        return tuple(
            self._followed(one) if number < MOST_TRACED else Verified(one, (), None, False, ())
            for number, one in enumerate(found.solutions)
        )

    def _followed(self, solution: Solution) -> Verified:
        """A solution's own trace: in exact numbers where these stay short, or else in floats."""
        values = {self.symbols[name]: worth for name, worth in solution.values.items()}
        remarks = self._remarks(values)
        steps = self.prepared.trace.steps
        short = solution.exact and not any(one.has(sympy.CRootOf) for one in values.values())
        try:
            if short:
                course, start = exactly(self.course, self.start, values)
                made = tuple(follow(course, start, steps))
                end = made[-1].parameters
                arrives = all(
                    shown_zero(end[name][place] - worth.xreplace(values))
                    for name, place, worth in self._targets()
                )
                if arrives:
                    return Verified(solution, made, True, True, remarks)
        except QuestionErrors:  # exact numbers grew too long on the way
            pass
        try:
            course, start = FloatSubstitution(self.course, self.start).at(values)
        except TypeError:  # other symbols are free
            return Verified(solution, (), None, False, remarks)
        with np.errstate(all="ignore"):
            made = tuple(follow(course, start, steps))
        return Verified(solution, made, self._arrives(made, values), False, remarks)

    def _arrives(self, steps: tuple[TraceStep, ...], values: Values) -> bool:
        """Whether the end of a trace in floats is as near to its target as rounding on its way allows."""
        largest = max(float(np.max(np.abs(one))) for step in steps for one in step.parameters.values())
        end = steps[-1].parameters
        return all(
            abs(float(end[name][place]) - float(worth.xreplace(values))) <= CLOSE * max(largest, 1e-300)
            for name, place, worth in self._targets()
        )

    def _remarks(self, values: Values) -> tuple[str, ...]:
        """Values beyond the bounds that rules are made for."""
        found = []
        for name, one in self.course.optimizer.settings.items():
            worth, declared = self.course.settings[name], one.declared
            if not isinstance(worth, sympy.Basic):
                continue
            worth = worth.xreplace(values)
            if declared.least is not None and sympy.Lt(worth, declared.least) is sympy.true:
                found.append(f"{name} is below {declared.least:g}, which the rule is not made for")
            if declared.below is not None and sympy.Ge(worth, declared.below) is sympy.true:
                found.append(f"{name} is not below {declared.below:g}, which the rule is not made for")
        if sympy.Lt(self.course.rate(1).xreplace(values), 0) is sympy.true:
            found.append("the learning rate is below 0: steps go uphill")
        return tuple(found)


def _check(asked: AskedSolution) -> None:
    """Refuse unknowns that are nowhere, and targets that are no parameters."""
    trace = asked.trace
    if asked.target and trace.steps is None:
        raise at(("steps",), "is required with a target", "how many steps", "nothing")
    if bool(asked.unknown) != bool(asked.target):
        field = "unknown" if asked.target else "target"
        raise at((field,), "unknown and target need each other", "both, or neither", f"no {field}")
    if trace.steps is not None and not asked.target:
        raise at(("steps",), "has no meaning without a target", "a target too", "steps alone")
    used = (
        symbols_in([*trace.start.values(), *trace.data.values(), *asked.target.values()])
        | trace.chosen.symbols()
    )
    for number, name in enumerate(asked.unknown):
        if name not in used or name in asked.unknown[:number]:
            known = f"one of: {', '.join(sorted(used))}" if used else "a symbol in the optimizer or start"
            message = "is named twice" if name in used else "is no symbol of the question"
            received = f"{name} again" if name in used else f"an unknown name of {len(name)} characters"
            raise at(("unknown", number), message, known, received)
    for name, target in asked.target.items():
        if name not in trace.start:
            error = unknown_name(("target", name), "parameter under start", name, trace.start)
            raise QuestionErrors([error])
        check_shape(("target", name), target, trace.start[name])
