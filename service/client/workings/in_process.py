"""The service in this process, as the transports of the two clients."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx

from service.app import create_app
from service.settings import Settings


class InProcess(httpx.ASGITransport):
    """The application on the caller's event loop.

    Floats are computed in a thread; exact numbers in processes, which start when they are first needed.
    Responses arrive whole.
    """

    def __init__(self) -> None:
        self._app = create_app(Settings(workers=0))
        super().__init__(self._app, raise_app_exceptions=False)

    async def aclose(self) -> None:
        answerer = self._app.state.answerer
        await asyncio.gather(answerer.floats.close(), answerer.exact.close())


class BlockingInProcess(httpx.BaseTransport):
    """The application on event loops of its own thread, since the caller's thread may run one already."""

    def __init__(self) -> None:
        self._transport = InProcess()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="workings")

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._thread.submit(asyncio.run, self._answer(request)).result()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        whole = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        response = await self._transport.handle_async_request(whole)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        content = b"".join([part async for part in response.stream])
        return httpx.Response(
            response.status_code, headers=response.headers, stream=httpx.ByteStream(content)
        )

    def close(self) -> None:
        self._thread.submit(asyncio.run, self._transport.aclose()).result()
        self._thread.shutdown()
