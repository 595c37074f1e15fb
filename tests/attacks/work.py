"""Point: predicted work counts every loop, and beyond prediction there is a bound on processor time."""

import asyncio
from typing import Any

from tests.attacks.clients import ask, encode, wait_until_settled
from tests.attacks.report import Report, attack
from tests.attacks.server import Server

SECONDS = 3  # of processor time that an answer may take in these attacks
PATIENCE = 20.0  # seconds after which the client leaves


async def _work(server: Server, report: Report, path: str, fields: dict[str, Any] | bytes) -> None:
    body = fields if isinstance(fields, bytes) else encode(fields)
    before = server.processor_seconds()
    answer = await ask(server, path, body, patience=PATIENCE)
    spent = server.processor_seconds() - before
    report.add("bytes of the question", len(body))
    report.add("status", answer.status)
    report.add("seconds until the answer", answer.seconds, "s")
    # Twice the bound: starting a worker anew takes processor time as well.
    report.add("processor time", spent, "s", most=2 * SECONDS)
    await asyncio.sleep(1)
    await wait_until_settled(server, 6)  # a worker that held too much is started anew
    after = server.processor_seconds()
    await asyncio.sleep(2)
    report.add("processor time after the client left", server.processor_seconds() - after, "s", most=0.3)
    report.note("answered or refused", answer.status in (200, 413, 422, 503))


def pool(operation: str, size: int, **fields: Any) -> dict[str, Any]:
    """Return a question about one window that is far larger than the input of five numbers."""
    return {"x": [1, 2, 3, 4, 5], "size": size, "padding": size // 2, "stride": size, **fields}


@attack(max_seconds=SECONDS)
async def pooling_window(server: Server, report: Report) -> None:
    """Average pooling of five numbers with a window of 20,000,000."""
    fields = pool("average_pool1d", 20_000_000) | {"stride": 1}
    await _work(server, report, "/v1/average_pool1d", fields)


@attack(max_seconds=SECONDS)
async def max_pooling_ties(server: Server, report: Report) -> None:
    """Max pooling with a window of 1,000,000, ties, and a gradient."""
    fields = pool("max_pool1d", 1_000_000, ties="split", upstream={"output": [1]})
    await _work(server, report, "/v1/max_pool1d", fields)


@attack(max_seconds=SECONDS)
async def verified_pooling(server: Server, report: Report) -> None:
    """The same with a window of 300,000, verified."""
    fields = pool("max_pool1d", 300_000, ties="split", upstream={"output": [1]}, verify=True)
    await _work(server, report, "/v1/max_pool1d", fields)


@attack(max_seconds=SECONDS)
async def long_scan(server: Server, report: Report) -> None:
    """An lstm over 5,500,000 steps."""
    line = "h=sum(lstm(expand(positions(count=5500000)),w,w))"
    fields = {"program": [line], "inputs": {"w": [[1, 1, 1, 1]]}, "select": ["h"]}
    await _work(server, report, "/v1/graph", fields)


@attack(max_seconds=SECONDS)
async def long_trace(server: Server, report: Report) -> None:
    """190,000 steps of an optimizer over a program of 999 lines."""
    lines = [f"x{at}=x{at - 1 if at else ''}+1" for at in range(998)]
    fields = {
        "program": [*lines, "f=x997**2"], "start": {"x": 1}, "steps": 190_000, "every": 190_000,
        "select": ["loss"], "optimizer": {"name": "gradient_descent", "learning_rate": 1e-9},
    }  # fmt: skip
    await _work(server, report, "/v1/optimizer/trace", fields)


@attack(max_seconds=SECONDS)
async def texts_of_nan(server: Server, report: Report) -> None:
    """31 MB of `"NaN"`."""
    count = 31 * 2**20 // 6
    body = b'{"x":[' + b'"NaN",' * count + b'"NaN"]}'
    await _work(server, report, "/v1/softmax", body)


@attack(max_seconds=SECONDS)
async def texts_of_expressions(server: Server, report: Report) -> None:
    """4 MB of different expressions."""
    body = encode({"x": [f"sqrt({at})*2+1/3-sin({at})" for at in range(150_000)]})
    await _work(server, report, "/v1/softmax", body)


@attack(max_seconds=SECONDS)
async def surface(server: Server, report: Report) -> None:
    """A trace whose surface has as many points as are accepted, over a program of 900 lines."""
    lines = [f"x{at}=x{at - 1 if at else ''}+y" for at in range(898)]
    fields = {
        "program": [*lines, "f=x897**2"], "start": {"x": 1, "y": 1}, "steps": 1, "select": ["loss"],
        "optimizer": {"name": "gradient_descent", "learning_rate": 1e-9}, "surface": {"points": 400},
    }  # fmt: skip
    await _work(server, report, "/v1/optimizer/trace", fields)


@attack(max_seconds=SECONDS)
async def powers_of_integers(server: Server, report: Report) -> None:
    """Text entries whose powers would have billions of digits."""
    await _work(
        server, report, "/v1/softmax", {"x": ["9**9**9**9", "2**(10**9)", "(10**300)**(10**300)"] * 100}
    )


@attack(max_seconds=SECONDS)
async def long_claims(server: Server, report: Report) -> None:
    """100 claims over products of 500 by 500."""
    line = "a=expand(positions(count=500))*positions(count=500)"
    claims = [f"(a@a@a+{at})@a==a@(a@a@a+{at})" for at in range(100)]
    await _work(server, report, "/v1/graph", {"program": [line], "claims": claims, "select": ["a"]})
