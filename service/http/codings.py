"""Content codings: gzip for requests and responses; all others are refused."""

import zlib
from collections.abc import Iterable

from service.http.problems import Problem

GZIP_START = b"\x1f\x8b"  # RFC 1952, section 2.3.1
GZIP_WINDOW = 16 + zlib.MAX_WBITS
NAMED = ("br", "compress", "deflate", "zstd")  # codings that an error may name; other text is not repeated
Headers = Iterable[tuple[bytes, bytes]]


def is_gzipped(headers: Headers) -> bool:
    """Return whether a body is gzipped. Raises Problem 415 for other codings (RFC 9110, section 8.4)."""
    sent = ",".join(value.decode("latin-1") for name, value in headers if name == b"content-encoding")
    if not sent:
        return False
    codings = [coding for part in sent.lower().split(",") if (coding := part.strip()) not in ("", "identity")]
    if not codings:
        return False
    if codings in (["gzip"], ["x-gzip"]):
        return True
    unknown = f"a coding of {len(codings[0])} characters"
    received = next((coding for coding in codings if coding in NAMED), unknown)
    received = received if len(codings) == 1 else f"{len(codings)} codings"
    raise Problem(
        "unsupported",
        f"expected content-encoding: gzip, or none; received {received}",
        headers={"Accept-Encoding": "gzip"},
    )


def decompress(body: bytes, max_bytes: int) -> bytes:
    """Return the content of a gzipped body, of at most `max_bytes` bytes. Raises Problem."""
    decoder = zlib.decompressobj(wbits=GZIP_WINDOW)
    try:
        content = decoder.decompress(body, max_bytes + 1)
    except zlib.error:
        is_damaged = body.startswith(GZIP_START)
        received = "damaged gzip data" if is_damaged else "data that does not start as gzip does"
        raise Problem("unreadable", f"expected gzip, received {received}") from None
    if len(content) > max_bytes:
        raise Problem("too_large", f"the body holds more than {max_bytes} bytes when it is decompressed")
    if not decoder.eof:
        raise Problem("unreadable", "the gzip data ends early")
    if decoder.unused_data:
        raise Problem("unreadable", "data follows the end of the gzip data")
    return content


def accepts_gzip(accept_encoding: bytes) -> bool:
    """Return whether an Accept-Encoding header names gzip with a quality above 0."""
    if b"gzip" not in accept_encoding:
        return False
    for part in accept_encoding.lower().split(b","):
        coding, _, parameters = part.partition(b";")
        if coding.strip() in (b"gzip", b"x-gzip"):
            quality = parameters.replace(b" ", b"").removeprefix(b"q=")
            return quality.strip(b"0.") != b"" if parameters else True
    return False


def weaken_etag(tag: str) -> str:
    """Return the weak form of an entity tag, for a compressed body.

    A strong tag would promise the bytes of the uncompressed body (RFC 9110, section 8.8.3.3).
    """
    return tag if tag.startswith("W/") else f"W/{tag}"
