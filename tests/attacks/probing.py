"""Request `/health/live` repeatedly until the input is closed, and print how long each took.

Started as a script with the port, so that it imports nothing of the project and starts at once.
"""

import asyncio
import json
import sys
import time

INTERVAL = 0.02  # seconds between two questions
PATIENCE = 30.0
SOURCE = "127.0.0.2"  # another client than those who attack
QUESTION = b"GET /health/live HTTP/1.1\r\nHost: workings\r\nConnection: close\r\n\r\n"


async def _ask(port: int) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(SOURCE, 0))
    try:
        writer.write(QUESTION)
        return (await reader.read()).startswith(b"HTTP/1.1 200")
    finally:
        writer.transport.abort()


async def _probe(port: int) -> None:
    waits: list[float] = []
    late: list[float] = []
    failures = 0
    ends = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    print("ready", flush=True)
    due = time.monotonic()
    while not ends.done():
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        start = time.monotonic()
        late.append((start - due) * 1000)
        try:
            async with asyncio.timeout(PATIENCE):
                failures += not await _ask(port)
        except (OSError, TimeoutError):
            failures += 1
        waited = time.monotonic() - start
        # Questions that fell due meanwhile would have waited for the rest of the time.
        while waited > 0:
            waits.append(waited * 1000)
            waited -= INTERVAL
            due += INTERVAL
        due = max(due, time.monotonic())
    print(json.dumps({"waits": waits, "late": late, "failures": failures}))


if __name__ == "__main__":
    asyncio.run(_probe(int(sys.argv[1])))
