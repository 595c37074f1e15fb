"""The cost of a program of 200 lines of tiny operations: new, and with its plan cached.

`python -m benchmarks.programs`. In milliseconds, the fastest and the median of many rounds. The whole answer
covers everything between parsing JSON and sending bytes; the other lines break that time down.
"""

import argparse
import statistics
import timeit
from collections.abc import Callable
from typing import Any

from compute.programs.language import parse_program
from compute.question.plan import prepare
from service.questions.programs import understand_program
from service.settings import Settings

ONE = ("tanh({})", "{} + x", "{} * w", "{} - x")
TWO = ("tanh({}) + x",)


def document(lines: int, forms: tuple[str, ...]) -> dict[str, Any]:
    """Return a question that cycles through these line templates, with a gradient for every name."""
    made = (f"a{at} = {forms[at % len(forms)].format(f'a{at - 1}')}" for at in range(1, lines))
    text = ["a0 = x * w", *made]
    upstream = {f"a{lines - 1}": [1.0, 1, 1]}
    return {"program": text, "inputs": {"x": [1.0, 1, 1], "w": [1.0, 1, 1]}, "upstream": upstream}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    print(f"a program of {arguments.lines} lines, milliseconds: the fastest, and the median")
    for title, forms in (("one operation a line", ONE), ("two operations a line", TWO)):
        print(title)
        report(document(arguments.lines, forms), arguments.rounds)


def report(asked: dict[str, Any], rounds: int) -> None:
    """Print the times of one program, by the share of cached work."""
    limits = Settings().limits
    job = understand_program(asked, limits)
    arrays = job.inputs, job.given, job.upstream

    def answer_anew() -> bytes:
        prepare.cache_clear()
        return understand_program(asked, limits).answer()

    def compute_anew() -> Any:
        return prepare.__wrapped__(job.question).answer(*arrays)

    contenders: dict[str, Callable[[], Any]] = {
        "read": lambda: parse_program(job.question.program),
        "read and planned": lambda: prepare.__wrapped__(job.question),
        "read, planned, evaluated, differentiated": compute_anew,
        "the whole answer, new": answer_anew,
        "the whole answer, plan kept": lambda: understand_program(asked, limits).answer(),
    }
    for name, call in contenders.items():
        times = [one * 1e3 for one in timeit.repeat(call, number=1, repeat=rounds)]
        print(f"  {name:40} {min(times):6.2f} {statistics.median(times):6.2f}")


if __name__ == "__main__":
    main()
