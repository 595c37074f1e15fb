"""The envelope that a request asks for, by query parameter or by Accept header."""

from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Query, Request

from service.grading.envelopes.catalogue import CLASS_ENVELOPES, ENVELOPES
from service.grading.envelopes.declaration import ClassEnvelope
from service.http.accept import read_qualities
from service.http.parameters import read_choice
from service.http.problems import StatusProblem
from service.http.representations import JSON

Name: TypeAlias = Literal[tuple(ENVELOPES)]  # type: ignore[valid-type]
EnvelopeParameter: TypeAlias = Annotated[
    Name | None,
    Query(
        description="The document of a platform to answer with: "
        + "; ".join(f"`{one.name}`: {one.summary}" for one in ENVELOPES.values())
        + ". Its media type in `Accept` does the same; this goes before it."
    ),
]
VENDOR = b"application/vnd.workings."
BY_TYPE = {JSON.encode(): ""} | {one.media_type.encode(): one.name for one in ENVELOPES.values()}
ANY = {b"*/*", b"application/*"}


def choose_envelope(request: Request) -> str:
    """Return the name of an envelope; "" for the grade itself.

    Raises QuestionErrors for an unknown name, and Problem 406 if only unknown envelopes are accepted.
    """
    asked = read_choice(request, "envelope", ENVELOPES)
    if asked is not None:
        return asked
    accepted = {name: quality for name, quality in read_qualities(request.scope).items() if quality > 0}
    known = [name for name in accepted if name in BY_TYPE]
    if known:
        return BY_TYPE[max(known, key=lambda name: accepted[name])]
    if any(name.startswith(VENDOR) for name in accepted) and not ANY & accepted.keys():
        types = ", ".join([JSON, *(one.media_type for one in ENVELOPES.values())])
        raise StatusProblem(406, f"expected one of the media types {types}")
    return ""


def choose_table(request: Request) -> ClassEnvelope | None:
    """Return the table that a batch asks for; None for lines. Raises QuestionErrors for an unknown name."""
    asked = read_choice(request, "envelope", CLASS_ENVELOPES)
    return None if asked is None else CLASS_ENVELOPES[asked]


TABLE_PARAMETER: dict[str, Any] = {
    "name": "envelope",
    "in": "query",
    "required": False,
    "description": "The CSV table to answer with: "
    + "; ".join(f"`{one.name}`: {one.summary}" for one in CLASS_ENVELOPES.values())
    + ". It has a row for each submission, in order.",
    "schema": {"type": "string", "enum": list(CLASS_ENVELOPES)},
}


def document_envelopes() -> dict[str, Any]:
    """Return the media types of the response for the OpenAPI document."""
    return {
        one.media_type: {"schema": {"type": one.kind, "description": f"{one.summary}."}}
        for one in ENVELOPES.values()
    }
