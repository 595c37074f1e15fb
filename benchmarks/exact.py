"""Exact answers over HTTP: how long they take, and what floats notice of them.

`python -m benchmarks.exact [rounds]`. Every question has other numbers, so that nothing is remembered from
one to the next. The throughput of floats is measured with and without exact work at hand, in turn; the ratios
are taken round by round.
"""

import argparse
import http.client
import json
import statistics
import threading
import time
from typing import Any

from benchmarks.load import measure, post
from benchmarks.servers import served

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
    """The exam question with a value matrix of its own."""
    return EXAM | {"w_v": [[f"-1/{number + 10}"], [f"{number}/10"]], "arithmetic": "exact"}


def symbolic(number: int) -> dict[str, Any]:
    """Two tokens, weights and gradients in symbols; the numbers tell one question from the next."""
    names = {"x": [2, 2], "w_q": [2, 1], "w_k": [2, 1], "w_v": [2, 1]}
    tensors = {name: {"symbol": f"{name[-1]}{number}_", "shape": shape} for name, shape in names.items()}
    return {**tensors, "upstream": {"output": [["g1"], ["g2"]]}, "arithmetic": "exact"}


def ask(port: int, question: dict[str, Any]) -> float:
    """Seconds to the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    connection.request("POST", PATH, json.dumps(question), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"an answer was {answer.status}")
    return time.perf_counter() - began


def throughput(port: int, rounds: int) -> list[tuple[float, float]]:
    """Answers about floats a second without and with exact work at hand, in turn."""
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
        beside = measure(port, request)
        going.clear()
        for one in workers:
            one.join()
        found.append((alone, beside))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    rounds = parser.parse_args().rounds
    with served("service.app:app") as port:
        ask(port, exam(1))
        for name, question in (("exam with gradients", exam), ("all in symbols, with gradients", symbolic)):
            times = sorted(1e3 * ask(port, question(at)) for at in range(2, 22))
            print(f"{name:32} {statistics.median(times):6.0f} ms ({times[0]:.0f} to {times[-1]:.0f})")
        pairs = throughput(port, rounds)
        ratios = [beside / alone for alone, beside in pairs]
        print(f"floats a second, alone           {statistics.median(one for one, _ in pairs):6.0f}")
        print(f"beside exact work                {statistics.median(one for _, one in pairs):6.0f}")
        print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
