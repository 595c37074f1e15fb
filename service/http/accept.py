"""The media types that a request accepts (RFC 9110, section 12.5.1)."""

import re

from starlette.types import Scope

QUALITY = re.compile(rb"(?:^|;)\s*q=([01](?:\.\d{0,3})?)")


def read_qualities(scope: Scope) -> dict[bytes, float]:
    """Return the media types of the Accept header in lower case, in order, with their qualities."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept").lower()
    ranges = map(_split_parameters, accepted.split(b","))
    return {media_type: _quality(parameters) for media_type, parameters in ranges}


def _split_parameters(accepted: bytes) -> tuple[bytes, bytes]:
    media_type, _, parameters = accepted.partition(b";")
    return media_type.strip(), parameters


def _quality(parameters: bytes) -> float:
    match = QUALITY.search(parameters)
    return 1 if match is None else float(match[1])
