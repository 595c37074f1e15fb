"""Solving for hyperparameters or start values that reach a target, and convergence on a quadratic."""

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
from compute.optimizers.run.config import needs_losses
from compute.optimizers.run.convergence import analyse_convergence
from compute.optimizers.run.objective import Parameters
from compute.optimizers.run.question import PreparedTrace, TraceQuestion, check_shape, prepare_trace
from compute.optimizers.run.substitution import FloatSubstitution, Values, substitute_exactly
from compute.optimizers.run.trace import Run, TraceStep, follow
from compute.solving.case_split import MAX_SIZE
from compute.solving.equations import Solution, SolutionSet, solve, solve_in_floats
from compute.solving.quadratics import Convergence

MAX_TRACED = 12  # solutions that are verified step by step
MAX_SCAN_STEPS = 200  # steps up to which roots are scanned for, by thousands of traces in floats
SCAN_FIRST_STEPS = 10  # steps beyond which the scan precedes the trace in symbols
IN_TIME = "exact solutions were not found in time"
TOO_LONG = "the trace in symbols grows too long"
TOLERANCE = 1e-9  # of the distance of a trace in floats to its target, relative to its largest number


@dataclass(frozen=True)
class Equation:
    """An equation to be solved: an entry of a parameter after the last step equals its target."""

    parameter: str
    at: tuple[int, ...]
    expression: Any
    target: Any


@dataclass(frozen=True)
class VerifiedSolution:
    """A solution with its trace.

    arrives: whether the trace ends at the target; None if symbols leave it undecided or it was not followed.
    is_exact: whether this was decided in exact numbers.
    remarks: values outside the range of the rule.
    """

    solution: Solution
    steps: tuple[TraceStep, ...]
    arrives: bool | None
    is_exact: bool
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class SolutionAnswer:
    """The answer to a solution question. why: why convergence is not known."""

    equations: tuple[Equation, ...]
    solution_set: SolutionSet | None
    solutions: tuple[VerifiedSolution, ...]
    convergence: Convergence | None
    why: str | None


EMPTY_ANSWER = SolutionAnswer((), None, (), None, None)


@dataclass(frozen=True)
class SolutionQuestion:
    """A trace with free symbols, those to solve for, and the target of the parameters."""

    trace: TraceQuestion
    unknown: tuple[str, ...]
    target: Parameters


