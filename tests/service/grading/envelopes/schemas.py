"""JSON schemas of the documents that platforms document, with the fields that the service uses."""

from typing import Any

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
POINTS = {"type": "number", "minimum": 0}
VISIBILITY = {"enum": ["visible", "hidden", "after_due_date", "after_published"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}


def record(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split(),
            "additionalProperties": False}  # fmt: skip


GRADESCOPE = record(
    "tests",
    score=NUMBER, execution_time=NUMBER, output=TEXT, output_format=FORMAT, test_output_format=FORMAT,
    test_name_format=FORMAT, visibility=VISIBILITY, stdout_visibility=VISIBILITY,
    extra_data={"type": "object"}, leaderboard={"type": "array"},
    tests={"type": "array", "items": record(
        score=NUMBER, max_score=NUMBER, name=TEXT, number=TEXT, output=TEXT,
        tags={"type": "array", "items": TEXT}, visibility=VISIBILITY, status={"enum": ["passed", "failed"]},
    )},
)  # fmt: skip
OTTER = record(
    "tests",
    score=NUMBER, output=TEXT, stdout_visibility=VISIBILITY,
    tests={"type": "array", "items": record(
        "name visibility output", name=TEXT, score=NUMBER, max_score=NUMBER, visibility=VISIBILITY,
        output=TEXT, status={"enum": ["passed", "failed"]},
    )},
)  # fmt: skip
WITH_POINTS = {"type": "array", "items": {"required": ["points", "max_points"]}}
WITHOUT_POINTS = {"type": "array", "items": {"not": {"anyOf": [{"required": ["points"]},
                                                             {"required": ["max_points"]}]}}}  # fmt: skip
PRAIRIELEARN = record(
    "gradable",
    gradable={"type": "boolean"}, score={"type": "number", "minimum": 0, "maximum": 1}, message=TEXT,
    output=TEXT, images={"type": "array"},
    format_errors={"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
    tests={
        "type": "array",
        "items": record("name", name=TEXT, description=TEXT, points=NUMBER, max_points=NUMBER, message=TEXT,
                        output=TEXT, images={"type": "array"}),
        "anyOf": [WITH_POINTS, WITHOUT_POINTS],
    },
) | {
    "if": {"properties": {"gradable": {"const": True}}},
    "then": {"required": ["score"]},
    "else": {"required": ["format_errors"], "not": {"required": ["score"]}},
}  # fmt: skip
LTI_AGS = record(
    "activityProgress gradingProgress",
    userId=TEXT, timestamp=TEXT, comment=TEXT, scoreGiven=POINTS,
    scoreMaximum={"type": "number", "exclusiveMinimum": 0},
    activityProgress={"enum": ["Initialized", "Started", "InProgress", "Submitted", "Completed"]},
    gradingProgress={"enum": ["FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"]},
) | {"dependentRequired": {"scoreGiven": ["scoreMaximum"]}}  # fmt: skip
THROWN = {"type": "object", "required": ["message"],
          "properties": {"message": TEXT, "error_thrown": {"type": ["object", "string"]}}}  # fmt: skip
EITHER = {"oneOf": [{"required": ["command", "result"]}, {"required": ["error"]}]}


def command(name: str, result: dict[str, Any]) -> dict[str, Any]:
    return record(command={"const": name}, result=result, error=THROWN) | EITHER


LAMBDA_FEEDBACK = command("eval", {
    "type": "object", "required": ["is_correct"],
    "properties": {"is_correct": {"type": "boolean"}, "feedback": {"type": ["object", "array", "string"]}},
})  # fmt: skip
LAMBDA_FEEDBACK_PREVIEW = command("preview", {
    "type": "object", "required": ["preview"], "properties": {"preview": {"not": {"type": "null"}}},
})  # fmt: skip
LISTED = {"type": "array"}
LAMBDA_FEEDBACK_HEALTH = command("healthcheck", record(
    "tests_passed successes failures errors",
    tests_passed={"type": "boolean"}, successes=LISTED, failures=LISTED, errors=LISTED,
))  # fmt: skip
CODERUNNER_WRITTEN = {
    "prologuehtml": TEXT, "epiloguehtml": TEXT, "instructorhtml": TEXT, "graderstate": TEXT,
    "columnformats": {"type": "array", "items": {"enum": ["%s", "%h"]}},
    "files": {"type": "object", "additionalProperties": TEXT}, "showdifferences": {"type": "boolean"},
    "testresults": {"type": "array", "items": {"type": "array"}},
}  # fmt: skip
CODERUNNER = {"oneOf": [
    record("fraction", fraction={"type": "number", "minimum": 0, "maximum": 1}, **CODERUNNER_WRITTEN),
    record("showoutputonly prologuehtml", showoutputonly={"const": True}, **CODERUNNER_WRITTEN),
]}  # fmt: skip
MUED_FORMAT = {"type": "string", "pattern": "^(text|code|math|model|other):[a-z0-9_]+$"}
MUED = {"type": "array", "items": record(
    feedbackId=TEXT, title=TEXT, message=TEXT, suggestedAction=TEXT, awardedPoints=NUMBER,
    criterion=record("name", criterionId=TEXT, name=TEXT, context=TEXT,
                     gradeConfig=record("min max value", min=NUMBER, max=NUMBER, value=NUMBER)),
    target=record("format", format=MUED_FORMAT, locator={"type": "object"}),
    response={"type": "object", "additionalProperties": TEXT},
    matchedCase={"type": "integer"},
)}  # fmt: skip
MUED_ERROR = record(
    "title", title=TEXT, message={"type": ["string", "null"]}, code={"type": ["string", "null"]},
    trace={"type": ["string", "null"]}, details={"type": ["object", "null"]},
)  # fmt: skip
FLAG = {"type": "boolean"}
MUED_HEALTH = record(
    "status capabilities",
    status={"enum": ["OK", "DEGRADED", "UNAVAILABLE"]}, message=TEXT, version=TEXT,
    capabilities=record(
        "supportsEvaluate supportsPreSubmissionFeedback supportsFormativeFeedback supportsSummativeFeedback"
        " supportsDataPolicy",
        supportsEvaluate=FLAG, supportsPreSubmissionFeedback=FLAG, supportsFormativeFeedback=FLAG,
        supportsSummativeFeedback=FLAG,
        supportsDataPolicy={"enum": ["SUPPORTED", "NOT_SUPPORTED", "PARTIAL"]},
        supportedArtefactProfiles={"type": "array", "items": record(
            "type", type={"enum": ["TEXT", "CODE", "MODEL", "MATH", "OTHER"]},
            supportedFormats={"type": "array", "items": TEXT})},
        supportedLanguages={"type": "array", "items": TEXT},
        supportedAPIVersions={"type": "array", "items": TEXT},
    ),
)  # fmt: skip
SCHEMAS = {
    "gradescope": GRADESCOPE, "prairielearn": PRAIRIELEARN, "coderunner": CODERUNNER, "lti_ags": LTI_AGS,
    "otter": OTTER, "lambda_feedback": LAMBDA_FEEDBACK, "mued": MUED,
}  # fmt: skip
