"""The attacks that take about a second each, on one server. Nothing here depends on how busy a machine is."""

import asyncio
import sys
from collections.abc import Iterator

import pytest

from tests.attacks import ATTACKS
from tests.attacks.report import Report
from tests.attacks.server import Server, serve

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are watched by /proc")
CHEAP = [name for name, attack in ATTACKS.items() if attack.is_cheap]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve({"exact_seconds": 1}, 8192) as server:
        yield server


@pytest.mark.parametrize("name", CHEAP)
def test_an_attack_does_no_harm(name: str, server: Server) -> None:
    report, logged = Report(), len(server.log)
    asyncio.run(ATTACKS[name].run(server, report))
    beyond = [f"{one.name}: {one.value:g}" for one in report.figures if not one.is_kept and not one.by_clock]
    assert beyond == []
    assert server.is_running()
    assert "Traceback" not in server.log[logged:]
