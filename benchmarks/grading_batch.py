"""Time a batch of submissions to one question, and the memory of the serving process.

Run `python -m benchmarks.grading_batch URL [LINES]` against a running service.
"""

import sys
import time
from collections.abc import Iterator

import httpx
import numpy as np
import orjson

NAMES = ("query", "key", "value", "scores", "weights", "output")


def make_lines(url: str, count: int) -> Iterator[bytes]:
    """Yield a rubric and submissions: right, with a slip, and with a missing scale."""
    random = np.random.default_rng(0)
    question = {name: random.integers(-2, 3, (4, 4)).tolist() for name in ("x", "w_q", "w_k", "w_v")}
    right = httpx.post(f"{url}/v1/self_attention", json=question).json()["values"]
    mistaken = httpx.post(f"{url}/v1/self_attention", json={**question, "scale": 1}).json()["values"]
    rubric = {"rubric": "q", "question": {"operation": "self_attention", **question}}
    yield orjson.dumps(rubric) + b"\n"
    for number in range(count):
        source = mistaken if number % 3 == 2 else right
        answer = {name: np.array(source[name], float) for name in NAMES if name in source}
        if number % 3 == 1:
            answer["query"][number % 4, number % 3] *= -1
        sent = {name: tensor.round(4).tolist() for name, tensor in answer.items()}
        yield orjson.dumps({"id": number, "rubric": "q", "answer": sent}) + b"\n"


def main() -> None:
    """Print the seconds of a batch and the size of its answer."""
    url, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    begin, size = time.perf_counter(), 0
    headers = {"content-type": "application/x-ndjson"}
    path = f"{url}/v1/grade/batch"
    with httpx.stream("POST", path, content=make_lines(url, count), headers=headers, timeout=None) as answer:
        for part in answer.iter_bytes():
            size += len(part)
    print(f"{count} lines in {time.perf_counter() - begin:.1f} s, {size} bytes")


if __name__ == "__main__":
    main()
