"""From a JSON object to a question of an operation, and to its answer."""

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
from compute.question.predicted_size import writing
from service.http.problems import describe
from service.questions.parts import Origins, collect_nested, full_name, include_own, resolve_names
from service.questions.readings import requested_readings, sent_tensors, tensors_by_field
from service.questions.rendering import rendered
from service.questions.tensors import decode
from service.questions.texts import Texts
from service.questions.validation import sent_attributes, validate
from service.schemas.computation import EXACT_ONLY
from service.schemas.requests import request_model


@dataclass(frozen=True, slots=True)
class GraphJob:
    """A question understood: plans, and the entries to run them on.

    origins: where tensors for parts stand in the document; more: what else the answer is to hold; shares:
    whether an exact answer names parts that repeat; tensors: those in the fields of readings.
    """

    prepared: Plan
    operation: str
    inputs: dict[str, Array]
    given: dict[str, Array]
    upstream: dict[str, Array]
    encoding: str
    asked: Question
    origins: Origins = field(default_factory=Origins)
    more: Mapping[str, Any] = field(default_factory=dict)
    shares: bool = True
    tensors: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Array]:
        """Every tensor that came, by name."""
        return {**self.inputs, **self.given}

    @property
    def floating(self) -> Floating:
        """The floating-point numbers that it is asked in."""
        return kinds.FLOATING[self.asked.arithmetic]

    @property
    def work(self) -> int:
        """Predicted elementary operations, those of writing the answer included."""
        prepared = self.prepared
        return prepared.predicted.work + writing(prepared.predicted.answer, prepared.arrays)

    def answer(self) -> bytes:
        """The answer as the body of a response."""
        found, more = self.found(), dict(self.more)
        is_exact = self.asked.arithmetic == kinds.EXACT
        if is_exact:
            found, beside = exact("answers").write_answer(found, self.prepared, shares=self.shares)
            more.update(beside)
        return rendered(
            self.prepared, found, more, operation=self.operation, encoding=self.encoding, exact=is_exact
        )

    def found(self) -> Answer:
        """The answer as arrays. Raises QuestionErrors where entries are none that a step can work on."""
        try:
            return self.prepared.answer(self.inputs, self.given, self.upstream, self.tensors)
        except QuestionErrors as error:
            raise self.origins.located(error) from None


def understand(operation: str, document: dict[str, Any], limits: Limits) -> GraphJob:
    """The question that a document asks. Raises QuestionErrors for all that is wrong with it."""
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
    given, upstream, *rest = decoded(wanted, request, is_mask)
    tensors = dict(zip((*groups, *in_readings), rest, strict=True))
    sent = {path: tensors[path] for path in groups}
    read = {path: tensors[path] for path in in_readings}
    attributes = sent_attributes(declared, request)
    changed = declared.changed_settings(attributes)
    inputs, origins = resolve_names(declared, sent, lambda array: array.shape, Piece.extract, given, changed)
    asked = Question(
        operation=operation,
        attributes=tuple(attributes.items()),
        inputs=shapes_of(inputs),
        **asked_of(request, given, upstream, read),
    )
    try:
        check_masks(filter(declared.takes_mask, inputs), inputs)
        check_masks(filter(declared.takes_mask, given), given)
        prepared = prepare(asked)
    except QuestionErrors as error:
        raise origins.located(error) from None
    prepared.check(limits)
    question = GraphJob(
        prepared, operation, inputs, given, upstream, fields["encoding"], asked, origins,
        shares=fields.get("common", True), tensors=tensors_by_field(read),
    )  # fmt: skip
    check_symbols(question)
    return question


class ExactWanted(Exception):
    """A question asks for exact numbers, and this process does not find them."""


class _ExactWork:
    """Whether this process may do exact work, which others can stop.

    offer: called with the body of an answer that stands if a better one takes too long.
    """

    is_done_here = False

    def __init__(self) -> None:
        self.offer: Callable[[bytes], None] = lambda body: None


EXACT_WORK = _ExactWork()


def exact(module: str) -> Any:
    """A module of exact arithmetic, which loads SymPy: it is asked for where it is needed alone."""
    return import_module(f"service.exact.{module}")


def check_symbols(question: GraphJob) -> None:
    """Raise QuestionErrors where symbols that mean different things have one name."""
    if question.asked.arithmetic == kinds.EXACT:
        exact("entries").check_symbols(question)


def no_mask(path: Path, name: str) -> bool:
    """Where nothing may hold booleans."""
    return False


def is_data(path: Path, name: str) -> bool:
    """Where inputs of a program may, which its use has to bear out."""
    return path == ("inputs",)


def decoded(
    groups: Mapping[Path, Mapping[str, Any]],
    request: BaseModel,
    is_mask: Callable[[Path, str], bool] = no_mask,
    arithmetic: str | None = None,
) -> list[dict[str, Array]]:
    """The tensors of several groups, by the path of each group, in the numbers that a request asks for.

    Raises QuestionErrors for all that are none. is_mask: whether what stands at a path under a
    name may hold booleans; arithmetic: the numbers, where the request has no choice of them.
    """
    fields = request.__dict__
    read = _decoder(
        fields if arithmetic is None else {"encoding": "nested", **fields, "arithmetic": arithmetic}
    )
    errors: list[QuestionError] = []
    found: list[dict[str, Array]] = []
    for path, raw in groups.items():
        arrays: dict[str, Array] = {}
        for name, tensor in raw.items():
            try:
                arrays[name] = read(tensor, (*path, name), booleans=is_mask(path, name))
            except QuestionErrors as error:
                errors.extend(error.errors)
            if len(errors) > LISTED:
                raise QuestionErrors(errors)
        found.append(arrays)
    if errors:
        raise QuestionErrors(errors)
    return found


def _decoder(fields: Mapping[str, Any]) -> Callable[..., Array]:
    assumptions, name = fields.get("assumptions", {}), fields["arithmetic"]
    if name == kinds.EXACT and fields["encoding"] != "nested":
        raise at(("encoding",), "packs floats, and exact numbers are text", "nested", "packed")
    if name == kinds.EXACT and not EXACT_WORK.is_done_here:
        raise ExactWanted
    if name == kinds.EXACT:
        found: Callable[..., Array] = exact("entries").Decoder(assumptions)
        return found
    for field_, idle in EXACT_ONLY.items():
        if (sent := fields.get(field_, idle)) != idle:
            text = field_ == "common"
            why = "exact text, and floats are not text" if text else "free symbols, and floats have none"
            raise at((field_,), f"is about {why}", f'leave {field_} out, or send "arithmetic": "exact"',
                     describe(sent))  # fmt: skip
    return partial(decode, arithmetic=kinds.FLOATING[name], texts=Texts())


def asked_of(
    request: BaseModel,
    given: Mapping[str, Array],
    upstream: Mapping[str, Array],
    tensors: Mapping[Path, Mapping[str, Array]],
) -> dict[str, Any]:
    """What of the fields that every computation takes depends on no entry."""
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
        "assumptions": tuple((name, tuple(said)) for name, said in fields.get("assumptions", {}).items()),
    }


def shapes_of(tensors: Mapping[str, Array]) -> tuple[tuple[str, Tensor], ...]:
    """What of tensors depends on no entry."""
    return tuple(
        (name, Tensor(array.shape, "boolean" if array.dtype.kind == "b" else "real"))
        for name, array in tensors.items()
    )
