"""POST /v1/grade: marks and reasons."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from compute.arithmetic import kinds
from compute.errors import QuestionErrors, at, unknown_name
from compute.grading.comparison import FLOATS, Numbers
from compute.grading.computations import Computation, Of, Slot
from compute.grading.exams import ExamComputation, ExamQuestion
from compute.grading.explanations import Explanations
from compute.grading.forms import Expected
from compute.grading.marking import MOST_RUNS
from compute.grading.notation import Notation
from compute.grading.reports import Answered, Fault, Report, grade
from compute.grading.rubrics import Rubric
from compute.grading.written import FloatTexts, Texts, Written
from compute.question.limits import Limits
from service.grading.answers import UNKNOWN, answered, is_name, read_answers
from service.grading.envelopes.declaration import Envelope
from service.grading.feedback import render_report
from service.grading.rubrics import (
    read_choices,
    read_cut,
    read_marks,
    read_penalties,
    read_rules,
)
from service.grading.schemas import OF_ONE_QUESTION, GradeRequest
from service.grading.sheets import QuestionSheet
from service.grading.subjects import Named, Subject, read_subject
from service.http.problems import describe
from service.jobs import UNKNOWN_WORK, write_body
from service.questions.operations import EXACT_WORK, import_exact
from service.questions.validation import validate

LEAST_RUNS = 20
TOO_SLOW = Fault("too_slow", "Comparing the expressions of this answer took too long.")


@dataclass(frozen=True, slots=True)
class GradeJob:
    """A submission that was read, to be graded.

    render: makes another document of the response, such as an envelope; None for the response itself.
    """

    sheets: list[QuestionSheet]
    rubric: Rubric
    fields: Mapping[str, Any]
    limits: Limits
    is_exact: bool
    render: Callable[[Any], Any] | None = None

    @property
    def work(self) -> int:
        """Unknown before mistakes are looked for, so the job never runs on the event loop."""
        return UNKNOWN_WORK

    def answer(self) -> bytes:
        """Return the body of the response."""
        if self.is_exact:  # in the place of nothing, if a comparison of expressions takes too long
            EXACT_WORK.offer(self._without_expressions().body())
        return self.body()

    def body(self) -> bytes:
        """Grade the submission and return the body of the response."""
        body = render_report(self.grade(), self.sheets, self.rubric, self.fields)
        content = write_body(body)
        return content if self.render is None else orjson.dumps(self.render(orjson.loads(content)))

    def rendered(self, render: Callable[[Any], Any]) -> "GradeJob":
        """Return the job with another document as its answer."""
        return replace(self, render=render)

    def _without_expressions(self) -> "GradeJob":
        """Return the job with all expressions taken as too slow to compare."""
        sheets = [
            replace(sheet, written={
                slot: TOO_SLOW if isinstance(tensor, Written) and tensor.array.dtype == object else tensor
                for slot, tensor in sheet.written.items()
            })
            for sheet in self.sheets
        ]  # fmt: skip
        return replace(self, sheets=sheets)

    def grade(self) -> Report:
        """Grade the submission."""
        numbers: Numbers = import_exact("grading").ExactNumbers() if self.is_exact else FLOATS
        answers: dict[Slot, Answered | Fault] = {
            slot: written if isinstance(written, Fault) else answered(written)
            for sheet in self.sheets
            for slot, written in sheet.written.items()
        }
        rows = {
            Slot("value", name, sheet.name): [Slot("value", row, sheet.name) for row in steps]
            for sheet in self.sheets
            for name, steps in sheet.subject.rows.items()
        }
        work = sum(sheet.work for sheet in self.sheets)
        runs = max(LEAST_RUNS, min(MOST_RUNS, self.limits.work // max(1, work)))
        return grade(
            self._computation(), self._explanations, self.rubric, answers, rows, self._describe, numbers, runs
        )

    def _computation(self) -> Computation:
        if self.sheets[0].name == "":
            return self.sheets[0].subject.computation
        return ExamComputation(
            [ExamQuestion(sheet.name, sheet.subject.computation, sheet.takes) for sheet in self.sheets]
        )

    def _explanations(self, computation: Computation) -> Explanations:
        if not isinstance(computation, ExamComputation):
            return self.sheets[0].subject.explanations
        return computation.explanations({sheet.name: sheet.subject.explanations for sheet in self.sheets})

    def _describe(self, slot: Slot) -> Expected:
        sheet = next(sheet for sheet in self.sheets if sheet.name == slot.question)
        return sheet.subject.describe(sheet.inner(slot))


def understand_grading(document: dict[str, Any], limits: Limits) -> GradeJob:
    """Read a submission. Raises QuestionErrors for what the staff sent, never for what the student wrote."""
    request = validate(GradeRequest, document)
    fields = request.__dict__
    if bool(fields["question"]) == bool(fields["questions"]):
        received = "both" if fields["question"] else "neither"
        raise at((), "grading needs either question or questions", "one of the two", received)
    notation = Notation() if fields["notation"] is None else Notation(fields["notation"].decimal)
    if fields["question"]:
        sheets = [_read_sheet(fields, "", {}, notation, limits)]
        accepted: Iterable[Any] = fields["accept"]
    else:
        for name in sorted(name for name in OF_ONE_QUESTION if fields[name]):
            received = describe(document[name])
            raise at((name,), "belongs to one of the questions", "nothing beside questions", received)
        sheets = _read_exam(fields["questions"], notation, limits)
        accepted = [model for question in fields["questions"] for model in question.accept]
    rubric = _read_rubric(fields, sheets, accepted)
    return GradeJob(sheets, rubric, fields, limits, _is_exact(sheets))


def understand_in_envelope(envelope: Envelope, document: dict[str, Any], limits: Limits) -> GradeJob:
    """Read a submission whose grade is answered in an envelope. Raises QuestionErrors."""
    if envelope.fields is None:
        return understand_grading(document, limits).rendered(envelope.render)
    names = envelope.fields.model_fields.keys()
    fields = validate(envelope.fields, {name: document[name] for name in names & document.keys()})
    sent = fields.model_dump(by_alias=True, exclude_none=True)
    rest = {name: value for name, value in document.items() if name not in names}
    return understand_grading(rest, limits).rendered(lambda graded: sent | envelope.render(graded))


def _is_exact(sheets: Iterable[QuestionSheet]) -> bool:
    return any(sheet.fields["question"].get("arithmetic") == kinds.EXACT for sheet in sheets)


def _read_exam(models: list[Any], notation: Notation, limits: Limits) -> list[QuestionSheet]:
    """Read the questions of an exam, in order."""
    sheets: dict[str, QuestionSheet] = {}
    taken = {(one.question, one.name) for model in models for one in model.takes.values()}
    for place, model in enumerate(models):
        if model.name in sheets or not model.name:
            raise at(("questions", place, "name"), "is not a name of its own", "a name for each question",
                     "a name that an earlier question has" if model.name else "empty text")  # fmt: skip
        takes = {}
        for name, one in model.takes.items():
            path = ("questions", place, "takes", name)
            if one.question not in sheets:
                raise QuestionErrors(
                    [unknown_name((*path, "question"), "earlier question", one.question, sheets)]
                )
            slot = Slot("value", one.name)
            subject = sheets[one.question].subject
            if not subject.has(slot):
                raise QuestionErrors(
                    [unknown_name((*path, "name"), "value", one.name, subject.known_names())]
                )
            takes[name] = slot._replace(question=one.question)
        needed = [name for question, name in taken if question == model.name]
        try:
            question = _with_taken(model.question, takes, sheets)
            fields = {**model.__dict__, "question": question}
            sheets[model.name] = _read_sheet(fields, model.name, takes, notation, limits, needed)
        except QuestionErrors as errors:
            within = [error.within("questions", place) for error in errors.errors]
            raise QuestionErrors(within, errors.total) from None
    return list(sheets.values())


def _with_taken(
    question: dict[str, Any], takes: Mapping[str, Slot], sheets: Mapping[str, QuestionSheet]
) -> dict[str, Any]:
    """Return a question with the right values of earlier ones as its inputs."""
    exam = ExamComputation([ExamQuestion(sheet.name, sheet.subject.computation, sheet.takes)
                            for sheet in sheets.values()])  # fmt: skip
    inputs = {name: exam.results()[slot].tolist() for name, slot in takes.items()}
    if question.get("operation") == "graph":
        sent = question.get("inputs")
        return {**question, "inputs": {**(sent if isinstance(sent, dict) else {}), **inputs}}
    return {**question, **inputs}


def _read_sheet(
    fields: Mapping[str, Any],
    name: str,
    takes: Mapping[str, Slot],
    notation: Notation,
    limits: Limits,
    needed: Iterable[str] = (),
) -> QuestionSheet:
    """Read one question, its rubric and what was written.

    needed: names of values that later questions take.
    """
    marks = read_marks(fields, name)
    sent: dict[Of, Mapping[str, Any]] = {"value": fields["answer"], "gradient": fields["gradients"]}
    names = Named(
        [*((slot.of, slot.name) for slot in marks), *(("value", one) for one in needed)],
        [(of, one) for of, tensors in sent.items() for one in tensors if is_name(one)],
    )
    subject, work = read_subject(fields["question"], names, fields["accept"], limits)
    for slot in marks:
        _check_slot(subject, slot)
    is_exact = fields["question"].get("arithmetic") == kinds.EXACT
    texts: Texts = _exact_texts(notation, subject) if is_exact else FloatTexts(notation)
    written: dict[Slot, Written | Fault] = {}
    for of, tensors in sent.items():
        for one, tensor in read_answers(tensors, texts).items():
            is_known = is_name(one) and subject.has(Slot(of, one))
            written[subject.resolve(Slot(of, one))._replace(question=name)] = (
                _replace_names(tensor, subject) if is_known else UNKNOWN
            )
    return QuestionSheet(name, subject, fields, written, takes, work)


def _exact_texts(notation: Notation, subject: Subject) -> Texts:
    others = [*subject.inputs().values(), *subject.computation.results().values()]
    texts: Texts = import_exact("grading").texts(notation, subject.values(), others)
    return texts


def _replace_names(tensor: Written | Fault, subject: Subject) -> Written | Fault:
    """Return an expression with values in the place of their names, such as that of y for `y`."""
    if isinstance(tensor, Fault) or tensor.array.dtype != object:
        return tensor
    return replace(tensor, array=import_exact("grading").replace_names(tensor.array, subject.values()))


def _check_slot(subject: Subject, slot: Slot) -> None:
    """Raise QuestionErrors for marks on a name that the question does not have."""
    field = "marks" if slot.of == "value" else "gradient_marks"
    inner = subject.resolve(slot._replace(question=""))
    if not subject.has(inner):
        raise QuestionErrors([unknown_name((field, slot.name), "value", slot.name, subject.known_names())])
    if inner not in subject.computation.slots:
        what = "value" if slot.of == "value" else "gradient"
        raise at((field, slot.name), f"the question does not determine this {what}",
                 f"a {what} that can be computed" + ("" if what == "value" else "; gradients need upstream"),
                 f"marks for a {what} that is unknown")  # fmt: skip


def _read_rubric(fields: Mapping[str, Any], sheets: list[QuestionSheet], accepted: Iterable[Any]) -> Rubric:
    marks = {
        sheet.resolve(slot): points
        for sheet in sheets
        for slot, points in read_marks(sheet.fields, sheet.name).items()
    }
    slots = {*marks, *(slot for sheet in sheets for slot in sheet.written)}
    optional = {
        sheet.resolve(Slot("value", name, sheet.name))[1:]
        for sheet in sheets
        for name in sheet.fields["optional"]
    }
    return Rubric(
        marks=marks,
        optional=frozenset(slot for slot in slots if (slot.name, slot.question) in optional),
        tolerances={slot: bound for sheet in sheets for slot, bound in sheet.tolerances(slots).items()},
        rules=read_rules(fields, accepted),
        cut=read_cut(fields),
        partial=fields["partial"],
        penalties=read_penalties(fields),
        best_of=read_choices(fields, marks or slots),
    )
