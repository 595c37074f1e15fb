"""Run attacks, each on a server of its own, and print their figures.

python -m tests.attacks [NAME ...]    all without names; --list names them
"""

import asyncio
import signal
import sys
import time

from tests.attacks import ATTACKS
from tests.attacks.printing import show
from tests.attacks.report import Attack, Report
from tests.attacks.running import run
from tests.attacks.server import serve


def main(names: list[str]) -> int:
    """Return how many figures are beyond their bounds."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is ended too
    if names == ["--list"]:
        for one in ATTACKS.values():
            print(f"{one.name:38}{' '.join(one.meaning.split())}")
        return 0
    if unknown := [name for name in names if name not in ATTACKS]:
        print(f"unknown: {', '.join(unknown)}; --list names all", file=sys.stderr)
        return 1
    chosen = [ATTACKS[name] for name in names] if names else [*ATTACKS.values()]
    return sum(_attack(one) for one in chosen)


def _attack(attack: Attack) -> int:
    start, report = time.monotonic(), Report()
    with serve(attack.settings, attack.megabytes) as server:
        asyncio.run(run(attack, server, report))
    return show(f"{attack.name} ({time.monotonic() - start:.1f} s)", report)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
