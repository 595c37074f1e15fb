"""Lambda Feedback: the commands `eval`, `preview` and `healthcheck` of an evaluation function.

`params` are the fields of POST /v1/grade without `answer` and `gradients`: the question and its rubric. What
the student wrote is `response`. `answer`, which the teacher fills in, is the name of the value asked for, or
a list of names; without marks for them each counts 1.
"""

from typing import Annotated, Any

import orjson
from fastapi import Header, Request, Response
from pydantic import ConfigDict, Field, SkipValidation

from compute.errors import QuestionErrors, at
from compute.question.limits import Limits
from service.grading.envelopes import lambda_feedback
from service.grading.envelopes.parts import escape_lines
from service.grading.grading import GradeJob, understand_grading
from service.grading.protocols.previews import PreviewJob, describe_reading, title_of
from service.grading.protocols.selfcheck import SelfCheckJob
from service.grading.protocols.submissions import GRADIENT, fill, locate
from service.http.problems import KINDS, Problem, describe
from service.questions.validation import validate
from service.schemas.types import LEFT_OUT, Wire

COMMANDS = ("eval", "preview", "healthcheck")
ALIASES = {"grade": "eval"}  # of Lambda Feedback's first version
COMMAND = f"The command: {', '.join(COMMANDS)}; `grade` is the same as `eval`."
Command = Annotated[str | None, Header(description=f"{COMMAND} It goes before the field `command`.")]


class LambdaFeedbackRequest(Wire):
    """A response to grade or to preview."""

    model_config = ConfigDict(extra="forbid")

    command: str = Field("eval", description=COMMAND)
    response: SkipValidation[Any] = Field(
        None,
        description="What the student wrote: a tensor, or an object or lines `name = value` if there are"
        " several names.",
    )
    answer: SkipValidation[Any] = Field(
        None,
        description="The name of the value that is asked for, such as `output` or `gradients.w`; or a list of"
        " names. May be left out if `params` has marks.",
    )
    params: dict[str, SkipValidation[Any]] = Field(
        default_factory=dict, description="The fields of POST /v1/grade without `answer` and `gradients`."
    )


class LambdaFeedbackResponse(Wire):
    """The result of a command, or an error if the response cannot be graded."""

    command: str
    result: dict[str, Any] = Field(
        LEFT_OUT,
        description="`is_correct` and `feedback`; of a preview `preview`; of a healthcheck `tests_passed`,"
        " `successes`, `failures` and `errors`.",
    )
    error: dict[str, Any] = Field(LEFT_OUT, description="`message` and `error_thrown`.")


class LambdaFeedbackError(Wire):
    """An error, as Lambda Feedback writes it."""

    error: dict[str, Any] = Field(description="`message` and `error_thrown`.")


def read_command(request: Request) -> str:
    """Return the command of the header; "" if the body has it. Raises Problem if it is unknown."""
    command = request.headers.get("command")
    return "" if command is None else _check_command(command, "the header")


def _check_command(command: str, place: str) -> str:
    known = ALIASES.get(command, command)
    if known not in COMMANDS:
        raise Problem("refused", f"expected one of the commands {', '.join(COMMANDS)} in {place}")
    return known


def understand_command(
    command: str, document: dict[str, Any], limits: Limits
) -> GradeJob | PreviewJob | SelfCheckJob:
    """Read the body of a command. Raises QuestionErrors or Problem for what staff or the platform sent.

    command: that of the header; if it is empty, that of the body.
    """
    request: Any = validate(LambdaFeedbackRequest, document)
    command = command or _check_command(request.command, "the field command")
    if command == "healthcheck":
        return SelfCheckJob(limits)
    if "response" not in document:
        raise at(("response",), "is required", "what the student wrote", "nothing")
    names = _read_names(request.answer)
    try:
        job = understand_grading(fill(_with_names(request.params, names), request.response), limits)
    except QuestionErrors as errors:
        raise _locate_names(locate(errors, "params"), request.params) from None
    return PreviewJob(job, render_preview) if command == "preview" else job.rendered(lambda_feedback.render)


def _locate_names(errors: QuestionErrors, params: dict[str, Any]) -> QuestionErrors:
    """Return errors with those about marks that `params` does not have at `answer`, which names them."""
    for error in errors.errors:
        _, field, *names = (*error.path, "", "")
        sent = params.get(field)
        if field in ("marks", "gradient_marks") and not (isinstance(sent, dict) and names[0] in sent):
            error.path = ("answer",)
    return errors


def _read_names(answer: Any) -> list[str]:
    if answer is None:
        return []
    names = answer if isinstance(answer, list) else [answer]
    if not all(isinstance(name, str) for name in names):
        raise at(("answer",), "has to name what is asked for", "the name of a value, or a list of names",
                 describe(answer))  # fmt: skip
    return names


def _with_names(params: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return a rubric with a mark for each name that has none."""
    rubric = dict(params)
    for field, is_gradient in (("marks", False), ("gradient_marks", True)):
        own = [name.removeprefix(GRADIENT) for name in names if name.startswith(GRADIENT) == is_gradient]
        marks = rubric.get(field, {})
        if own and isinstance(marks, dict):
            rubric[field] = dict.fromkeys(own, 1) | marks
    return rubric


def render_preview(readings: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the response to the command `preview`: a text as HTML, and the numbers by name."""
    lines = [f"{title_of(reading)}: {describe_reading(reading)}" for reading in readings]
    numbers = {title_of(reading): reading["reading"] for reading in readings if "reading" in reading}
    preview = {"feedback": escape_lines("\n".join(lines), "<br />"), "numbers": numbers}
    return {"command": "preview", "result": {"preview": preview}}


def render_error(problem: Problem) -> Response:
    """Return a problem in the form of Lambda Feedback, under its own status."""
    thrown = {"title": KINDS[problem.kind].title, "errors": problem.list_errors()}
    body = {"error": {"message": problem.detail, "error_thrown": thrown}}
    return Response(orjson.dumps(body), KINDS[problem.kind].status, problem.headers, "application/json")
