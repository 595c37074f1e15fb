"""Log defects with their traceback, but with messages cut, since these may repeat the question."""

import traceback
from collections.abc import Iterator
from typing import Any

LONGEST = 500  # characters of a message
FRAMES = 40  # of one traceback, the innermost


def format_defect(error: BaseException) -> str:
    """Return the traceback of an exception and of its causes, with messages cut."""
    formatted = traceback.TracebackException.from_exception(error, limit=-FRAMES).format()
    return "".join(map(_cut, formatted))  # a part is a frame or a message


def shorten_messages(error: BaseException) -> None:
    """Cut the messages of an exception and of its causes in place, before other code logs them."""
    for exception in _chain(error):
        if any(len(_text(arg)) > LONGEST for arg in exception.args):
            exception.args = tuple(_cut(_text(arg)) for arg in exception.args)


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
    except Exception:  # an integer of too many digits, for example
        return f"an object of the type {type(value).__name__}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)\n"
