"""The state of the service: how full it is, and whether it would answer."""

from typing import Any

from compute.budgets.bounded_cache import caches
from service.answering import Answerer
from service.http.budgets import Budget
from service.http.watch import Watch
from service.workers.choice import Workers


def readiness(answerer: Answerer, watch: Watch | None) -> dict[str, Any]:
    """Return the answer to GET /health/ready; its status is "ready" where questions would be answered.

    watch: the connections, where the server of `workings serve` counts them.
    """
    floats, exact = answerer.floats, answerer.exact
    is_ready = floats.is_ready and exact.is_ready
    return {
        "status": "ready" if is_ready else "unready",
        **_fullness(floats),
        "exact": _fullness(exact),
        "memory": {
            "bodies": _bytes(answerer.bodies),
            "answers": _bytes(answerer.answers),
            "caches": {one.name: {"used": one.bytes, "most": one.budget} for one in caches()},
        },
        **({} if watch is None else {"connections": watch.figures()}),
    }


def _fullness(workers: Workers) -> dict[str, int]:
    return {
        "occupied": workers.occupied,
        "capacity": workers.capacity,
        "workers": len(workers.workers),
        "cache_bytes": workers.plans,
    }


def _bytes(budget: Budget) -> dict[str, int]:
    return {"used": budget.used, "most": budget.capacity}
