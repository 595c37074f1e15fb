"""The question of a grading request, as a subject that is graded."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple
from typing import Any, NamedTuple, Protocol

import orjson

from compute.arithmetic.namespace import Array
from compute.budgets.bounded_cache import Kept
from compute.errors import QuestionErrors, at, unknown_name
from compute.grading.computations import Computation, Of, Slot
from compute.grading.explanations import Explanations
from compute.grading.forms import Expected
from compute.grading.graph_subject import Accepted, GraphSubject
from compute.grading.scores import read_fraction
from compute.grading.trace_subject import TraceSubject
from compute.operations import CATALOGUE
from compute.question.limits import Limits
from service.grading.rubrics import FORMS
from service.http.problems import describe
from service.optimizers.traces import TraceJob, understand_trace
from service.questions.operations import GraphJob, understand
from service.questions.programs import GRAPH, understand_program

TRACE = "optimizer/trace"
SUBJECT_BYTES = 32 * 2**20


class Subject(Protocol):
    """A question that is graded."""

    @property
    def rows(self) -> Mapping[str, list[str]]:
        """The names of the steps that each stacked value has."""

    @property
    def computation(self) -> Computation:
        """The right computation."""

    @property
    def explanations(self) -> Explanations:
        """The conventions and mistakes that a student's values are compared with."""

    @property
    def conventions(self) -> Mapping[str, Any]:
        """Every setting of the question."""

    def inputs(self) -> Mapping[str, Array]:
        """Return the inputs, by name."""

    def values(self) -> Mapping[str, Array]:
        """Return the values of the question, by name."""

    def has(self, slot: Slot) -> bool:
        """Return whether the question has a value of this name."""

    def resolve(self, slot: Slot) -> Slot:
        """Return a slot by its full name, from a short form."""

    def describe(self, slot: Slot) -> Expected:
        """Return the shape and kind of a slot."""

    def known_names(self) -> Iterable[str]:
        """Return the names of all values, for suggestions."""


class Named(NamedTuple):
    """The names that a rubric and a student mention, with whether each is a value or a gradient."""

    rubric: list[tuple[Of, str]]
    answered: list[tuple[Of, str]]


SUBJECTS: Kept["tuple[GraphSubject | TraceSubject, int]"] = Kept("graded questions", SUBJECT_BYTES)
"""Questions that were graded lately: a class sends the same one again and again."""


def read_subject(
    document: Mapping[str, Any], named: Named, accept: Iterable[Any], limits: Limits
) -> tuple[Subject, int]:
    """Return the question of a grading request, and the predicted work of one answer.

    accept: the accepted conventions.

    Raises QuestionErrors at `question` and `accept`.
    """
    accepted = list(accept)
    key: Any = None
    with suppress(TypeError, OverflowError):  # a document that is not JSON's is planned each time
        sent = [model.model_dump() for model in accepted]
        key = (orjson.dumps([document, sent, astuple(limits)]), tuple(named.rubric), tuple(named.answered))
    if key is not None and (found := SUBJECTS.find(key)) is not None:
        return found
    subject, work = _read_subject(document, named, accepted, limits)
    if key is not None:
        SUBJECTS.add(key, (subject, work), 2 * len(key[0]) + subject.held)
    return subject, work


def _read_subject(
    document: Mapping[str, Any], named: Named, accept: Iterable[Any], limits: Limits
) -> tuple[GraphSubject | TraceSubject, int]:
    try:
        operation = read_kind(document)
        job = _plan(operation, document, limits)
    except QuestionErrors as errors:
        raise _within(errors, "question") from None
    listed = []
    for place, model in enumerate(accept):
        sent = (model.__pydantic_extra__ or {}).items()
        settings = {name: value for name, value in sent if name not in FORMS}
        if not settings:
            continue
        if operation in CATALOGUE:
            for name in settings:
                if name not in CATALOGUE[operation].attributes:
                    known = [*CATALOGUE[operation].attributes, *FORMS]
                    raise QuestionErrors([unknown_name(("accept", place, name), "setting", name, known)])
        try:
            other = _plan(operation, _with_settings(operation, document, settings), limits)
        except QuestionErrors as errors:
            raise _within(errors, "accept", place) from None
        listed.append((settings, read_fraction(model.credit), other))
    if isinstance(job, GraphJob):
        accepted = [
            Accepted(settings, credit, other.question)
            for settings, credit, other in listed
            if isinstance(other, GraphJob)
        ]
        graph = GraphSubject(job.question, job.known, job.upstream, named.rubric, named.answered, accepted)
        return graph, job.plan.predicted.work
    traces = [
        (settings, credit, other.prepared)
        for settings, credit, other in listed
        if isinstance(other, TraceJob)
    ]
    trace = TraceSubject(job.prepared, job.question.optimizer, named.rubric, named.answered, traces)
    return trace, job.prepared.step_work


def _with_settings(
    operation: str, document: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a question with other settings: of its operation, or of its optimizer."""
    if operation == TRACE:
        return {**document, "optimizer": {**document["optimizer"], **settings}}
    return {**document, **settings}


def _plan(operation: str, document: Mapping[str, Any], limits: Limits) -> "GraphJob | TraceJob":
    fields = {name: value for name, value in document.items() if name != "operation"}
    if operation == TRACE:
        return understand_trace(fields, limits)
    return understand_program(fields, limits) if operation == GRAPH else understand(operation, fields, limits)


def read_kind(document: Mapping[str, Any]) -> str:
    """Return the operation that a question names. Raises QuestionErrors for an unknown one."""
    operation = document.get("operation")
    if isinstance(operation, str):
        if operation not in (*CATALOGUE, GRAPH, TRACE):
            raise QuestionErrors(
                [unknown_name(("operation",), "operation", operation, [*CATALOGUE, GRAPH, TRACE])]
            )
        return operation
    received = "nothing" if operation is None else describe(operation)
    raise at(
        ("operation",),
        "has to be the name of an operation",
        "one of: " + ", ".join([*CATALOGUE, GRAPH, TRACE]),
        received,
    )


def _within(errors: QuestionErrors, *path: str | int) -> QuestionErrors:
    return QuestionErrors([error.within(*path) for error in errors.errors], errors.total)
