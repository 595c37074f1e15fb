"""Uvicorn's HTTP/1.1 protocol on httptools, which ignores offers to switch to another protocol.

With `Upgrade: h2c`, say, curl and Java's HTTP client offer HTTP/2 by default. RFC 9110, section 7.8, lets a
server ignore the offer and answer over HTTP/1.1. llhttp, the parser behind httptools, ends a request at its
head if that holds an offer: the body would be lost, or be read as the next request.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """Reads a request that offers an upgrade as the same request without the offer."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.parser: _Parser = _Parser(self)

    def on_headers_complete(self) -> None:
        """Have the application called, except for a head that is to be read again."""
        if not self.parser.has_offer():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Mark the end of the body, except for a head that is to be read again."""
        if not self.parser.has_offer():
            super().on_message_complete()

    def head_without_offer(self) -> bytes:
        """Return the head that was read last, without its `Upgrade` headers."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])


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
