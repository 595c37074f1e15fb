"""The time of an answer as a document beside its JSON: `python -m benchmarks.documents`.

The same questions are answered in turns, in one process, so that the ratio does not depend on how busy the
machine is.
"""

import json
import statistics
import time
from pathlib import Path
from typing import Any

import orjson

from service.endpoints import find_endpoint
from service.in_process import answer_body

EXAMPLES = Path(__file__).parent.parent / "openapi" / "examples"
NAMES = ("000_0_1_1", "003_1", "001_1c_gradients", "002_1_4e_encoder_layer")
ROUNDS = 40
FORMS = ("", "html", "markdown", "tex")


def measure(question: dict[str, Any]) -> dict[str, tuple[float, int]]:
    """Return the median seconds and the bytes of each form of an answer."""
    operation, body = find_endpoint(question["path"]).name, orjson.dumps(question["request"])
    times: dict[str, list[float]] = {form: [] for form in FORMS}
    sizes: dict[str, int] = {}
    for _ in range(ROUNDS):
        for form in FORMS:
            start = time.perf_counter()
            sizes[form] = len(answer_body(operation, body, form))
            times[form].append(time.perf_counter() - start)
    return {form: (statistics.median(taken), sizes[form]) for form, taken in times.items()}


def main() -> None:
    print(f"{'question':26} {'form':9} {'ms':>6} {'beyond JSON':>12} {'ratio':>6} {'kB':>6}")
    for name in NAMES:
        figures = measure(json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8")))
        plain = figures[""][0]
        for form, (seconds, size) in figures.items():
            beyond = (seconds - plain) * 1000
            print(
                f"{name:26} {form or 'json':9} {seconds * 1000:6.2f} {beyond:12.2f} {seconds / plain:6.2f}"
                f" {size / 1000:6.1f}"
            )


if __name__ == "__main__":
    main()
