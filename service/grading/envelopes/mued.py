"""µEd: the list of feedback that POST /evaluate returns."""

from typing import Any

from compute.grading.scores import as_number
from service.grading.envelopes.declaration import Envelope, Graded
from service.grading.envelopes.parts import (
    NEEDS_A_PERSON,
    Part,
    describe_adjustment,
    describe_tensor,
    holds_numbers,
    read_adjustment,
    read_parts,
)

FORMAT = "other:tensors"


def render(graded: Graded) -> list[dict[str, Any]]:
    """Return the list of feedback.

    Awarded points add up to the score. A part that cannot be graded has none, and the first feedback
    says that a person has to look.
    """
    parts = read_parts(graded)
    feedback: list[dict[str, Any]] = []
    if not graded["gradable"]:
        action = "Wait for a person to grade it."
        feedback.append(
            {"feedbackId": "needs_a_person", "title": "Not graded", "message": NEEDS_A_PERSON,
             "suggestedAction": action}
        )  # fmt: skip
    feedback += [_feedback(f"fb-{number}", part) for number, part in enumerate(parts, start=1)]
    if graded["gradable"] and (adjustment := read_adjustment(graded, parts)):
        feedback.append(
            {"feedbackId": "adjustment", "title": "Total", "message": describe_adjustment(graded),
             "awardedPoints": as_number(adjustment)}
        )  # fmt: skip
    return feedback


def _feedback(name: str, part: Part) -> dict[str, Any]:
    feedback: dict[str, Any] = {"feedbackId": name, "title": part.title}
    if part.text:
        feedback["message"] = part.text
    criterion: dict[str, Any] = {"criterionId": part.id or name, "name": part.title}
    if part.points is not None:
        feedback["awardedPoints"] = part.points
        criterion["gradeConfig"] = {"min": 0, "max": part.max_points, "value": part.points}
    feedback["criterion"] = criterion
    if wrong := part.item.get("entries", {}).get("wrong"):
        locator = {"type": "entries", "name": part.id, "indices": wrong}
        feedback["target"] = {"format": FORMAT, "locator": locator}
    reading = part.item.get("reading")
    if reading is not None and holds_numbers(reading):
        feedback["response"] = {"numbers": describe_tensor(reading)}
    return feedback


ENVELOPE = Envelope(
    name="mued",
    media_type="application/vnd.workings.mued+json",
    summary="The feedback of µEd's POST /evaluate, an item for each name",
    render=render,
    kind="array",
)
