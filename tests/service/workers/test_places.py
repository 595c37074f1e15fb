"""Places for requests, and their order, shared fairly among clients."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from service.http.problems import Problem
from service.settings import Settings
from service.workers.kinds import float_kind
from service.workers.places import REFUSAL_DELAY, Places
from service.workers.process import Worker
from service.workers.roster import Roster


def test_one_client_has_at_most_half_of_the_queue() -> None:
    places = Places(2, 4)

    async def scenario() -> None:
        async with AsyncExitStack() as held:
            for _ in range(4):
                await held.enter_async_context(places.hold_place("greedy"))
            with pytest.raises(Problem, match="your address holds 4 of 6 places"):
                await held.enter_async_context(places.hold_place("greedy"))
            for number in range(2):
                await held.enter_async_context(places.hold_place(f"other {number}"))
            with pytest.raises(Problem, match="all 6 places are taken"):
                await held.enter_async_context(places.hold_place("late"))
            assert places.occupied == 6
        assert places.occupied == 0
        async with places.hold_place("greedy"):
            assert places.occupied == 1

    asyncio.run(scenario())


def test_a_refusal_comes_after_a_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that retry at once would otherwise keep the event loop busy."""
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)

    async def scenario() -> None:
        with pytest.raises(Problem, match="all 0 places are taken"):
            async with Places(0, 0).hold_place():
                pass

    asyncio.run(scenario())
    assert delays == [REFUSAL_DELAY]


@pytest.mark.parametrize(("computing", "waiting", "most"), [(1, 0, 1), (4, 0, 4), (1, 1, 2), (2, 64, 34)])
def test_one_client_may_use_all_workers(computing: int, waiting: int, most: int) -> None:
    assert Places(computing, waiting).max_per_client == most


def test_the_client_with_the_fewest_workers_is_served_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A roster without processes: both of its workers compute for one client."""

    def start(worker: Worker, _: object) -> None:
        worker.client, worker.is_free = "greedy", False

    monkeypatch.setattr(Worker, "__init__", start)
    monkeypatch.setattr(Roster, "_launch_missing", lambda _: None)
    roster = Roster(float_kind(Settings(workers=2)))
    first, second = Worker(roster.kind), Worker(roster.kind)
    roster.workers.update((first, second))
    waiting = {
        name: roster._request(name.rstrip("12")) for name in ("greedy1", "greedy2", "other1", "other2")
    }
    served = []
    for worker in (first, second, first, second):
        worker.is_free = True
        roster._give(worker)
        [name] = [name for name, future in waiting.items() if future.done()]
        served.append(name)
        del waiting[name]
        worker.client, worker.is_free = name.rstrip("12"), False
    assert served == ["other1", "greedy1", "other2", "greedy2"]
    roster.workers.clear()  # there is nothing to end
