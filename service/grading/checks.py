"""POST /v1/grade/check: a rubric is tested before a class meets it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from pydantic import Field

from compute.errors import QuestionErrors
from compute.grading.checking import Finding, check_inputs
from compute.grading.scores import add_up, as_number, read_fraction, round_half_up
from compute.question.limits import Limits
from service.grading.grading import GradeJob, understand_grading
from service.grading.schemas import GradeRequest, Marks
from service.grading.sheets import QuestionSheet
from service.jobs import UNKNOWN_WORK, write_body
from service.questions.validation import validate
from service.schemas.types import LEFT_OUT, Wire


class GradeCheckRequest(GradeRequest):
    """A question and its rubric, with the model answer as `answer` and `gradients`, if there is one."""

    total: Marks | None = Field(None, description="The marks that the rubric is meant to have in all.")


class FindingModel(Wire):
    """One weakness of the rubric or of its question."""

    code: str = Field(
        description="unknown_name, marks_do_not_add_up, model_answer, empty_answer, hidden_mistake,"
        " tolerance_hides_mistake, mistakes_alike or vanishing."
    )
    at: str = Field(description="The name, or the code of the mistake.")
    question: str = Field(LEFT_OUT, description="In an exam, the question.")
    message: str
    note: str = LEFT_OUT
    of: str = LEFT_OUT
    codes: list[str] = LEFT_OUT
    change: dict[str, Any] = Field(
        LEFT_OUT, description="A change of one entry of an input that shows the mistake."
    )


class GradeCheckResponse(Wire):
    """The weaknesses of a rubric."""

    operation: str
    max_score: float
    model_score: float | None = Field(description="The score of the model answer; null if none was sent.")
    empty_score: float = Field(description="The score of an empty answer.")
    findings: list[FindingModel]


@dataclass(frozen=True, slots=True)
class CheckJob:
    """A rubric that was read, to be checked.

    total: the marks that it is meant to have; unknown: findings about names that do not exist.
    """

    job: GradeJob
    total: Fraction | None
    unknown: list[Finding]

    @property
    def work(self) -> int:
        """Unknown before mistakes are looked for, so the job never runs on the event loop."""
        return UNKNOWN_WORK

    def answer(self) -> bytes:
        """Return the body of the response."""
        sheets = self.job.sheets
        empty = replace(self.job, sheets=[replace(sheet, written={}) for sheet in sheets]).grade()
        written = any(sheet.written for sheet in sheets)
        report = self.job.grade() if written else None
        findings = [("", finding) for finding in self.unknown]
        marks = add_up(self.job.rubric.marks.values())
        if self.total is not None and marks != self.total:
            message = f"the marks add up to {float(marks):g}, not {float(self.total):g}"
            findings.append(("", Finding("marks_do_not_add_up", "marks", message)))
        if empty.score > 0:
            message = "an empty answer gets marks"
            findings.append(("", Finding("empty_answer", "marks", message)))
        for item in report.items if report is not None else ():
            if item.verdict not in ("correct", "accepted"):
                message = f"the model answer is {item.verdict.replace('_', ' ')} here"
                findings.append((item.slot.question, Finding("model_answer", item.slot.name, message)))
        for sheet in sheets:
            findings += [(sheet.name, finding) for finding in self._check(sheet)]
        body = {
            "operation": "grade/check",
            "max_score": as_number(round_half_up(marks)),
            "model_score": None if report is None else as_number(report.score),
            "empty_score": as_number(empty.score),
            "findings": [_render(question, finding) for question, finding in findings],
        }
        return write_body(body)

    def _check(self, sheet: QuestionSheet) -> list[Finding]:
        rubric = self.job.rubric
        own = replace(
            rubric,
            marks={sheet.inner(slot): marks for slot, marks in rubric.marks.items()
                   if slot.question == sheet.name},
            tolerances={sheet.inner(slot): tolerance for slot, tolerance in rubric.tolerances.items()
                        if slot.question == sheet.name},
        )  # fmt: skip
        if self.job.is_exact:
            return []
        subject = sheet.subject
        return check_inputs(subject.computation, subject.explanations, own, subject.inputs())


def understand_check(document: dict[str, Any], limits: Limits) -> CheckJob:
    """Read a rubric. Raises QuestionErrors for what is wrong with its question."""
    request = validate(GradeCheckRequest, document)
    total = request.__dict__["total"]
    own = {name: value for name, value in document.items() if name != "total"}
    job, unknown = _read_known(own, limits)
    return CheckJob(job, None if total is None else read_fraction(total), unknown)


def _read_known(document: dict[str, Any], limits: Limits) -> tuple[GradeJob, list[Finding]]:
    """Read a rubric without marks for names that do not exist; return a finding for each of these, too."""
    findings: list[Finding] = []
    while True:
        try:
            return understand_grading(document, limits), findings
        except QuestionErrors as errors:
            field, *name = errors.errors[0].path or ("",)
            if field not in ("marks", "gradient_marks") or len(name) != 1 or name[0] not in document[field]:
                raise
            findings.append(Finding("unknown_name", str(name[0]), errors.errors[0].message))
            marks = {other: points for other, points in document[field].items() if other != name[0]}
            document = {**document, field: marks}


def _render(question: str, finding: Finding) -> dict[str, Any]:
    body: Mapping[str, Any] = {"code": finding.code, "at": finding.at, "message": finding.message}
    return {**body, **({"question": question} if question else {}), **finding.details}
