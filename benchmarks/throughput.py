"""Answers per second of Workings, of the usual route with PyTorch, and of a route that echoes the body.

`python -m benchmarks.throughput [rounds]`. All servers run at once on one processor and take turns, driven
from another; the figures are medians over the rounds, the ratios are taken round by round.
"""

import argparse
import base64
import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from benchmarks.load import measure, post
from benchmarks.servers import serve_apart

PATH = "/v1/self_attention"
SERVERS = {"workings": "service.app:app", "peer": "benchmarks.peer:app", "floor": "benchmarks.floor:app"}


@dataclass
class Contender:
    """A request to one server."""

    label: str
    server: str
    request: bytes


def exam() -> dict[str, list[Contender]]:
    """Return contenders for two tokens: Workings returns every value and step, the peer its output."""
    question: dict[str, Any] = {
        "x": [[0, 1], [-1, 1]],
        "w_q": [[2.8284271247461903], [1.4142135623730951]],
        "w_k": [[-2], [-1]],
        "w_v": [[-0.1], [0.3]],
        "scale": 1,
    }
    body = orjson.dumps(question)
    ours = orjson.dumps(question | {"upstream": {"output": [[1], [0]]}})
    theirs = orjson.dumps(question | {"upstream": [[1], [0]]})
    return {
        "exam size, forward": [
            Contender("workings, everything named", "workings", post(PATH, body)),
            Contender("peer", "peer", post("/threaded", body)),
            Contender("peer on the event loop", "peer", post("/direct", body)),
            Contender("echo", "floor", post("/echo", body)),
        ],
        "exam size, with gradients": [
            Contender("workings, everything named", "workings", post(PATH, ours)),
            Contender("peer", "peer", post("/gradients", theirs)),
        ],
    }


def pack(array: "np.ndarray[Any, Any]") -> dict[str, Any]:
    data = base64.b64encode(array.tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def large(numbers: int) -> list[Contender]:
    """Return contenders for sequences of 32 tokens of width 32, dominated by parsing and writing."""
    rng = np.random.default_rng(1)
    arrays = {"x": rng.standard_normal((numbers // 1024, 32, 32))}
    arrays |= {name: rng.standard_normal((32, 32)) for name in ("w_q", "w_k", "w_v")}
    nested = {name: array.tolist() for name, array in arrays.items()}
    body = orjson.dumps(nested | {"scale": 1})
    output = {"scale": 1, "select": ["output"]}
    tight = {name: pack(array) for name, array in arrays.items()}
    return [
        Contender("workings, output", "workings", post(PATH, orjson.dumps(nested | output))),
        Contender("peer", "peer", post("/batch", body)),
        Contender(
            "workings, output, packed", "workings",
            post(PATH, orjson.dumps(tight | output | {"encoding": "packed"})),
        ),
        Contender("echo", "floor", post("/echo", body)),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    rounds = parser.parse_args().rounds
    sizes = (10_240, 102_400, 1_024_000)
    questions = exam() | {f"{count:,} numbers in and out": large(count) for count in sizes}
    with serve_apart(SERVERS) as ports:
        for title, contenders in questions.items():
            connections = 8 if title.startswith("exam") else 2
            for one in contenders:
                measure(ports[one.server], one.request, connections, 0.5)
            rates: dict[str, list[float]] = {one.label: [] for one in contenders}
            for _ in range(rounds):
                for one in contenders:
                    rates[one.label].append(measure(ports[one.server], one.request, connections))
            report(title, rates)


def report(title: str, rates: dict[str, list[float]]) -> None:
    print(title)
    for label, found in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(found, rates["peer"], strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(
            f"  {label:28} {statistics.median(found):10.1f} a second"
            f"   {statistics.median(ratios):6.2f} of the peer ({spread})"
        )


if __name__ == "__main__":
    main()
