"""µEd, version 0.1.0: POST /evaluate and GET /evaluate/health.

The question and its rubric are the fields of POST /v1/grade under `configuration.grade`, or under
`task.metadata.grade` if the platform keeps them with the task; fields of the first go before those of the
second. The right values are computed, so that `task.referenceSolution` is not needed.
"""

from typing import Annotated, Any

import orjson
from fastapi import Header, Request, Response
from pydantic import ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from compute.errors import QuestionErrors, at
from compute.question.limits import Limits
from service.grading.envelopes import mued
from service.grading.envelopes.parts import describe_tensor
from service.grading.grading import GradeJob, understand_grading
from service.grading.protocols.previews import PreviewJob, describe_reading, title_of
from service.grading.protocols.submissions import fill, locate
from service.http.problems import KINDS, Problem, describe
from service.questions.validation import validate
from service.schemas.types import LEFT_OUT, Wire
from service.version import VERSION

API_VERSION = "0.1.0"
VERSION_HEADER = "X-Api-Version"
ApiVersion = Annotated[
    str | None, Header(description=f"The version of µEd that the client speaks: {API_VERSION}, the default.")
]
CONTENTS = ("value", "text", "expression", "markdown", "code")  # the first is 0.1.0's; then older ones
CODES = {"refused": "VALIDATION_ERROR", "unreadable": "VALIDATION_ERROR"}


class MuedModel(Wire):
    """The base of models of µEd, which a platform may extend."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")


class MuedSubmission(MuedModel):
    """A student's answer: `content.value`, or in the older form `content.text`."""

    content: dict[str, Any] = Field(
        description="`value`: an object of tensors by name, text with a line `name = value` for each, or the"
        " tensor itself if the rubric has one name. Gradients are named `gradients.w`; in an exam the object"
        " has one such object by name of each question."
    )
    format: str | None = Field(None, description="Such as `math:sympy`; any is read alike.")
    type: str | None = Field(None, description="Of the older form, such as MATH; any is read alike.")


class MuedTask(MuedModel):
    """The task. Only its metadata is used."""

    metadata: dict[str, Any] | None = Field(None, description="May hold `grade`, as `configuration` does.")


class MuedPreview(MuedModel):
    """Whether feedback is wanted before a submission counts."""

    enabled: bool = Field(description="Then what was read is returned, and nothing is graded.")


class MuedRequest(MuedModel):
    """A submission, and the question and rubric to grade it by. Other fields of µEd change nothing."""

    submission: MuedSubmission
    task: MuedTask | None = None
    configuration: dict[str, Any] | None = Field(
        None,
        description="`grade`: the fields of POST /v1/grade without `answer` and `gradients`. They go before"
        " those of `task.metadata.grade`.",
    )
    pre_submission_feedback: MuedPreview | None = None


class MuedGradeConfig(Wire):
    """The points of a criterion."""

    min: float
    max: float
    value: float


class MuedCriterion(MuedModel):
    """A name of the rubric."""

    criterion_id: str
    name: str
    grade_config: MuedGradeConfig = Field(LEFT_OUT, description="Absent if it cannot be graded.")


class MuedFeedback(MuedModel):
    """Feedback on one name."""

    feedback_id: str
    title: str
    message: str = ""
    suggested_action: str = ""
    awarded_points: float = Field(LEFT_OUT, description="Absent if it cannot be graded, which is not zero.")
    criterion: MuedCriterion = LEFT_OUT
    target: dict[str, Any] = Field({}, description="The wrong entries, from feedback `location` on.")
    response: dict[str, str] = Field({}, description="`numbers`: what text was read as.")


class MuedResponse(RootModel[list[MuedFeedback]]):
    """A list of feedback."""


class MuedError(Wire):
    """An error, as µEd writes it."""

    title: str
    message: str
    code: str
    trace: str | None = None
    details: dict[str, Any]


class MuedCapabilities(MuedModel):
    """The parts of µEd that the service supports."""

    supports_evaluate: bool
    supports_pre_submission_feedback: bool
    supports_formative_feedback: bool
    supports_summative_feedback: bool
    supports_data_policy: str
    supported_artefact_profiles: list[dict[str, Any]]
    supported_languages: list[str]
    supported_api_versions: list[str] = Field(alias="supportedAPIVersions")


class MuedHealth(Wire):
    """The health and the capabilities of the service."""

    status: str
    message: str
    version: str
    capabilities: MuedCapabilities


