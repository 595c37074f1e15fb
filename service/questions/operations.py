"""Questions about operations: from a JSON object to its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from compute.arithmetic import kinds
from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array
from compute.errors import LISTED, Path, QuestionError, QuestionErrors, at
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.state_dicts import Piece
from compute.question.answer import Answer, Plan
from compute.question.limits import Limits
from compute.question.masks import check_masks
from compute.question.plan import Question, prepare
from compute.question.predicted_size import writing_work
from service.http.problems import describe
from service.questions.parts import Origins, collect_nested, full_name, include_own, resolve_names
from service.questions.readings import requested_readings, sent_tensors, tensors_by_field
from service.questions.rendering import render_answer
from service.questions.tensors import decode
from service.questions.texts import Texts
from service.questions.validation import sent_attributes, validate
from service.schemas.computation import EXACT_ONLY
from service.schemas.requests import request_model
from service.telemetry.records import phase


@dataclass(frozen=True, slots=True)
class GraphJob:
    """A question that was decoded and planned, with the arrays to answer it for.

    origins: the paths in the document of tensors for submodules.
    more: further fields of the answer.
    shares: whether an exact answer names repeated subexpressions.
    tensors: the arrays in the fields of readings.
    """

    plan: Plan
    operation: str
    inputs: dict[str, Array]
    given: dict[str, Array]
    upstream: dict[str, Array]
    encoding: str
    question: Question
    origins: Origins = field(default_factory=Origins)
    more: Mapping[str, Any] = field(default_factory=dict)
    shares: bool = True
    tensors: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Array]:
        """All inputs and given values, by name."""
        return {**self.inputs, **self.given}

    @property
    def floating(self) -> Floating:
        """The requested floating-point numbers."""
        return kinds.FLOATING[self.question.arithmetic]

    @property
    def work(self) -> int:
        """The predicted elementary operations, including those of serializing the answer."""
        predicted = self.plan.predicted
        return predicted.work + writing_work(predicted.answer, self.plan.array_count)

    def answer(self) -> bytes:
        """Return the answer as the body of a response."""
        answer, more = self.compute(), dict(self.more)
        is_exact = self.question.arithmetic == kinds.EXACT
        with phase("writing"):
            if is_exact:
                answer, fields = import_exact("answers").write_answer(answer, self.plan, shares=self.shares)
                more.update(fields)
            return render_answer(
                self.plan, answer, more, operation=self.operation, encoding=self.encoding, exact=is_exact
            )

    def compute(self) -> Answer:
        """Compute the answer as arrays. Raises QuestionErrors if a step rejects an entry."""
        try:
            return self.plan.answer(self.inputs, self.given, self.upstream, self.tensors)
        except QuestionErrors as error:
            raise self.origins.relocate(error) from None


def understand(operation: str, document: dict[str, Any], limits: Limits) -> GraphJob:
    """Decode and plan the question of a document. Raises QuestionErrors listing everything invalid in it."""
    declared = CATALOGUE[operation]
    own, groups = collect_nested(declared, document)
    request = validate(request_model(operation), own)
    fields = request.__dict__

    groups = include_own(declared, groups, request)

    def is_mask(path: Path, name: str) -> bool:
        return path != ("upstream",) and declared.takes_mask(
            name if path == ("given",) else full_name(path, name)
        )

    in_readings = sent_tensors(request)
    wanted = {("given",): fields["given"], ("upstream",): fields["upstream"], **groups, **in_readings}
    given, upstream, *rest = decode_tensors(wanted, request, is_mask)
    tensors = dict(zip((*groups, *in_readings), rest, strict=True))
    sent = {path: tensors[path] for path in groups}
    read_tensors = {path: tensors[path] for path in in_readings}
    attributes = sent_attributes(declared, request)
    changed = declared.changed_settings(attributes)
    inputs, origins = resolve_names(declared, sent, lambda array: array.shape, Piece.extract, given, changed)
    question = Question(
        operation=operation,
        attributes=tuple(attributes.items()),
        inputs=shapes_of(inputs),
        **question_fields(request, given, upstream, read_tensors),
    )
    try:
        check_masks(filter(declared.takes_mask, inputs), inputs)
        check_masks(filter(declared.takes_mask, given), given)
        plan = prepare(question)
    except QuestionErrors as error:
        raise origins.relocate(error) from None
    plan.check(limits)
    job = GraphJob(
        plan, operation, inputs, given, upstream, fields["encoding"], question, origins,
        shares=fields.get("common", True), tensors=tensors_by_field(read_tensors),
    )  # fmt: skip
    check_symbols(job)
    return job


class ExactWanted(Exception):
    """A question requests exact arithmetic, which this process does not do."""


class _ExactWork:
    """Whether this process may do exact work. Servers leave it to workers, which can be stopped.

    offer: called with the body of an answer to return if a better one takes too long.
    """

    is_done_here = False

    def __init__(self) -> None:
        self.offer: Callable[[bytes], None] = lambda body: None


EXACT_WORK = _ExactWork()


def import_exact(module: str) -> Any:
    """Import a module of `service.exact` on first use, since it loads SymPy."""
    return import_module(f"..exact.{module}", __package__)


def check_symbols(job: GraphJob) -> None:
    """Raise QuestionErrors if symbols of an exact question conflict."""
    if job.question.arithmetic == kinds.EXACT:
        import_exact("entries").check_symbols(job)


def no_mask(path: Path, name: str) -> bool:
    """Return False: no tensor may hold booleans."""
    return False


def is_data(path: Path, name: str) -> bool:
    """Return whether a tensor is an input of a program, which may hold booleans."""
    return path == ("inputs",)


def decode_tensors(
    groups: Mapping[Path, Mapping[str, Any]],
    request: BaseModel,
    is_mask: Callable[[Path, str], bool] = no_mask,
    arithmetic: str | None = None,
) -> list[dict[str, Array]]:
    """Decode the tensors of several groups, in the arithmetic that a request chooses.

    groups: raw tensors by name, by the path of their group.
    is_mask: whether the tensor of a path and name may hold booleans.
    arithmetic: the arithmetic, if the request cannot choose it.

    Raises QuestionErrors listing every invalid tensor.
    """
    fields = request.__dict__
    decode_one = _decoder(
        fields if arithmetic is None else {"encoding": "nested", **fields, "arithmetic": arithmetic}
    )
    errors: list[QuestionError] = []
    decoded: list[dict[str, Array]] = []
    for path, raw in groups.items():
        arrays: dict[str, Array] = {}
        for name, tensor in raw.items():
            try:
                arrays[name] = decode_one(tensor, (*path, name), booleans=is_mask(path, name))
            except QuestionErrors as error:
                errors.extend(error.errors)
            if len(errors) > LISTED:
                raise QuestionErrors(errors)
        decoded.append(arrays)
    if errors:
        raise QuestionErrors(errors)
    return decoded


def _decoder(fields: Mapping[str, Any]) -> Callable[..., Array]:
    assumptions, name = fields.get("assumptions", {}), fields["arithmetic"]
    if name == kinds.EXACT and fields["encoding"] != "nested":
        raise at(("encoding",), "packs floats, and exact numbers are text", "nested", "packed")
    if name == kinds.EXACT and not EXACT_WORK.is_done_here:
        raise ExactWanted
    if name == kinds.EXACT:
        decoder: Callable[..., Array] = import_exact("entries").Decoder(assumptions)
        return decoder
    for field_, idle in EXACT_ONLY.items():
        if (sent := fields.get(field_, idle)) != idle:
            text = field_ == "common"
            why = "exact text, and floats are not text" if text else "free symbols, and floats have none"
            raise at((field_,), f"is about {why}", f'leave {field_} out, or send "arithmetic": "exact"',
                     describe(sent))  # fmt: skip
    return partial(decode, arithmetic=kinds.FLOATING[name], texts=Texts())


def question_fields(
    request: BaseModel,
    given: Mapping[str, Array],
    upstream: Mapping[str, Array],
    tensors: Mapping[Path, Mapping[str, Array]],
) -> dict[str, Any]:
    """Return the entry-independent part of the fields that every computation takes."""
    fields = request.__dict__
    return {
        "given": shapes_of(given),
        "upstream": shapes_of(upstream),
        "select": tuple(dict.fromkeys(fields["select"]))
        if "select" in request.__pydantic_fields_set__
        else None,
        "arithmetic": fields["arithmetic"],
        "abbreviated": tuple(fields.get("abbreviate", ())),
        "readings": requested_readings(request, tensors),
        "assumptions": tuple((name, tuple(words)) for name, words in fields.get("assumptions", {}).items()),
    }


def shapes_of(tensors: Mapping[str, Array]) -> tuple[tuple[str, Tensor], ...]:
    """Return the shapes and kinds of arrays, by name."""
    return tuple(
        (name, Tensor(array.shape, "boolean" if array.dtype.kind == "b" else "real"))
        for name, array in tensors.items()
    )
