"""POST /v1/optimizer/solve: which hyperparameters or start values bring an optimizer to a target."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from compute.arithmetic import kinds
from compute.errors import Path
from compute.optimizers.questions import TraceQuestion
from compute.optimizers.surface import entry_name
from compute.question.limits import Limits, check_limits
from service.optimizers.reading import chosen_optimizer
from service.optimizers.schemas import solve_request
from service.questions.operations import EXACT_WORK, ExactWanted, decoded, exact, is_data
from service.questions.validation import validate

NAME = "optimizer/solve"


@dataclass(frozen=True, slots=True)
class SolutionJob:
    """A question understood: what is to be solved. It is answered in a process that does exact work."""

    solving: Any

    @property
    def work(self) -> int:
        """Predicted elementary operations of the trace in symbols; what solving takes is not known before."""
        found: int = self.solving.prepared.predicted.work
        return found

    def answer(self) -> bytes:
        """The answer as the body of a response. What is known in floats is offered before."""
        return self._body(self.solving.answer(lambda near: EXACT_WORK.offer(self._body(near))))

    def _body(self, solved: Any) -> bytes:
        prepared, chosen = self.solving.prepared, self.solving.asked.trace.chosen
        body: dict[str, Any] = {
            "operation": NAME,
            "conventions": prepared.conventions,
            "formulas": chosen.equations(),
        }
        if solved.found is not None:
            body |= _solutions(solved)
        body["convergence"] = _convergence(solved)
        return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def understand_solution(document: dict[str, Any], limits: Limits) -> SolutionJob:
    """The question that a document asks. Raises QuestionErrors for all that is wrong with it."""
    request = validate(solve_request(), document)
    fields = request.__dict__
    chosen = chosen_optimizer(fields["optimizer"])
    if not EXACT_WORK.is_done_here:
        raise ExactWanted
    groups: dict[Path, Any] = {(name,): fields[name] for name in ("start", "inputs", "target")}
    start, data, target = decoded(groups, request, is_data, arithmetic=kinds.EXACT)
    trace = TraceQuestion(
        chosen=chosen,
        start=start,
        arithmetic=kinds.get_arithmetic(kinds.EXACT, fields["assumptions"]),
        program=tuple(fields["program"] or ()),
        loss=fields["loss"],
        data=data,
        steps=fields["steps"],
    )
    solutions, entries = exact("solutions"), exact("entries")
    solving = solutions.Solving(solutions.AskedSolution(trace, tuple(fields["unknown"]), target))
    check_limits(solving.prepared.predicted, limits, "fewer steps", fewer=lambda: "fewer steps")
    if fields["assumptions"]:
        arrays = [*start.values(), *data.values(), *target.values()]
        entries.check_assumptions(fields["assumptions"], entries.symbols_in(arrays) | chosen.symbols())
    return SolutionJob(solving)


def _solutions(solved: Any) -> dict[str, Any]:
    found, written = solved.found, exact("answers")
    return {
        "equations": [
            {
                "parameter": entry_name((one.parameter, one.at)),
                "expression": written.as_text(one.expression),
                "target": written.as_text(one.target),
            }
            for one in solved.equations
        ],
        "kind": found.kind,
        "complete": found.complete,
        "how": found.how,
        "solutions": [_solution(one) for one in solved.solutions],
        "families": [{"relations": _texts(one.relations), "free": list(one.free)} for one in found.families],
        "factored": _texts(found.factored),
    }


def _solution(verified: Any) -> dict[str, Any]:
    solution, written = verified.solution, exact("answers")
    values = dict(solution.values)
    return {
        "values": {name: written.as_text(one) for name, one in values.items()},
        "approximations": {name: written.approximated(one) for name, one in values.items()},
        "latex": {name: written.as_latex(one) for name, one in values.items()},
        "exact": solution.exact,
        "multiplicity": solution.multiplicity,
        "conditions": _texts(solution.conditions),
        "arrives": verified.arrives,
        "verified": None if verified.arrives is None else "exactly" if verified.exactly else "in floats",
        "remarks": list(verified.remarks),
        "trace": [_step(one) for one in verified.steps],
    }


def _step(step: Any) -> dict[str, Any]:
    written = exact("answers")

    def shown(one: Any) -> Any:
        return written.as_text(one) if one.dtype == object else one.tolist()

    parameters = {name: shown(one) for name, one in step.parameters.items()}
    return {
        "step": step.number,
        "parameters": parameters,
        "loss": None if step.loss is None else shown(step.loss),
    }


def _convergence(solved: Any) -> dict[str, Any]:
    found, written = solved.convergence, exact("answers")
    if found is None:
        return {"known": False, "why": solved.why}

    def matrix(one: Any) -> Any:
        return written.as_text(one.tolist())

    return {
        "known": True,
        "iteration": {
            "state": list(found.names),
            "matrix": matrix(found.general),
            "curvature": str(found.curvature),
            "polynomial": written.as_text(found.polynomial),
            "conditions": _texts(found.general_conditions),
        },
        "directions": [_direction(one) for one in found.directions],
        "exact": found.exact,
        "conditions": _texts(found.conditions),
        "learning_rate_range": _text(found.for_rate),
        "converges": found.converges,
        "contraction_factor": _text(found.factor),
        **{
            name: _best(one)
            for name, one in (("best", found.best), ("best_together", found.best_together))
            if one is not None
        },
        "why": found.why,
        "notes": list(found.notes),
    }


def _direction(one: Any) -> dict[str, Any]:
    return {
        "eigenvalue": _text(one.eigenvalue),
        "multiplicity": one.multiplicity,
        "conditions": _texts(one.conditions),
        "learning_rate_range": _text(one.for_rate),
        "converges": one.converges,
        "contraction_factor": _text(one.factor),
        "moves": not one.still,
        "note": one.note,
    }


def _best(one: Any) -> dict[str, Any]:
    return {
        "learning_rate": _text(one.rate),
        "momentum": _text(one.momentum),
        "contraction_factor": _text(one.factor),
        "source": one.source,
    }


def _text(one: Any) -> Any:
    return None if one is None else exact("answers").as_text(one)


def _texts(ones: Iterable[Any]) -> list[Any]:
    return [_text(one) for one in ones]
