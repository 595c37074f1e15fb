"""Text of requests in documents: without control characters, and escaped for HTML."""

import html
import re

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # which no document may hold


def replace_controls(text: str) -> str:
    """Return text with a replacement character in the place of each control character."""
    return CONTROLS.sub("\ufffd", text)


def escape(text: str) -> str:
    """Return text as HTML, without control characters."""
    return html.escape(replace_controls(text))
