"""Point: heads, connections and framing have sane bounds."""

import asyncio
from contextlib import suppress
from typing import Any

from tests.attacks.clients import Connection, ask, encode, request
from tests.attacks.health import add_health
from tests.attacks.memory import IDLE
from tests.attacks.probe import measure_health
from tests.attacks.report import Report, attack
from tests.attacks.server import Server

POST = b"POST /v1/linear HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LINEAR = {"x": [[1, 2]], "w": [[1], [2]]}
REFUSED = (400, 408, 413, 414, 431, 0)  # or the connection is ended without an answer


async def _raw(server: Server, data: bytes, patience: float = 10) -> int:
    """Send bytes as they are; return the status of the first answer."""
    async with Connection(server) as connection:
        sending = asyncio.create_task(connection.send(data))
        found = await connection.receive(patience)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        return found.status


@attack()
async def header_of_100_megabytes(server: Server, report: Report) -> None:
    """One header of 100 MB."""
    async with measure_health(server) as waits:
        status = await _raw(
            server, b"GET /health/live HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 10**8 + b"\r\n\r\n", 30
        )
    report.add("status", status)
    report.note("refused", status in REFUSED)
    report.add("memory at its peak", server.peak, "MB", most=IDLE + 50)
    add_health(report, waits)


@attack(is_cheap=True)
async def large_heads(server: Server, report: Report) -> None:
    """A header, an address, and trailers of a megabyte; 20,000 headers; none ends the service."""
    size = 2**20
    live = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    heads = {
        "a header of 1 MB": live + b"A: " + b"a" * size + b"\r\n\r\n",
        "20,000 headers": live + b"".join(b"A%d: b\r\n" % one for one in range(20_000)) + b"\r\n",
        "an address of 1 MB": b"GET /" + b"a" * size + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        "a request id of 60 KB": live + b"X-Request-ID: " + b"a" * 60_000 + b"\r\n\r\n",
    }  # fmt: skip
    for name, head in heads.items():
        status = await _raw(server, head)
        report.add(f"{name}: status", status)
        wanted = (*REFUSED, 200) if "request id" in name else REFUSED
        report.note(f"{name}: refused", status in wanted)
    extension = b"2;" + b"a" * size + b"\r\n{}\r\n0\r\n\r\n"
    status = await _raw(server, chunked + extension)
    report.add("a chunk with an extension of 1 MB: status", status)
    report.note("it is answered or refused", status in (*REFUSED, 422))


@attack(is_cheap=True)
async def strange_framing(server: Server, report: Report) -> None:
    """Lengths that contradict one another, and chunks that are none: refused."""
    body = encode(LINEAR)
    framings = {
        "two lengths": b"Content-Length: 5\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
        "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a negative length": b"Content-Length: -1\r\n\r\n" + body,
        "a length with a sign": b"Content-Length: +%d\r\n\r\n" % len(body) + body,
        "a chunk of -1": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + body,
        "a chunk beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + body,
        "another transfer coding": b"Transfer-Encoding: gzip\r\n\r\n" + body,
        "a blank before the colon": b"Content-Length : %d\r\n\r\n" % len(body) + body,
    }  # fmt: skip
    for name, framing in framings.items():
        status = await _raw(server, POST + framing, 3)
        report.add(f"{name}: status", status)
        report.note(f"{name}: refused", status in (*REFUSED, 415, 422, 501))


@attack(is_cheap=True)
async def pipelining(server: Server, report: Report) -> None:
    """200 questions in one write, of which some are refused: answered in order, and none lost."""
    bodies = [encode(LINEAR | {"x": [[at, 1]]} if at % 3 else {"x": at}) for at in range(200)]
    async with Connection(server) as connection:
        await connection.send(b"".join(request("/v1/linear", body) for body in bodies))
        answers = [await connection.receive() for _ in bodies]
    wanted = [200 if at % 3 else 422 for at in range(200)]
    report.note("statuses in order", [one.status for one in answers] == wanted)
    outputs = [one.fields["values"]["output"] for one in answers if one.status == 200]
    report.note("values in order", outputs == [[[at + 2.0]] for at in range(200) if at % 3])


