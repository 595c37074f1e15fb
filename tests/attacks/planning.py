"""Point: the event loop only plans tiny questions, and planning ends at its limits."""

import asyncio
from typing import Any

from tests.attacks.clients import ask, encode
from tests.attacks.health import add_health
from tests.attacks.probe import measure_health
from tests.attacks.report import Report, attack
from tests.attacks.server import Server

GATES = {"w": [[1, 1, 1, 1]], "p": [[1], [1], [1]]}
PATIENCE = 20.0  # seconds after which the client leaves
# Bytes that one process may take, and what the serving process and idle workers have anyhow, in MB.
MOST_MEMORY = 1024 + 600


async def _plan(server: Server, report: Report, fields: dict[str, Any]) -> None:
    body = encode(fields)
    async with measure_health(server) as waits:
        answer = await ask(server, "/v1/graph", body, patience=PATIENCE)
    report.add("bytes of the question", len(body), most=4096)
    report.add("status", answer.status)
    report.add("seconds until the answer", answer.seconds, "s")
    add_health(report, waits)
    report.add("memory at its peak", server.peak, "MB", most=MOST_MEMORY)


def lstm_calls(count: int, steps: int = 1_800) -> dict[str, Any]:
    """Return a program of calls that are unrolled without named steps."""
    calls = "+".join(["sum(lstm(x,w,w,peepholes=p))"] * count)
    return {
        "program": [f"x=expand(positions(count={steps}))", f"y={calls}"],
        "inputs": GATES,
        "select": ["y"],
    }


def named_steps(steps: int, **fields: Any) -> dict[str, Any]:
    """Return a program whose steps have seven named values each."""
    line = f"h=lstm(expand(positions(count={steps})),w,w)"
    return {"program": [line], "inputs": {"w": GATES["w"]}, **fields}


@attack()
async def planning_16_lstm_calls(server: Server, report: Report) -> None:
    """16 unnamed lstm calls over 1,800 steps in one line."""
    await _plan(server, report, lstm_calls(16))


@attack()
async def planning_50_lstm_calls(server: Server, report: Report) -> None:
    """50 unnamed lstm calls over 1,800 steps in two lines."""
    fields = lstm_calls(25)
    await _plan(
        server, report, fields | {"program": [*fields["program"], fields["program"][1].replace("y", "z")]}
    )


@attack()
async def planning_select_patterns(server: Server, report: Report) -> None:
    """450 patterns in `select` over 14,000 names."""
    await _plan(server, report, named_steps(1_900, select=[f"h*{at}]" for at in range(450)]))


@attack()
async def planning_misspelt_names(server: Server, report: Report) -> None:
    """100 misspelled names, each of which is compared with 14,000."""
    wrong = [f"h.hiden[{at}]" for at in range(100)]
    await _plan(server, report, named_steps(1_900, select=["h.hidden[1]", *wrong]))


@attack()
async def planning_jacobians(server: Server, report: Report) -> None:
    """16 Jacobians through 1,900 named steps, one of which with all paths."""
    pairs = [{"of": "h.hidden[1900]", "wrt": f"h.hidden[{at}]", "by_path": at == 1} for at in range(1, 17)]
    await _plan(server, report, named_steps(1_900, select=["h.hidden[1]"], jacobian=pairs))


@attack()
async def planning_formulas(server: Server, report: Report) -> None:
    """1,900 steps of seven values, all of them returned with gradients and notes."""
    await _plan(server, report, named_steps(1_900, upstream={"h.hidden[1900]": [1]}, diagnose=True))


@attack()
async def planning_layers(server: Server, report: Report) -> None:
    """The cost of a language model of 1,000 layers, each of 40 named values."""
    body = encode({
        "operation": "language_model", "tokens": {"shape": [8]}, "vocabulary": 10, "d_model": 8, "heads": 8,
        "layers": 1_000, "d_ff": 8,
    })  # fmt: skip
    async with measure_health(server) as waits:
        answer = await ask(server, "/v1/cost", body, patience=PATIENCE)
    report.add("status", answer.status)
    report.add("seconds until the answer", answer.seconds, "s")
    add_health(report, waits)


@attack()
async def planning_by_many(server: Server, report: Report) -> None:
    """Eight clients send different questions that take long to plan, again and again, while others ask."""

    async def plan(at: int) -> None:
        for turn in range(3):
            await ask(server, "/v1/graph", lstm_calls(2, 1_500 + 10 * at + turn), patience=PATIENCE)

    async with measure_health(server) as waits:
        await asyncio.gather(*(plan(at) for at in range(8)))
    add_health(report, waits)
    report.add("memory at its peak", server.peak, "MB", most=2 * 1024 + 600)
