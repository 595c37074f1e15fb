"""The forms in which an answer can be asked for, by the query parameter `format` or the Accept header."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Query, Request

from service.http.accept import read_qualities
from service.http.parameters import read_choice
from service.http.representations import JSON
from service.pages.blocks import Page
from service.pages.html import POLICY, write_html
from service.pages.markdown import write_markdown
from service.pages.pictures.vegalite import write_specification
from service.pages.tex import write_tex


@dataclass(frozen=True, slots=True)
class Format:
    """A form of documents.

    media_type: that of the Accept header.
    write: returns a document as text.
    headers: further headers of the response.
    """

    name: str
    media_type: str
    summary: str
    write: Callable[[Page], str]
    headers: Mapping[str, str] = field(default_factory=dict)


FORMATS = {
    one.name: one
    for one in (
        Format(
            "html",
            "text/html",
            "a page without scripts",
            write_html,
            {"Content-Security-Policy": POLICY},
        ),
        Format(
            "markdown",
            "text/markdown",
            "Markdown with formulas",
            write_markdown,
        ),
        Format("tex", "application/x-tex", "a LaTeX file", write_tex),
        Format(
            "vegalite",
            "application/vnd.vegalite.v6+json",
            "its pictures in Vega-Lite",
            write_specification,
        ),
    )
}
NAMES = ("json", *FORMATS)
DESCRIPTION = (
    "The form of the answer, for those who cannot set `Accept`: `json`; "
    + "; ".join(f"`{one.name}`, {one.summary}" for one in FORMATS.values())
    + ". This goes before `Accept`."
)
FormatParameter: TypeAlias = Annotated[
    Literal["json", "html", "markdown", "tex", "vegalite"] | None, Query(description=DESCRIPTION)
]
FORMAT_PARAMETER: dict[str, Any] = {
    "name": "format",
    "in": "query",
    "required": False,
    "description": DESCRIPTION,
    "schema": {"type": "string", "enum": list(NAMES)},
}
FORMAT_CONTENT = {one.media_type: {"schema": {"type": "string"}} for one in FORMATS.values()}
BY_TYPE = {one.media_type.encode(): one.name for one in FORMATS.values()}


def choose_format(request: Request) -> str | None:
    """Return the format that a request asks for: "" for JSON, or None if it names no format.

    Raises QuestionErrors for an unknown name.
    """
    asked = read_choice(request, "format", NAMES)
    if asked is not None:
        return "" if asked == "json" else asked
    accepted = read_qualities(request.scope)
    best = max(accepted.keys() & BY_TYPE.keys(), key=accepted.__getitem__, default=b"")
    if not best or accepted[best] <= accepted.get(JSON.encode(), 0):
        return None
    return BY_TYPE[best]