@attack()
async def large_pipeline(server: Server, report: Report) -> None:
    """One connection sends 31 MB of small questions at once, whose answers it does not read for a while."""
    one = request("/v1/linear", encode(LINEAR))
    async with measure_health(server) as waits, Connection(server) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        sending = asyncio.create_task(connection.send(one * (31 * 2**20 // len(one))))
        await asyncio.sleep(5)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
    report.add("memory of the serving process at its peak", server.serving_peak, "MB", most=250)
    add_health(report, waits)


@attack(is_cheap=True)
async def half_closed(server: Server, report: Report) -> None:
    """A client that has no more to say, and closes its half of the connection, is answered all the same."""
    async with Connection(server) as connection:
        await connection.send(request("/v1/linear", encode(LINEAR)))
        connection.writer.write_eof()
        answer = await connection.receive(10)
    report.add("status", answer.status)
    report.note("answered, or taken to have left", answer.status in (200, 0))


@attack(is_cheap=True)
async def expectations(server: Server, report: Report) -> None:
    """`Expect: 100-continue`, offers to upgrade, absolute addresses, methods in small letters."""
    body = encode(LINEAR)
    answer = await ask(server, "/v1/linear", body, headers=["Expect: 100-continue"], patience=10)
    report.note("100 or 200", answer.status in (100, 200))
    answer = await ask(
        server, "/v1/linear", body, headers=["Upgrade: h2c", "Connection: Upgrade"], patience=10
    )
    report.note("an offer is ignored", answer.status == 200)
    answer = await ask(server, "http://workings/v1/linear", body, patience=10)
    report.note("an absolute address", answer.status in (200, 400, 404))
    for name, line in {
        "a small method": b"get / HTTP/1.1",
        "HTTP/3.7": b"GET / HTTP/3.7",
        "no method": b"\0\1\2",
    }.items():
        status = await _raw(server, line + b"\r\nHost: x\r\n\r\n", 5)
        report.add(f"{name}: status", status, least=0, most=505)


@attack(is_cheap=True)
async def long_names(server: Server, report: Report) -> None:
    """Names of thousands of characters, and many of them, wherever the service looks for similar ones."""
    long = "softmaks" * 7_000
    many = {f"softmax{at}": at for at in range(300)}
    questions: dict[str, tuple[str, dict[str, Any] | None]] = {
        "an operation": (f"/v1/operations/{long}", None),
        "a path": (f"/v1/{long}", {}),
        "a percent-encoded path": ("/v1/" + "%E2%82%AC" * 5_000, {}),
        "300 fields": ("/v1/softmax", {"x": [1], **many}),
        "a field": ("/v1/softmax", {"x": [1], long[:3_900]: 1}),
        "a setting": ("/v1/activation", {"x": [1], "function": long[:3_900]}),
        "300 selected names": ("/v1/softmax", {"x": [1], "select": [*many]}),
        "a selected name": ("/v1/softmax", {"x": [1], "select": [long[:3_900]]}),
        "a pattern of many stars": ("/v1/softmax", {"x": [1], "select": ["*a" * 1_900]}),
        "300 given names": ("/v1/softmax", {"x": [1], "given": many}),
        "300 functions of a program": (
            "/v1/graph",
            {"program": [f"{one} = {one}s(x)" for one in [*many][:100]]},
        ),
        "an operation of cost": ("/v1/cost", {"operation": long[:3_900]}),
    }
    for name, (path, fields) in questions.items():
        before = server.processor_seconds()
        answer = await ask(server, path, fields)
        report.add(f"{name}: status", answer.status, least=0 if len(path) > 4_096 else 404, most=431)
        report.add(f"{name}: processor time", server.processor_seconds() - before, "s", most=1)
        report.add(f"{name}: bytes of the answer", answer.size, most=20_000)


@attack(is_cheap=True)
async def long_headers(server: Server, report: Report) -> None:
    """Headers of 30 KB that the service reads: many entries, no ends, numbers beyond any size."""
    headers = {
        "accept": "Accept: " + "application/x-ndjson;q=0.1," * 1_100,
        "accept with blanks": "Accept: application/json" + " " * 30_000 + ";q=1",
        "quality": "Accept: application/json;" + "q=" * 15_000,
        "accept-encoding": "Accept-Encoding: " + "gzip;q=0.1," * 2_700,
        "content-encoding": "Content-Encoding: " + "gzip," * 6_000,
        "if-none-match": "If-None-Match: " + '"a",' * 7_500,
        "cookie": "Cookie: " + "a=b; " * 6_000,
        "origin": "Origin: https://" + "a" * 30_000,
        "request id": "X-Request-ID: " + "a" * 30_000,
        "forwarded": "X-Forwarded-For: " + "1.2.3.4, " * 3_300,
        "range": "Range: bytes=" + "0-1," * 7_000,
    }
    for name, header in headers.items():
        before = server.processor_seconds()
        answers = [
            await ask(server, path, fields, headers=[header])
            for path, fields in (("/v1/linear", LINEAR), ("/v1/operations", None))
        ]
        report.note(
            f"{name}: a status of HTTP", all(one.status in (200, 304, *REFUSED, 415) for one in answers)
        )
        report.add(f"{name}: processor time", server.processor_seconds() - before, "s", most=1)
        sent_back = max(len(value) for one in answers for value in one.headers.values() or [""])
        report.add(f"{name}: longest header of an answer", sent_back, most=1_000)