class Solver:
    """A prepared solution question. Raises QuestionErrors if the question is invalid."""

    def __init__(self, question: SolutionQuestion) -> None:
        self.question = question
        steps = question.trace.steps or 1  # without a target no step is made, but a trace needs some
        self.prepared: PreparedTrace = prepare_trace(replace(question.trace, steps=steps))
        _check(question)
        self.run, self.start = self.prepared.trace.run, self.prepared.trace.start
        arithmetic: Any = self.run.arithmetic
        self.symbols = {name: arithmetic.symbols.symbol(name) for name in question.unknown}

    def answer(self, offer: Callable[[SolutionAnswer], None]) -> SolutionAnswer:
        """Answer the question. offer: called with preliminary answers before long computations."""
        why_late = "it was not found in time"
        answer = (
            self._solve(lambda preliminary: offer(replace(preliminary, why=why_late)))
            if self.question.unknown
            else EMPTY_ANSWER
        )
        offer(replace(answer, why=why_late))
        convergence, why = self._convergence()
        return replace(answer, convergence=convergence, why=why)

    def _solve(self, offer: Callable[[SolutionAnswer], None]) -> SolutionAnswer:
        """Return the solutions."""

        def verify(solutions: SolutionSet, equations: tuple[Equation, ...] = ()) -> SolutionAnswer:
            verified = self._verify_all(solutions)
            if any(solution.arrives is False for solution in verified):
                solutions = replace(solutions, complete=False)
            return SolutionAnswer(equations, solutions, verified, None, None)

        if SCAN_FIRST_STEPS < self.prepared.trace.steps <= MAX_SCAN_STEPS:
            scanned = self._scan(IN_TIME)
            if scanned is not None:
                offer(verify(scanned))
        try:
            equations = self._equations()
        except QuestionErrors as error:
            scanned = self._scan(TOO_LONG)
            if scanned is None:
                message = f"{TOO_LONG}; send fewer steps, or numbers in the place of symbols"
                raise at(("steps",), message, "fewer steps", f"{self.prepared.trace.steps} steps") from error
            return verify(scanned)
        differences = [equation.expression - equation.target for equation in equations]
        symbols = [*self.symbols.values()]
        result = solve(differences, symbols, lambda preliminary: offer(verify(preliminary, equations)))
        if not (result.complete or result.solutions or result.families):
            _, _, reason = result.how.rstrip(".").partition(": ")
            result = self._scan(reason) or result
        return verify(result, equations)

    def _convergence(self) -> tuple[Convergence | None, str | None]:
        if self.question.trace.optimizer.is_scheduled:
            return None, "convergence is analysed for a constant learning rate"
        return analyse_convergence(self.run, self.start)

    def _equations(self) -> tuple[Equation, ...]:
        """Return the equations between the parameters after the last step, in symbols, and the target."""
        last: Parameters = {}
        for step in follow(self.run, self.start, self.prepared.trace.steps, closing=False):
            last = step.parameters
            if sum(size(entry) for array in last.values() for entry in array.flat) > MAX_SIZE:
                raise beyond("grew too large", f"at most {MAX_SIZE} operations")  # too large to solve
        return tuple(
            Equation(name, index, last[name][index], target) for name, index, target in self._targets()
        )

    def _targets(self) -> Iterator[tuple[str, tuple[int, ...], Any]]:
        for name, target in self.question.target.items():
            for index, value in np.ndenumerate(target):
                yield name, index, value

    def _final_parameters(self, run: Run, start: Parameters) -> Parameters:
        [last] = deque(follow(run, start, self.prepared.trace.steps, closing=False), maxlen=1)
        return last.parameters

    def _scan(self, reason: str) -> SolutionSet | None:
        """Find roots in floats, by traces in floats; None if more than one symbol is free."""
        if len(self.symbols) > 1 or self.prepared.trace.steps > MAX_SCAN_STEPS:
            return None
        [symbol] = self.symbols.values()
        floats = FloatSubstitution(self.run, self.start)

        def sides(x: float) -> list[float]:
            values = {symbol: sympy.Float(x)}
            with np.errstate(all="ignore"):
                end = self._final_parameters(*floats.at(values))
            targets = self._targets()
            return [
                float(end[name][index]) - float(target.xreplace(values)) for name, index, target in targets
            ]

        try:
            return solve_in_floats(sides, symbol, reason)
        except TypeError:  # other symbols are free
            return None

    def _verify_all(self, solutions: SolutionSet) -> tuple[VerifiedSolution, ...]:
        return tuple(
            self._verify(solution) if number < MAX_TRACED else VerifiedSolution(solution, (), None, False, ())
            for number, solution in enumerate(solutions.solutions)
        )

    def _verify(self, solution: Solution) -> VerifiedSolution:
        """Follow a solution's own trace: in exact numbers while these stay short, else in floats."""
        values = {self.symbols[name]: value for name, value in solution.values.items()}
        remarks = self._remarks(values)
        steps = self.prepared.trace.steps
        try_exact = solution.exact and not any(value.has(sympy.CRootOf) for value in values.values())
        try:
            if try_exact:
                run, start = substitute_exactly(self.run, self.start, values)
                steps_made = tuple(follow(run, start, steps))
                end = steps_made[-1].parameters
                arrives = all(
                    shown_zero(end[name][index] - target.xreplace(values))
                    for name, index, target in self._targets()
                )
                if arrives:
                    return VerifiedSolution(solution, steps_made, True, True, remarks)
        except QuestionErrors:  # exact numbers grew too long
            pass
        try:
            run, start = FloatSubstitution(self.run, self.start).at(values)
        except TypeError:  # other symbols are free
            return VerifiedSolution(solution, (), None, False, remarks)
        with np.errstate(all="ignore"):
            steps_made = tuple(follow(run, start, steps))
        return VerifiedSolution(
            solution, steps_made, self._reaches_target(steps_made, values), False, remarks
        )

    def _reaches_target(self, steps: tuple[TraceStep, ...], values: Values) -> bool:
        """Return whether a trace in floats ends at its target, up to rounding."""
        largest = max(float(np.max(np.abs(array))) for step in steps for array in step.parameters.values())
        end = steps[-1].parameters
        return all(
            abs(float(end[name][index]) - float(target.xreplace(values))) <= TOLERANCE * max(largest, 1e-300)
            for name, index, target in self._targets()
        )

    def _remarks(self, values: Values) -> tuple[str, ...]:
        """Return remarks on values outside the range of the rule."""
        remarks = []
        for name, field in self.run.optimizer.settings.items():
            value, declared = self.run.settings[name], field.declared
            if not isinstance(value, sympy.Basic):
                continue
            value = value.xreplace(values)
            if declared.least is not None and sympy.Lt(value, declared.least) is sympy.true:
                remarks.append(f"{name} is below {declared.least:g}, outside the rule's range")
            if declared.below is not None and sympy.Ge(value, declared.below) is sympy.true:
                remarks.append(f"{name} is not below {declared.below:g}, outside the rule's range")
        first = self.run.initial.step + 1
        if sympy.Lt(self.run.rate(first).xreplace(values), 0) is sympy.true:
            remarks.append("the learning rate is negative: steps go uphill")
        return tuple(remarks)


def _check(question: SolutionQuestion) -> None:
    """Raise QuestionErrors for unknowns that do not occur and targets that are not parameters."""
    trace = question.trace
    if question.target and trace.steps is None:
        raise at(("steps",), "is required with a target", "how many steps", "nothing")
    if bool(question.unknown) != bool(question.target):
        field = "unknown" if question.target else "target"
        raise at((field,), "unknown and target are required together", "both, or neither", f"no {field}")
    if trace.steps is not None and not question.target:
        raise at(("steps",), "has no meaning without a target", "a target too", "steps alone")
    if trace.optimizer.schedule is not None and needs_losses(trace.optimizer.schedule):
        message = "depends on losses, so that no equation follows from it"
        raise at(("optimizer", "schedule"), message, "a schedule of steps", "a schedule of losses")
    buffers = [array for one in trace.initial.buffers.values() for array in one.values()]
    used = (
        symbols_in([*trace.start.values(), *trace.data.values(), *buffers, *question.target.values()])
        | trace.optimizer.symbols()
    )
    for number, name in enumerate(question.unknown):
        if name not in used or name in question.unknown[:number]:
            known = f"one of: {', '.join(sorted(used))}" if used else "a symbol in the optimizer or start"
            message = "is named twice" if name in used else "is not a symbol of the question"
            received = f"{name} again" if name in used else f"an unknown name of {len(name)} characters"
            raise at(("unknown", number), message, known, received)
    for name, target in question.target.items():
        if name not in trace.start:
            error = unknown_name(("target", name), "parameter under start", name, trace.start)
            raise QuestionErrors([error])
        check_shape(("target", name), target, trace.start[name])
