"""Uvicorn's HTTP/1.1 protocol on httptools, with bounded heads, and deaf to offers of another protocol.

httptools keeps a header until it is whole and parses whole packets, in which there may be thousands of
requests; so that memory is bounded, packets are parsed in slices, no further than a request that has to wait.

With `Upgrade: h2c`, say, curl and Java's HTTP client offer HTTP/2 by default. RFC 9110, section 7.8, lets a
server ignore the offer and answer over HTTP/1.1. llhttp, the parser behind httptools, ends a request at its
head if that holds an offer: the body would be lost, or be read as the next request.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http import refusals
from service.http.watched import Watched

SLICE = 2_048  # bytes that are parsed at once, but for bodies whose length is known
MAX_HEADERS = 100
LENGTH = len("content-length")
MAX_HELD = 2**19  # bytes of further requests that wait for the answer to one


class Protocol(Watched, HttpToolsProtocol):
    """Reads a request that offers an upgrade as the same request without the offer."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.parser: _Parser = _Parser(self)
        self._held = bytearray()
        self._in_body = False
        self._remaining = 0  # bytes of a body whose length was declared
        self._since_progress = 0  # bytes since the last piece of a body, or since a request ended
        self._has_many_headers = False

    def has_unread_body(self) -> bool:
        """Return whether a request has begun whose body has not come to its end."""
        return self._in_body

    def data_received(self, data: bytes) -> None:
        """Read bytes as they arrive, unless requests before them have to be answered first."""
        if self._is_deaf:
            return
        self._unset_keepalive_if_required()
        self.arrive()
        if self._held:
            self._hold(data)
        else:
            self._read(data)

    def on_response_complete(self) -> None:
        """Begin the next request that came, or wait for one."""
        super().on_response_complete()
        if self._held and not self.pipeline and not self._is_deaf and not self.transport.is_closing():
            held, self._held = self._held, bytearray()
            self._unset_keepalive_if_required()
            self.arrive()
            self._read(held)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Those behind a body are dropped, since no proxy has checked them as headers."""
        if self._in_body:
            return
        if len(self.headers) >= MAX_HEADERS:
            self._has_many_headers = True
            return
        if len(name) == LENGTH and name.lower() == b"content-length" and value.isdigit() and len(value) < 20:
            self._remaining = int(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Have the application called, except for a head that is to be read again."""
        if self.parser.has_offer() or self._has_many_headers:
            return
        self._in_body = True
        self._since_progress = 0
        super().on_headers_complete()
        self.begin_request()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._since_progress = 0
        self._remaining -= len(body)
        if not self._has_many_headers:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Mark the end of the body, except for a head that is to be read again."""
        if self.parser.has_offer() or self._has_many_headers:
            return
        self._in_body = False
        self._since_progress = self._remaining = 0
        super().on_message_complete()
        if not self.is_answering():  # a body that nobody wanted has ended
            self.idle()

    def head_without_offer(self) -> bytes:
        """Return the head that was read last, without its `Upgrade` headers."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _read(self, data: bytes | bytearray) -> None:
        """Parse bytes up to where a request has to wait for one before it, and hold the rest."""
        view, at = memoryview(data), 0
        while at < len(view) and not self._is_deaf:
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
        except httptools.HttpParserUpgrade:  # CONNECT, after which no HTTP follows
            self._refuse_malformed()
        limit = self.watch.settings.max_head_bytes
        if not self._is_deaf and (self._since_progress > limit or self._has_many_headers):
            self.watch.counts["long_heads"] += 1
            self.refuse(refusals.long_head(limit))

    def _refuse_malformed(self) -> None:
        self.watch.counts["malformed"] += 1
        self.refuse(refusals.malformed())


class _Parser(httptools.HttpRequestParser):
    """A parser that has a head with an offer read again, without the offer, and goes on behind it."""

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(protocol)
        self._protocol = protocol
        # As uvicorn has it: data that follows a request with `Connection: close` is no error.
        self.set_dangerous_leniencies(lenient_data_after_close=True)

    def has_offer(self) -> bool:
        """Return whether the head that was read last offers an upgrade; CONNECT is another matter."""
        return self.should_upgrade() and self.get_method() != b"CONNECT"

    def feed_data(self, data: Any) -> None:
        """Read bytes as they arrive, and tell the protocol what they are."""
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self.has_offer():
                raise
            self._read_again(memoryview(data)[upgrade.args[0] :])

    def _read_again(self, rest: memoryview) -> None:
        """Read the head again, and what follows it, in which there may be further offers."""
        while True:
            # A new parser, because the old one may be done with the connection, as after `Connection: close`.
            head = self._protocol.head_without_offer()
            parser = self._protocol.parser = _Parser(self._protocol)
            try:
                super(_Parser, parser).feed_data(head)
                super(_Parser, parser).feed_data(rest)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if not parser.has_offer():
                    raise
                rest = rest[upgrade.args[0] :]
