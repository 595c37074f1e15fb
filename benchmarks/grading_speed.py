"""The time of grading one answer, as a ratio to computing its question: `python -m benchmarks.grading_speed`.

The question is self-attention of three tokens; seven values and six gradients are graded. All measurements
are of CPU time in one process, interleaved, and each figure is a median.
"""

import sys
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import orjson

from service.endpoints import ENDPOINTS
from service.settings import Settings

LIMITS = Settings().limits
VALUES = ("query", "key", "value", "scores", "scaled_scores", "weights", "output")
GRADIENTS = ("w_q", "w_k", "w_v", "weights", "scores", "query")


def _answer(endpoint: str, document: dict[str, Any]) -> bytes:
    return ENDPOINTS[endpoint].understand(document, LIMITS).answer()


def make_cases() -> dict[str, Callable[[], bytes]]:
    """Return the functions to time: computing the question, and grading answers to it."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return rng.normal(size=shape).round(1).tolist()

    fields = {"x": draw(3, 4), "w_q": draw(4, 3), "w_k": draw(4, 3), "w_v": draw(4, 3),
              "upstream": {"output": draw(3, 3)}}  # fmt: skip
    solved = orjson.loads(_answer("self_attention", fields))
    values = {name: solved["values"][name] for name in VALUES}
    gradients = {name: solved["gradients"][name] for name in GRADIENTS}
    scaled = np.array(values["scores"]) / 3  # by d in the place of its root
    powers = np.exp(scaled)
    weights = powers / powers.sum(axis=-1, keepdims=True)
    followed = {"scaled_scores": scaled, "weights": weights, "output": weights @ np.array(values["value"])}
    noise = {name: rng.normal(size=np.shape(value)) for name, value in values.items()}
    question = {"operation": "self_attention", **fields}

    def grading(changes: dict[str, Any]) -> Callable[[], bytes]:
        changed = values | {name: value.tolist() for name, value in changes.items()}
        return lambda: _answer("grade", {"question": question, "answer": changed, "gradients": gradients})

    return {
        "computing the question": lambda: _answer("self_attention", fields),
        "a right answer": grading({}),
        "a known mistake, followed": grading(followed),
        "one value wrong, none follows": grading({"query": noise["query"]}),
        "noise for all values": grading(noise),
    }


def main(rounds: int = 60) -> None:
    """Print the time of each case, in ms and as a ratio."""
    cases = make_cases()
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds + 3):  # the first build what is kept
        for name, run in cases.items():
            started = process_time()
            run()
            times[name].append(process_time() - started)
    unit = median(times["computing the question"][3:])
    for name, seconds in times.items():
        print(f"{name:30} {1000 * median(seconds[3:]):8.2f} ms {median(seconds[3:]) / unit:8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
