"""POST /v1/optimizer/trace: an optimizer step by step."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson

from compute.arithmetic import kinds
from compute.arithmetic.floating import FLOAT64
from compute.graph.work import WRITTEN
from compute.optimizers.course import Constants
from compute.optimizers.formulas import formulas
from compute.optimizers.objective import Batches
from compute.optimizers.questions import PreparedTrace, SurfaceRequest, TraceQuestion, prepare_trace
from compute.optimizers.reading import Stop
from compute.optimizers.surface import Extent, entry_name, place_of, surface
from compute.optimizers.trace import StepRecord, TraceStep
from compute.question.limits import Limits, check_limits
from service.optimizers.reading import chosen_optimizer
from service.optimizers.schemas import PARTS, trace_request
from service.questions.operations import decoded, exact, is_data
from service.questions.rendering import note_json
from service.questions.tensors import encode
from service.questions.validation import validate

NAME = "optimizer/trace"
ADVICE = "fewer steps, a larger `every`, or fewer parts in `select`"


@dataclass(frozen=True, slots=True)
class TraceJob:
    """A trace understood: what to run, and how its steps are written."""

    prepared: PreparedTrace
    asked: TraceQuestion
    encoding: str

    @property
    def work(self) -> int:
        """Predicted elementary operations, those of writing the answer included."""
        return self.prepared.predicted.work + WRITTEN * self.prepared.predicted.answer

    def answer(self) -> bytes:
        """The answer as the body of a response."""
        head, *steps, tail = self._parts()
        return b"%b,%b:[%b],%b" % (head[:-1], b'"trace"', b",".join(steps), tail[1:])

    def lines(self, abandoned: Callable[[], bool] = lambda: False) -> Iterator[bytes]:
        """The answer line by line, as steps are made. abandoned: whether nobody listens any more."""
        for part in self._parts(abandoned):
            yield part + b"\n"

    def _parts(self, abandoned: Callable[[], bool] = lambda: False) -> Iterator[bytes]:
        """Objects: what opens the answer, each step, what closes it."""
        trace = self.prepared.trace
        head = {
            "operation": NAME,
            "conventions": self.prepared.conventions,
            "formulas": self.asked.chosen.equations(),
        }
        yield _json(head)
        extent = Extent(self.prepared.places)
        for step in trace.run(abandoned):
            extent.see(step.parameters)
            yield _json(self._step(step))
        if trace.summary is not None:  # it came to its end
            yield _json(self._tail(step, extent))

    def _step(self, step: TraceStep) -> dict[str, Any]:
        """The parts of a step that are shown."""
        made = step.made
        found: dict[str, Any] = {"parameters": step.parameters, "loss": step.loss}
        if made is not None:
            found |= self._made(step, made)
        shown = {name: one for name, one in found.items() if name in self.asked.shown and one is not None}
        body = {"step": step.number} | {name: self._encoded(one) for name, one in shown.items()}
        if made is not None and "formula" in self.asked.shown:
            body["formula"] = formulas(self.prepared.trace.course, step)
        if self.asked.arithmetic.simplifies:
            near = {name: shown[name] for name in ("parameters", "loss") if name in shown}
            body["approximations"] = {name: exact("answers").approximated(one) for name, one in near.items()}
        return body

    def _made(self, step: TraceStep, made: StepRecord) -> dict[str, Any]:
        course = self.prepared.trace.course
        found: dict[str, Any] = {"learning_rate": made.learning_rate, "gradient": made.gradient}
        if course.uses_another_gradient:
            found["used_gradient"] = made.used
        if course.optimizer.buffers:
            found["state"] = step.state
        found["update"] = made.update
        if made.rows is not None:
            found["batch"] = {"rows": list(made.rows), "loss": made.batch_loss}
        return found

    def _encoded(self, one: Any) -> Any:
        """Arrays as the wire has them, in whatever objects they are."""
        if isinstance(one, Mapping):
            return {name: self._encoded(part) for name, part in one.items()}
        if isinstance(one, list):
            return one
        if self.asked.arithmetic.simplifies:
            return exact("answers").as_text(one)
        return encode(np.asarray(one), self.encoding if np.ndim(one) else "nested")

    def _tail(self, last: TraceStep, extent: Extent) -> dict[str, Any]:
        trace, drawn = self.prepared.trace, self.asked.drawn
        assert trace.summary is not None
        summary = {name: encode(np.array(one), "nested") if isinstance(one, float) else one
                   for name, one in asdict(trace.summary).items()}  # fmt: skip
        tail: dict[str, Any] = {"summary": summary}
        if drawn is not None and self.prepared.objective is not None:
            kind = np.float64 if self.asked.arithmetic.simplifies else None
            end = {name: np.asarray(one, dtype=kind) for name, one in last.parameters.items()}
            found = surface(self.prepared.objective, end, extent, drawn.points, drawn.ranges)
            tail["surface"] = {
                "axes": found.axes,
                "points": [encode(one, "nested") for one in found.points],
                "loss": encode(found.loss, self.encoding),
            }
        return tail | {"notes": [note_json(note) for note in trace.notes]}


def understand_trace(document: dict[str, Any], limits: Limits) -> TraceJob:
    """The trace that a document asks for. Raises QuestionErrors for all that is wrong with it."""
    request = validate(trace_request(), document)
    fields = request.__dict__
    chosen = chosen_optimizer(fields["optimizer"])
    groups: dict[Any, Any] = {("start",): fields["start"], ("inputs",): fields["inputs"]}
    handed = fields["gradients"]
    groups |= {("gradients", at): one for at, one in enumerate(handed or ())}
    start, data, *gradients = decoded(groups, request, is_data)
    shown = frozenset(fields["select"] or PARTS)
    asked = TraceQuestion(
        chosen=chosen,
        start=start,
        arithmetic=kinds.get_arithmetic(fields["arithmetic"], fields["assumptions"]),
        program=tuple(fields["program"] or ()),
        loss=fields["loss"],
        data=data,
        gradients=None if handed is None else gradients,
        steps=fields["steps"],
        every=fields["every"],
        stop=_stop(fields["stop_when"]),
        batches=_batches(fields["batches"]),
        drawn=_drawn(fields["surface"]),
        shown=shown,
    )
    prepared = prepare_trace(asked)
    check_limits(prepared.predicted, limits, ADVICE, fewer=lambda: ADVICE)
    if fields["assumptions"]:
        entries = exact("entries")
        used = entries.symbols_in(
            [*start.values(), *data.values(), *(one for each in gradients for one in each.values())]
        )
        entries.check_assumptions(fields["assumptions"], used | chosen.symbols())
    return TraceJob(prepared, asked, fields["encoding"])


def _stop(model: Any) -> Stop:
    """Bounds in floats, in whatever numbers the trace is made."""
    if model is None:
        return Stop()
    constants = Constants(FLOAT64)
    norm, loss = (
        None if said is None else float(constants.read(("stop_when", name), said, least))
        for name, said, least in (("gradient_norm", model.gradient_norm, 0), ("loss", model.loss, None))
    )
    return Stop(norm, loss)


def _batches(model: Any) -> Batches | None:
    return None if model is None else Batches(tuple(model.inputs), tuple(map(tuple, model.rows)))


def _drawn(model: Any) -> SurfaceRequest | None:
    if model is None:
        return None
    ranges = {entry_name(place_of(name)): (low, high) for name, (low, high) in model.ranges.items()}
    return SurfaceRequest(model.points, model.over, ranges)


def _json(one: Any) -> bytes:
    return orjson.dumps(one, option=orjson.OPT_SERIALIZE_NUMPY)
