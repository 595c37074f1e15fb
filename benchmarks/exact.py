"""Exact answers over HTTP: their latency, and their effect on the throughput of floats.

`python -m benchmarks.exact [rounds]`. Every question has different numbers, so that nothing is cached. The
throughput of floats is measured alternately with and without concurrent exact work; the ratios are taken
round by round.
"""

import argparse
import http.client
import json
import statistics
import threading
import time
from typing import Any

from benchmarks.load import measure, post
from benchmarks.servers import serve

PATH = "/v1/self_attention"
EXAM: dict[str, Any] = {
    "x": [[0, 1], [-1, 1]],
    "w_q": [["2*sqrt(2)"], ["sqrt(2)"]],
    "w_k": [[-2], [-1]],
    "w_v": [[-0.1], [0.3]],
    "scale": 1,
    "upstream": {"output": [[1], [0]]},
}


def exam(number: int) -> dict[str, Any]:
    """Return the exam question with a value matrix that depends on the number."""
    return EXAM | {"w_v": [[f"-1/{number + 10}"], [f"{number}/10"]], "arithmetic": "exact"}


def symbolic(number: int) -> dict[str, Any]:
    """Return two tokens with symbolic weights and gradients; the number makes the question unique."""
    names = {"x": [2, 2], "w_q": [2, 1], "w_k": [2, 1], "w_v": [2, 1]}
    tensors = {name: {"symbol": f"{name[-1]}{number}_", "shape": shape} for name, shape in names.items()}
    return {**tensors, "upstream": {"output": [["g1"], ["g2"]]}, "arithmetic": "exact"}


def ask(port: int, question: dict[str, Any]) -> float:
    """Return the seconds until the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    connection.request("POST", PATH, json.dumps(question), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"an answer was {answer.status}")
    return time.perf_counter() - began


def throughput(port: int, rounds: int) -> list[tuple[float, float]]:
    """Return float answers per second, without and with concurrent exact work, by round."""
    request = post(PATH, json.dumps(EXAM).encode())
    found = []
    for at in range(rounds):
        alone = measure(port, request)
        going = threading.Event()
        going.set()

        def work(first: int, going: threading.Event = going) -> None:
            number = first
            while going.is_set():
                ask(port, symbolic(number))
                number += 1

        workers = [threading.Thread(target=work, args=(10_000 * (2 * at + one),)) for one in range(2)]
        for one in workers:
            one.start()
        concurrent = measure(port, request)
        going.clear()
        for one in workers:
            one.join()
        found.append((alone, concurrent))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    rounds = parser.parse_args().rounds
    with serve("service.app:app") as port:
        ask(port, exam(1))
        for name, question in (("exam with gradients", exam), ("all in symbols, with gradients", symbolic)):
            times = sorted(1e3 * ask(port, question(at)) for at in range(2, 22))
            print(f"{name:32} {statistics.median(times):6.0f} ms ({times[0]:.0f} to {times[-1]:.0f})")
        pairs = throughput(port, rounds)
        ratios = [concurrent / alone for alone, concurrent in pairs]
        print(f"floats a second, alone           {statistics.median(one for one, _ in pairs):6.0f}")
        print(f"with exact work                  {statistics.median(rate for _, rate in pairs):6.0f}")
        print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
