"""Uvicorn's HTTP/1.1 protocol on httptools, with limits on heads; it ignores upgrade offers.

httptools buffers a header until it is complete, and parses whole packets, which may contain thousands of
requests. To limit memory, packets are parsed in slices, and only up to a request that has to wait.

curl and Java's HTTP client offer HTTP/2 by default, with `Upgrade: h2c`. RFC 9110, section 7.8, lets a server
ignore the offer and answer over HTTP/1.1. llhttp, the parser behind httptools, ends a request with such an
offer at its head, so its body would be lost or parsed as the next request.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http import refusals
from service.http.watched import Watched

SLICE = 2_048  # bytes that are parsed at once, except in bodies whose length is known
MAX_HEADERS = 100
LENGTH = len("content-length")
MAX_HELD = 2**19  # bytes of pipelined requests that wait for the current answer


class Protocol(Watched, HttpToolsProtocol):
    """Uvicorn's httptools protocol with limits; reads a request with an upgrade offer as one without."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.parser: _Parser = _Parser(self)
        self._held = bytearray()
        self._in_body = False
        self._remaining = 0  # bytes left of a body whose length was declared
        self._since_progress = 0  # bytes since the last piece of a body or the end of a request
        self._has_many_headers = False

    def has_unread_body(self) -> bool:
        """Return whether the body of the current request has not arrived completely."""
        return self._in_body

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; hold them if earlier requests have to be answered first."""
        if self._ignores_input:
            return
        self._unset_keepalive_if_required()
        self.note_arrival()
        if self._held:
            self._hold(data)
        else:
            self._read(data)

    def on_response_complete(self) -> None:
        """Start the next pipelined request, or wait for one."""
        super().on_response_complete()
        if self._held and not self.pipeline and not self._ignores_input and not self.transport.is_closing():
            held, self._held = self._held, bytearray()
            self._unset_keepalive_if_required()
            self.note_arrival()
            self._read(held)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Record a header. Trailers are dropped, because no proxy has checked them as headers."""
        if self._in_body:
            return
        if len(self.headers) >= MAX_HEADERS:
            self._has_many_headers = True
            return
        if len(name) == LENGTH and name.lower() == b"content-length" and value.isdigit() and len(value) < 20:
            self._remaining = int(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Call the application, unless the head has to be parsed again."""
        if self.parser.offers_upgrade() or self._has_many_headers:
            return
        self._in_body = True
        self._since_progress = 0
        super().on_headers_complete()
        self.begin_request()

    def on_body(self, body: bytes) -> None:
        """Record a piece of the body."""
        self._since_progress = 0
        self._remaining -= len(body)
        if not self._has_many_headers:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Mark the end of the body, unless the head has to be parsed again."""
        if self.parser.offers_upgrade() or self._has_many_headers:
            return
        self._in_body = False
        self._since_progress = self._remaining = 0
        super().on_message_complete()
        if not self.is_answering():  # a refused body has ended
            self.await_request()

    def head_without_upgrade(self) -> bytes:
        """Return the last head without its `Upgrade` headers."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _read(self, data: bytes | bytearray) -> None:
        """Parse bytes up to a request that has to wait for an earlier one; hold the rest."""
        view, at = memoryview(data), 0
        while at < len(view) and not self._ignores_input:
            if self.pipeline and not self._in_body:
                self._hold(view[at:])
                return
            size = self._remaining if self._in_body and self._remaining > 0 else SLICE
            self._parse(view[at : at + size])
            at += size

    def _hold(self, data: bytes | memoryview) -> None:
        self._held += data
        self.flow.pause_reading()
        if len(self._held) > MAX_HELD:
            self._refuse_malformed()

    def _parse(self, data: memoryview) -> None:
        self._since_progress += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse_malformed()
        except httptools.HttpParserUpgrade:  # CONNECT, which no HTTP follows
            self._refuse_malformed()
        limit = self.watch.settings.max_head_bytes
        if not self._ignores_input and (self._since_progress > limit or self._has_many_headers):
            self.watch.counts["long_heads"] += 1
            self.refuse(refusals.head_too_long(limit))

    def _refuse_malformed(self) -> None:
        self.watch.counts["malformed"] += 1
        self.refuse(refusals.malformed_request())


class _Parser(httptools.HttpRequestParser):
    """A parser that parses a head with an upgrade offer again without the offer, then continues."""

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(protocol)
        self._protocol = protocol
        # Like uvicorn's: data after a request with `Connection: close` is not an error.
        self.set_dangerous_leniencies(lenient_data_after_close=True)

    def offers_upgrade(self) -> bool:
        """Return whether the last head offers an upgrade. CONNECT does not count."""
        return self.should_upgrade() and self.get_method() != b"CONNECT"

    def feed_data(self, data: Any) -> None:
        """Parse bytes and call the protocol's methods."""
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self.offers_upgrade():
                raise
            self._read_again(memoryview(data)[upgrade.args[0] :])

    def _read_again(self, rest: memoryview) -> None:
        """Parse the head again and the bytes after it, which may contain further offers."""
        while True:
            # A new parser, because the old one may have ended the connection, after `Connection: close` say.
            head = self._protocol.head_without_upgrade()
            parser = self._protocol.parser = _Parser(self._protocol)
            try:
                super(_Parser, parser).feed_data(head)
                super(_Parser, parser).feed_data(rest)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if not parser.offers_upgrade():
                    raise
                rest = rest[upgrade.args[0] :]
