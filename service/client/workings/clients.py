"""The synchronous and the asynchronous client."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self, Unpack

import httpx

from service.answers import Answer
from workings.connections import Blocking, Waiting, identify, iterate, run
from workings.exchanges import Exchange

if TYPE_CHECKING:
    from workings.operations import AsyncOperations, Operations, Trace
else:
    from workings.methods import Methods

    Operations = AsyncOperations = Methods

ADDRESS = "http://127.0.0.1:8000"


class AsyncClient(Exchange, AsyncOperations):
    """The asynchronous `Client`, with the same parameters and methods."""

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        key: str = "",
        timeout: float = 60,
        retries: int = 3,
        longest_wait: float = 10,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        http = httpx.AsyncClient(
            base_url=address, headers=identify(key), timeout=timeout, transport=transport
        )
        super().__init__(Waiting(http), retries, longest_wait)

    @classmethod
    def in_process(cls) -> Self:
        """Return a client of the service in this process, which needs no server. Close it in the end."""
        return cls(transport=import_module("workings.in_process").InProcess())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Client(Operations):
    """Asks a service. Raises Problem for refusals and httpx.TransportError if there is no connection.

    key: the API key, if the service asks for one.
    timeout: seconds to connect, and between two parts of an answer.
    retries: how often a question is asked again if the service is busy or the connection fails.
    longest_wait: the most seconds to wait before that, whatever Retry-After says.
    transport: how requests are sent, if not over the network.
    """

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        key: str = "",
        timeout: float = 60,
        retries: int = 3,
        longest_wait: float = 10,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        http = httpx.Client(base_url=address, headers=identify(key), timeout=timeout, transport=transport)
        self._exchange = Exchange(Blocking(http), retries, longest_wait)

    @classmethod
    def in_process(cls) -> Self:
        """Return a client of the service in this process, which needs no server. Close it in the end."""
        return cls(transport=import_module("workings.in_process").BlockingInProcess())

    def send(self, operation: str, body: bytes) -> bytes:
        """Return the body of the answer to the body of a question, both in JSON."""
        return run(self._exchange.send(operation, body))

    def ask(self, operation: str, /, **fields: Any) -> Answer:
        """Return the answer to the fields of an operation or another computation, by its path below /v1."""
        return run(self._exchange.ask(operation, **fields))

    def trace(self, **fields: "Unpack[Trace]") -> Iterator[dict[str, Any]]:
        """Yield the lines of an optimizer's trace as they are computed."""
        return iterate(self._exchange.trace(**fields))

    def grade_batch(self, submissions: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield a line for each submission and rubric, in order, then one with the summary of all.

        A batch of any length is sent in parts. Raises Problem or httpx.TransportError if it breaks off; every
        line before that is whole.
        """
        return iterate(self._exchange.grade_batch(submissions))

    def close(self) -> None:
        """Close the connections."""
        run(self._exchange.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
