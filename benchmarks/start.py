"""Time from starting the process to the first answer, against an empty FastAPI application with NumPy.

`python -m benchmarks.start [rounds]`. Fresh processes take turns; the ratio is taken round by round.
"""

import argparse
import http.client
import json
import statistics
import time
from pathlib import Path

from benchmarks.servers import free_port, start

QUESTION = json.dumps(
    {"x": [[0, 1], [-1, 1]], "w_q": [[2], [1]], "w_k": [[-2], [-1]], "w_v": [[-0.1], [0.3]]}
)
CONTENDERS = {
    "workings": ("service.app:app", "POST", "/v1/self_attention", QUESTION),
    "empty": ("benchmarks.empty:app", "GET", "/", None),
}


def first_answer(app: str, method: str, path: str, body: str | None) -> tuple[float, float]:
    """Return the seconds until the first answer, and the memory of the process then, in MiB."""
    port, began = free_port(), time.perf_counter()
    process = start(app, port)
    try:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            try:
                connection.request(method, path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"the first answer was {answer.status}")
                return time.perf_counter() - began, memory(process.pid)
            except ConnectionRefusedError:
                time.sleep(0.002)
            finally:
                connection.close()
    finally:
        process.terminate()
        process.wait()


def memory(process: int) -> float:
    """Return the resident memory in MiB, if the system reports it."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return float("nan")
    [line] = [one for one in status.read_text(encoding="ascii").splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=9)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    sizes: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for counted in range(-1, rounds):
        for name, contender in CONTENDERS.items():
            spent, size = first_answer(*contender)
            if counted >= 0:
                times[name].append(spent)
                sizes[name].append(size)
    for name in CONTENDERS:
        print(f"{name:10} {statistics.median(times[name]):.3f} s {statistics.median(sizes[name]):6.1f} MiB")
    ratios = [ours / theirs for ours, theirs in zip(times["workings"], times["empty"], strict=True)]
    print(f"ratio      {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
