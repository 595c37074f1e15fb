"""Throughput of the service's routes against a bare middleware with the same answers.

`python -m benchmarks.routes [rounds]`. Both servers run at once on one processor and take turns of a fraction
of a second, driven from another processor; the result is the median of the rounds' ratios. The target is at
least 0.92 at exam size. Middleware of the service (request ids, compression) is included.
"""

import argparse
import statistics

from benchmarks.load import measure
from benchmarks.servers import serve_apart
from benchmarks.throughput import exam

SECONDS = 0.3
CONNECTIONS = 8
SERVERS = {"routes": "service.app:app", "middleware": "benchmarks.bare:app"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=40)
    rounds = parser.parse_args().rounds
    with serve_apart(SERVERS) as ports:
        for title, contenders in exam().items():
            [request] = [one.request for one in contenders if one.server == "workings"]
            rates: dict[str, list[float]] = {name: [] for name in ports}
            for counted in range(-1, rounds):
                for name, port in ports.items():
                    rate = measure(port, request, CONNECTIONS, SECONDS)
                    if counted >= 0:
                        rates[name].append(rate)
            ratios = sorted(ours / theirs for ours, theirs in zip(*rates.values(), strict=True))
            quarter = len(ratios) // 4
            medians = {name: f"{statistics.median(found):.0f}" for name, found in rates.items()}
            spread = f"{ratios[quarter]:.3f} to {ratios[-quarter - 1]:.3f}"
            print(
                f"{title:28} routes {medians['routes']}, middleware {medians['middleware']} a second;"
                f" ratio {statistics.median(ratios):.3f} ({spread})"
            )


if __name__ == "__main__":
    main()