CAPABILITIES = {
    "supportsEvaluate": True,
    "supportsPreSubmissionFeedback": True,
    "supportsFormativeFeedback": True,
    "supportsSummativeFeedback": True,
    "supportsDataPolicy": "NOT_SUPPORTED",
    "supportedArtefactProfiles": [
        {"type": "MATH", "supportedFormats": ["sympy", "latex"]},
        {"type": "TEXT", "supportedFormats": ["plain"]},
        {"type": "OTHER", "supportedFormats": ["tensors"]},
    ],
    "supportedLanguages": ["en"],
    "supportedAPIVersions": [API_VERSION],
}


def describe_health(is_ready: bool) -> bytes:
    """Return the body of GET /evaluate/health."""
    health = MuedHealth(
        status="OK" if is_ready else "UNAVAILABLE",
        message="ready" if is_ready else "submissions would not be graded now",
        version=VERSION,
        capabilities=MuedCapabilities.model_validate(CAPABILITIES),
    )
    return health.model_dump_json(by_alias=True).encode()


def understand_evaluation(document: dict[str, Any], limits: Limits) -> GradeJob | PreviewJob:
    """Read a request for feedback. Raises QuestionErrors for what the platform or its staff sent."""
    request: Any = validate(MuedRequest, document)
    configured = _read_rubric(request.configuration, ("configuration",))
    kept = _read_rubric(request.task and request.task.metadata, ("task", "metadata"))
    if not configured and not kept:
        raise at(("configuration", "grade"), "has to hold the question and its rubric",
                 "the fields of POST /v1/grade, here or under task.metadata.grade", "nothing")  # fmt: skip
    content = request.submission.content
    form = next((name for name in CONTENTS if name in content), None)
    if form is None:
        raise at(("submission", "content"), "has no value", "value, or in the older form text",
                 describe(content))  # fmt: skip
    job = _understand(configured, kept, content[form], limits)
    preview = request.pre_submission_feedback
    is_preview = preview is not None and preview.enabled
    return PreviewJob(job, render_preview) if is_preview else job.rendered(mued.render)


def _read_rubric(holder: dict[str, Any] | None, path: tuple[str, ...]) -> dict[str, Any]:
    rubric = (holder or {}).get("grade")
    if rubric is None:
        return {}
    if not isinstance(rubric, dict):
        raise at((*path, "grade"), "has to be an object", "the fields of POST /v1/grade", describe(rubric))
    return rubric


def _understand(configured: dict[str, Any], kept: dict[str, Any], submitted: Any, limits: Limits) -> GradeJob:
    try:
        return understand_grading(fill({**kept, **configured}, submitted), limits)
    except QuestionErrors as errors:
        is_kept = kept.keys() & set(errors.errors[0].path[:1]) - configured.keys()
        place = ("task", "metadata") if is_kept or not configured else ("configuration",)
        raise locate(errors, *place, "grade") from None


def render_preview(readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was read as feedback without points."""
    feedback = []
    for number, reading in enumerate(readings, start=1):
        entry: dict[str, Any] = {
            "feedbackId": f"fb-{number}",
            "title": title_of(reading),
            "message": describe_reading(reading),
        }
        if "reading" in reading:
            entry["response"] = {"numbers": describe_tensor(reading["reading"])}
        feedback.append(entry)
    return feedback


def check_version(request: Request) -> str:
    """Return "", since there is one version. Raises Problem if the client asks for another."""
    asked = request.headers.get(VERSION_HEADER, API_VERSION)
    if asked != API_VERSION:
        raise VersionProblem
    return ""


class VersionProblem(Problem):
    """A refusal of a version of µEd that the service does not speak."""

    def __init__(self) -> None:
        super().__init__("refused", f"expected {VERSION_HEADER}: {API_VERSION}; received another version")


def render_error(problem: Problem) -> Response:
    """Return a problem in the form of µEd, in which an invalid request is a 400."""
    if isinstance(problem, VersionProblem):
        details: dict[str, Any] = {"supportedVersions": [API_VERSION]}
        return _error(406, "API version not supported", problem, "VERSION_NOT_SUPPORTED", details)
    kind = KINDS[problem.kind]
    status = 400 if kind.status == 422 else kind.status
    code = CODES.get(problem.kind, problem.kind.upper())
    return _error(status, kind.title, problem, code, {"errors": problem.list_errors()})


def _error(status: int, title: str, problem: Problem, code: str, details: dict[str, Any]) -> Response:
    body = MuedError(title=title, message=problem.detail, code=code, details=details)
    headers = {**problem.headers, VERSION_HEADER: API_VERSION}
    return Response(orjson.dumps(body.model_dump()), status, headers, "application/json")
