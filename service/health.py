"""The readiness of the service, and how full its queues, budgets and caches are."""

from typing import Any

from compute.budgets.bounded_cache import caches
from service.answering import Answerer
from service.http.budgets import Budget
from service.http.watch import Watch
from service.workers.choice import Workers


def readiness(answerer: Answerer, watch: Watch | None) -> dict[str, Any]:
    """Return the answer to GET /health/ready; its status is "ready" if questions would be answered.

    watch: the connections, if the server of `workings serve` counts them.
    """
    floats, exact = answerer.floats, answerer.exact
    is_ready = floats.is_ready and exact.is_ready
    return {
        "status": "ready" if is_ready else "unready",
        **_occupancy(floats),
        "exact": _occupancy(exact),
        "memory": {
            "bodies": _budget_bytes(answerer.bodies),
            "answers": _budget_bytes(answerer.answers),
            "caches": {cache.name: {"used": cache.bytes, "most": cache.budget} for cache in caches()},
        },
        **({} if watch is None else {"connections": watch.counters()}),
    }


def _occupancy(workers: Workers) -> dict[str, int]:
    return {
        "occupied": workers.occupied,
        "capacity": workers.capacity,
        "workers": len(workers.workers),
        "cache_bytes": workers.plans,
    }


def _budget_bytes(budget: Budget) -> dict[str, int]:
    return {"used": budget.used, "most": budget.capacity}
