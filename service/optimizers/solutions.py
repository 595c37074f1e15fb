"""POST /v1/optimizer/solve: find hyperparameters or start values that reach a target."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compute.arithmetic import kinds
from compute.errors import Path
from compute.optimizers.run.initial_state import InitialState
from compute.optimizers.run.question import TraceQuestion
from compute.optimizers.run.surface import entry_name
from compute.question.limits import Limits, check_limits
from service.jobs import write_body
from service.optimizers.reading import read_optimizer
from service.optimizers.schemas import solve_request
from service.questions.operations import EXACT_WORK, ExactWanted, decode_tensors, import_exact, is_data
from service.questions.validation import validate

NAME = "optimizer/solve"


@dataclass(frozen=True, slots=True)
class SolutionJob:
    """A planned question to solve. Exact workers answer it."""

    solving: Any

    @property
    def work(self) -> int:
        """Predicted elementary operations of the symbolic trace. The work of solving cannot be predicted."""
        work: int = self.solving.prepared.predicted.work
        return work

    def answer(self) -> bytes:
        """Return the body of the response. Offers a provisional body with approximate solutions first."""
        return self._body(self.solving.answer(lambda near: EXACT_WORK.offer(self._body(near))))

    def _body(self, solved: Any) -> bytes:
        prepared, chosen = self.solving.prepared, self.solving.question.trace.optimizer
        body: dict[str, Any] = {
            "operation": NAME,
            "conventions": prepared.conventions,
            "formulas": chosen.equations(),
        }
        if solved.solution_set is not None:
            body |= _solutions(solved)
        body["convergence"] = _convergence(solved)
        return write_body(body)


def understand_solution(document: dict[str, Any], limits: Limits) -> SolutionJob:
    """Return the job of a document. Raises QuestionErrors listing everything wrong with it."""
    request = validate(solve_request(), document)
    fields = request.__dict__
    optimizer = read_optimizer(fields["optimizer"])
    if not EXACT_WORK.is_done_here:
        raise ExactWanted
    groups: dict[Path, Any] = {(name,): fields[name] for name in ("start", "inputs", "target")}
    groups |= {("state", owner): sent for owner, sent in fields["state"].items()}
    start, data, target, *buffers = decode_tensors(groups, request, is_data, arithmetic=kinds.EXACT)
    trace = TraceQuestion(
        optimizer=optimizer,
        start=start,
        arithmetic=kinds.get_arithmetic(kinds.EXACT, fields["assumptions"]),
        program=tuple(fields["program"] or ()),
        loss=fields["loss"],
        data=data,
        steps=fields["steps"],
        initial=InitialState(fields["step"], dict(zip(fields["state"], buffers, strict=True))),
    )
    solutions, entries = import_exact("solutions"), import_exact("entries")
    solving = solutions.Solver(solutions.SolutionQuestion(trace, tuple(fields["unknown"]), target))
    check_limits(solving.prepared.predicted, limits, "fewer steps", fewer=lambda: "fewer steps")
    if fields["assumptions"]:
        arrays = [array for group in (start, data, target, *buffers) for array in group.values()]
        entries.check_assumptions(fields["assumptions"], entries.symbols_in(arrays) | optimizer.symbols())
    return SolutionJob(solving)


def _solutions(solved: Any) -> dict[str, Any]:
    solutions = solved.solution_set
    return {
        "equations": [
            {
                "parameter": entry_name((equation.parameter, equation.at)),
                "expression": _text(equation.expression),
                "target": _text(equation.target),
            }
            for equation in solved.equations
        ],
        "kind": solutions.kind,
        "complete": solutions.complete,
        "how": solutions.how,
        "solutions": [_solution(solution) for solution in solved.solutions],
        "families": [
            {"relations": _texts(family.relations), "free": list(family.free)}
            for family in solutions.families
        ],
        "factored": _texts(solutions.factored),
    }


def _solution(verified: Any) -> dict[str, Any]:
    solution, answers = verified.solution, import_exact("answers")
    values = dict(solution.values)
    return {
        "values": {name: answers.as_text(value) for name, value in values.items()},
        "approximations": {name: answers.approximate(value) for name, value in values.items()},
        "latex": {name: answers.as_latex(value) for name, value in values.items()},
        "exact": solution.exact,
        "multiplicity": solution.multiplicity,
        "conditions": _texts(solution.conditions),
        "arrives": verified.arrives,
        "verified": None if verified.arrives is None else "exactly" if verified.is_exact else "in floats",
        "remarks": list(verified.remarks),
        "trace": [_step(step) for step in verified.steps],
    }


def _step(step: Any) -> dict[str, Any]:
    def write(array: Any) -> Any:
        return _text(array) if array.dtype == object else array.tolist()

    return {
        "step": step.number,
        "parameters": {name: write(array) for name, array in step.parameters.items()},
        "loss": None if step.loss is None else write(step.loss),
    }


def _convergence(solved: Any) -> dict[str, Any]:
    convergence = solved.convergence
    if convergence is None:
        return {"known": False, "why": solved.why}
    return {
        "known": True,
        "iteration": {
            "state": list(convergence.names),
            "matrix": _text(convergence.general.tolist()),
            "curvature": str(convergence.curvature),
            "polynomial": _text(convergence.polynomial),
            "conditions": _texts(convergence.general_conditions),
        },
        "directions": [_direction(direction) for direction in convergence.directions],
        "exact": convergence.exact,
        "conditions": _texts(convergence.conditions),
        "learning_rate_range": _text(convergence.for_rate),
        "converges": convergence.converges,
        "contraction_factor": _text(convergence.factor),
        **{
            name: _best_rate(rate)
            for name, rate in (("best", convergence.best), ("best_together", convergence.best_together))
            if rate is not None
        },
        "why": convergence.why,
        "notes": list(convergence.notes),
    }


def _direction(direction: Any) -> dict[str, Any]:
    return {
        "eigenvalue": _text(direction.eigenvalue),
        "multiplicity": direction.multiplicity,
        "conditions": _texts(direction.conditions),
        "learning_rate_range": _text(direction.for_rate),
        "converges": direction.converges,
        "contraction_factor": _text(direction.factor),
        "moves": not direction.is_stationary,
        "note": direction.note,
    }


def _best_rate(best: Any) -> dict[str, Any]:
    return {
        "learning_rate": _text(best.rate),
        "momentum": _text(best.momentum),
        "contraction_factor": _text(best.factor),
        "source": best.source,
    }


def _text(numbers: Any) -> Any:
    return None if numbers is None else import_exact("answers").as_text(numbers)


def _texts(expressions: Iterable[Any]) -> list[Any]:
    return [_text(expression) for expression in expressions]
