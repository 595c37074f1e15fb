"""POST /v1/optimizer/trace: an optimizer step by step."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from compute.arithmetic import kinds
from compute.arithmetic.floating import FLOAT64
from compute.errors import QuestionErrors, at, describe
from compute.graph.work import WRITTEN
from compute.optimizers.run.config import Constants, OptimizerConfig
from compute.optimizers.run.formulas import step_formulas
from compute.optimizers.run.initial_state import InitialState
from compute.optimizers.run.objective import Batches
from compute.optimizers.run.question import PreparedTrace, SurfaceRequest, TraceQuestion, prepare_trace
from compute.optimizers.run.reading import Stop
from compute.optimizers.run.surface import Extent, compute_surface, entry_name, parse_entry
from compute.optimizers.run.trace import StepRecord, TraceStep
from compute.question.limits import Limits, check_limits
from service.jobs import write_body
from service.optimizers.reading import read_optimizer
from service.optimizers.schemas import trace_request
from service.optimizers.selection import Selection, read_selection, selected_parts
from service.questions.operations import decode_tensors, import_exact, is_data
from service.questions.rendering import note_json
from service.questions.tensors import encode
from service.questions.validation import validate

NAME = "optimizer/trace"
ADVICE = "fewer steps, a larger `every`, or fewer parts in `select`"


@dataclass(frozen=True, slots=True)
class TraceJob:
    """A planned trace, and the encoding of its answer."""

    prepared: PreparedTrace
    question: TraceQuestion
    encoding: str
    selection: Selection
    others: dict[str, PreparedTrace]

    @property
    def predicted(self) -> Limits:
        """The predicted work and size of the answer, with the other optimizers."""
        whole = self.prepared.predicted
        for other in self.others.values():
            part = other.predicted
            entries = max(whole.entries, part.entries)
            whole = Limits(whole.work + part.work, entries, whole.answer + part.answer)
        return whole

    @property
    def work(self) -> int:
        """The predicted number of elementary operations, including those of writing the answer."""
        predicted = self.predicted
        return predicted.work + WRITTEN * predicted.answer

    def answer(self) -> bytes:
        """Return the body of the response."""
        head, *steps, tail = self._parts()
        return b"%b,%b:[%b],%b" % (head[:-1], b'"trace"', b",".join(steps), tail[1:])

    def lines(self, is_abandoned: Callable[[], bool] = lambda: False) -> Iterator[bytes]:
        """Yield the answer line by line, as steps are computed, until `is_abandoned()`."""
        for part in self._parts(is_abandoned):
            yield part + b"\n"

    def _parts(self, is_abandoned: Callable[[], bool] = lambda: False) -> Iterator[bytes]:
        """Yield JSON objects: the head of the answer, each step, and the tail."""
        trace = self.prepared.trace
        head = {
            "operation": NAME,
            "conventions": self.prepared.conventions,
            "formulas": self.question.optimizer.equations(),
        }
        yield write_body(head)
        extent = Extent(self.prepared.surface_entries)
        for step in trace.shown_steps(is_abandoned):
            extent.include(step.parameters)
            yield write_body(self._step(step))
        if trace.summary is not None:  # it was not abandoned
            others = {name: self._other(other, is_abandoned) for name, other in self.others.items()}
            if None not in others.values():
                yield write_body(self._tail(step, extent, others))

    def _step(self, step: TraceStep) -> dict[str, Any]:
        """Return the selected parts of a step as JSON."""
        record, selected = step.record, self.question.shown
        keep = partial(self.selection.keep, step.number)
        parts: dict[str, Any] = {"parameters": step.parameters, "loss": step.loss}
        if record is not None:
            parts |= self._record_parts(step, record)
        parts = {name: part for name, part in parts.items() if name in selected and part is not None}
        parts = {name: kept for name, part in parts.items() if (kept := keep(name, part)) is not None}
        body = {"step": step.number} | {name: self._encode(part) for name, part in parts.items()}
        if record is not None and "formula" in selected:
            trace = self.prepared.trace
            if (formula := keep("formula", step_formulas(trace.run, step, trace.substituted))) is not None:
                body["formula"] = formula
        if self.question.arithmetic.simplifies:
            approximate = import_exact("answers").approximate
            body["approximations"] = {
                name: approximate(parts[name]) for name in ("parameters", "loss") if name in parts
            }
        return body

    def _record_parts(self, step: TraceStep, record: StepRecord) -> dict[str, Any]:
        run = self.prepared.trace.run
        parts: dict[str, Any] = {"learning_rate": record.learning_rate, "gradient": record.gradient}
        if run.changes_gradient:
            parts["used_gradient"] = record.used_gradient
        if any(step.state.values()):
            parts["state"] = {owner: buffers for owner, buffers in step.state.items() if buffers}
        parts["update"] = record.update
        if record.average is not None:
            parts["average"] = record.average
        if record.rows is not None:
            parts["batch"] = {"rows": list(record.rows), "loss": record.batch_loss}
        return parts

    def _encode(self, part: Any) -> Any:
        """Return a part with its arrays encoded, in objects of any depth."""
        if isinstance(part, Mapping):
            return {name: self._encode(child) for name, child in part.items()}
        if isinstance(part, list):
            return part
        if self.question.arithmetic.simplifies:
            return import_exact("answers").as_text(part)
        return encode(np.asarray(part), self.encoding if np.ndim(part) else "nested")

    def _other(self, prepared: PreparedTrace, is_abandoned: Callable[[], bool]) -> dict[str, Any] | None:
        """Return the losses of another optimizer; None if the request was abandoned."""
        steps = list(prepared.trace.shown_steps(is_abandoned))
        summary = prepared.trace.summary
        if summary is None:
            return None
        losses = [step.loss for step in steps]
        body = {
            "conventions": prepared.conventions,
            "steps": [step.number for step in steps],
            "losses": [self._encode(loss) for loss in losses],
            "parameters": self._encode(steps[-1].parameters),
            "stopped_by": summary.stopped_by,
        }
        if self.question.arithmetic.simplifies:
            body["approximations"] = [import_exact("answers").approximate(loss) for loss in losses]
        return body

    def _tail(self, last: TraceStep, extent: Extent, others: dict[str, Any]) -> dict[str, Any]:
        trace, wanted = self.prepared.trace, self.question.surface
        assert trace.summary is not None
        summary = {
            name: encode(np.array(number), "nested") if isinstance(number, float) else number
            for name, number in asdict(trace.summary).items()
        }
        tail: dict[str, Any] = {"summary": summary}
        if others:
            tail["others"] = others
        if wanted is not None and self.prepared.objective is not None:
            dtype = np.float64 if self.question.arithmetic.simplifies else None
            end = {name: np.asarray(array, dtype=dtype) for name, array in last.parameters.items()}
            grid = compute_surface(self.prepared.objective, end, extent, wanted.points, wanted.ranges)
            tail["surface"] = {
                "axes": grid.axes,
                "points": [encode(points, "nested") for points in grid.points],
                "loss": encode(grid.loss, self.encoding),
            }
        return tail | {"notes": [note_json(note) for note in trace.notes]}


def understand_trace(document: dict[str, Any], limits: Limits) -> TraceJob:
    """Return the job of a document. Raises QuestionErrors listing everything wrong with it."""
    request = validate(trace_request(), document)
    fields = request.__dict__
    optimizer = read_optimizer(fields["optimizer"])
    if fields["others"]:
        _check_comparable(fields)
    rivals = {name: read_optimizer(raw, ("others", name)) for name, raw in fields["others"].items()}
    groups: dict[Any, Any] = {("start",): fields["start"], ("inputs",): fields["inputs"]}
    sent_gradients = fields["gradients"]
    groups |= {("gradients", index): tensors for index, tensors in enumerate(sent_gradients or ())}
    groups |= {("substitute",): fields["substitute"], ("given",): fields["given"]}
    groups |= {("state", owner): buffers for owner, buffers in fields["state"].items()}
    start, data, *others = decode_tensors(groups, request, is_data)
    gradients, others = others[: len(sent_gradients or ())], others[len(sent_gradients or ()) :]
    substitute, given, *buffers = others
    question = TraceQuestion(
        optimizer=optimizer,
        start=start,
        arithmetic=kinds.get_arithmetic(fields["arithmetic"], fields["assumptions"]),
        program=tuple(fields["program"] or ()),
        loss=fields["loss"],
        data=data,
        gradients=None if sent_gradients is None else gradients,
        steps=fields["steps"],
        every=fields["every"],
        stop=_stop(fields["stop_when"]),
        batches=_batches(fields["batches"]),
        surface=_surface(fields["surface"]),
        shown=selected_parts(fields["select"]),
        substitute=substitute,
        given=given,
        initial=InitialState(fields["step"], dict(zip(fields["state"], buffers, strict=True))),
    )
    prepared = prepare_trace(question)
    job = TraceJob(
        prepared=prepared,
        question=question,
        encoding=fields["encoding"],
        selection=read_selection(fields["select"], prepared),
        others={name: _prepare_other(question, name, rival) for name, rival in rivals.items()},
    )
    check_limits(job.predicted, limits, ADVICE, fewer=lambda: ADVICE)
    if fields["assumptions"]:
        entries = import_exact("entries")
        groups_sent = (start, data, *gradients, substitute, given, *buffers)
        arrays = [array for group in groups_sent for array in group.values()]
        used = entries.symbols_in(arrays).union(*(one.symbols() for one in (optimizer, *rivals.values())))
        entries.check_assumptions(fields["assumptions"], used)
    return job


def _check_comparable(fields: Mapping[str, Any]) -> None:
    """Raise QuestionErrors if other optimizers cannot make the same steps."""
    if fields["gradients"] is not None:
        raise at(("others",), "needs a program, not gradients", "nothing", describe(fields["others"]))
    for name in ("state", "step"):
        if fields[name]:
            raise at((name,), "is of one optimizer alone", "nothing beside others", describe(fields[name]))


def _prepare_other(question: TraceQuestion, name: str, optimizer: OptimizerConfig) -> PreparedTrace:
    """Return the trace of another optimizer on the same problem. Raises QuestionErrors."""
    fresh = replace(
        question,
        optimizer=optimizer,
        surface=None,
        shown=frozenset({"loss"}),
        substitute={},
        given={},
    )
    try:
        return prepare_trace(fresh)
    except QuestionErrors as errors:  # of the optimizer, since the question itself was prepared
        for error in errors.errors:
            error.path = ("others", name, *error.path[1:])
        raise


def _stop(model: Any) -> Stop:
    """Return the conditions to stop, as floats in every arithmetic."""
    if model is None:
        return Stop()
    constants = Constants(FLOAT64)
    norm, loss = (
        None if bound is None else float(constants.read(("stop_when", name), bound, least))
        for name, bound, least in (("gradient_norm", model.gradient_norm, 0), ("loss", model.loss, None))
    )
    return Stop(norm, loss)


def _batches(model: Any) -> Batches | None:
    return None if model is None else Batches(tuple(model.inputs), tuple(map(tuple, model.rows)))


def _surface(model: Any) -> SurfaceRequest | None:
    if model is None:
        return None
    ranges = {entry_name(parse_entry(name)): (low, high) for name, (low, high) in model.ranges.items()}
    return SurfaceRequest(model.points, model.over, ranges)
