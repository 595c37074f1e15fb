"""Defects in the log: where they happened, without the text and numbers of the question."""

import traceback
from collections.abc import Iterator
from typing import Any

LONGEST = 500  # characters of a message
FRAMES = 40  # of one traceback, the innermost


def format_defect(error: BaseException) -> str:
    """Return the traceback of an exception and of those that led to it, with messages cut."""
    found = traceback.TracebackException.from_exception(error, limit=-FRAMES)
    return "".join(map(_cut, found.format()))  # a part is a frame or a message


def shorten_messages(error: BaseException) -> None:
    """Cut the messages of an exception that others will log, and of those that led to it, in place."""
    for one in _chain(error):
        if any(len(_text(arg)) > LONGEST for arg in one.args):
            one.args = tuple(_cut(_text(arg)) for arg in one.args)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return repr(value)
    except Exception:  # an integer of too many digits, for one
        return f"an object of the type {type(value).__name__}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)\n"
