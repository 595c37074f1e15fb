"""Run one attack, and then check the conditions that must hold after every attack."""

from tests.attacks.clients import ask, wait_until_answering, wait_until_ready, wait_until_settled
from tests.attacks.report import Attack, Report
from tests.attacks.server import Server
from tests.conftest import EXAM

START = 15.0  # seconds in which workers are started, where they can be
RECOVERY = 10.0  # seconds in which the server has to answer as before; also of a busy machine
LONGEST_LINE = 2_000  # characters of a line in the log: nothing that a caller sends belongs there whole


async def run(attack: Attack, server: Server, report: Report) -> None:
    """Run an attack, and record the resources it took and whether the server works as before."""
    await wait_until_answering(server)
    await wait_until_settled(server, START)
    server.seen.clear()
    await attack.run(server, report)
    if not attack.ends_server:
        report.note("the server still runs", server.is_running())
    if server.is_running():
        await _add_recovery(server, report)
        report.add("memory afterwards", server.memory(), "MB")
    report.add("peak memory, all processes", server.peak, "MB")
    report.add("peak memory, serving process", server.serving_peak, "MB")
    report.add("processor time", server.processor_seconds(), "s")
    wrong = sum(count for status, count in server.seen.items() if isinstance(status, int) and status >= 500)
    report.add("5xx other than 503", wrong - server.seen[503], most=0)
    report.note("no traceback in the log", "Traceback" not in server.log)
    report.add("longest line of the log", max(map(len, server.log.split("\n"))), most=LONGEST_LINE)


async def _add_recovery(server: Server, report: Report) -> None:
    seconds = await wait_until_answering(server, RECOVERY)
    report.add("until it takes questions", seconds, "s", most=2, by_clock=True)
    answer = await ask(server, "/v1/self_attention", EXAM, patience=RECOVERY)
    report.note("answers a small question", answer.status == 200)
    seconds = await wait_until_ready(server, RECOVERY)
    report.add("until it is ready", seconds, "s", most=5, by_clock=True)
