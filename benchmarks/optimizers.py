"""Traces of optimizers against torch.optim: `python -m benchmarks.optimizers` (needs the extra `reference`).

1,000 steps on the quadratic (x^2 + 10 y^2) / 2 in float64, as two numbers and as one vector. Both sides
compute the loss and its gradients at every step; Workings returns every step with all its state and builds
its summary, PyTorch keeps the last step. Then whole answers, formulas included, and a trace of 100,000 steps.
"""

import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import torch

from compute.optimizers import OPTIMIZERS
from compute.question.limits import Limits
from service.optimizers.traces import understand_trace

STEPS = 1000
ROUNDS = 5
LIMITS = Limits(work=10**12, entries=10**9, answer=10**9)
# Rates with which no optimizer diverges within the steps.
RATE = 0.01
PEERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "gradient_descent": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adadelta": (torch.optim.Adadelta, {}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
    "amsgrad": (torch.optim.Adam, {"amsgrad": True}),
    "adamax": (torch.optim.Adamax, {}),
    "nadam": (torch.optim.NAdam, {}),
    "radam": (torch.optim.RAdam, {}),
    "rprop": (torch.optim.Rprop, {}),
}
# Optimizers that torch.optim lacks are compared with the nearest it has.
NEAREST = {"nesterov_lookahead": "nesterov", "lion": "momentum"}
TWO: Mapping[str, Any] = {"program": ["f = (x**2 + 10 * y**2) / 2"], "start": {"x": 1, "y": 1}}
VECTOR: Mapping[str, Any] = {
    "program": ["f = sum(c * v**2) / 2"],
    "start": {"v": [1, 1]},
    "inputs": {"c": [1, 10]},
}


def question(posed: Mapping[str, Any], name: str, **more: Any) -> Any:
    document = {**posed, "optimizer": {"name": name, "learning_rate": RATE}, "steps": STEPS, **more}
    return understand_trace(document, LIMITS)


def ours(posed: Mapping[str, Any], name: str) -> Any:
    trace = question(posed, name).prepared.trace
    return lambda: list(trace.shown_steps())


def theirs(posed: Mapping[str, Any], name: str) -> Any:
    make, settings = PEERS[NEAREST.get(name, name)]
    start = [torch.tensor(one, dtype=torch.float64, requires_grad=True) for one in posed["start"].values()]
    factors = torch.tensor([1.0, 10.0], dtype=torch.float64)
    optimizer = make(start, lr=RATE, **settings)

    def run() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad()
            if len(start) == 2:
                loss = (start[0] ** 2 + 10 * start[1] ** 2) / 2
            else:
                loss = (factors * start[0] ** 2).sum() / 2
            loss.backward()
            optimizer.step()

    return run


def seconds(run: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def compare(posed: Mapping[str, Any], name: str) -> str:
    times = [(seconds(ours(posed, name)), seconds(theirs(posed, name))) for _ in range(ROUNDS)]
    ratios = sorted(one / other for one, other in times)
    mine, other = (statistics.median(one) * 1e6 / STEPS for one in zip(*times, strict=True))
    ratio = f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    return f"{name:20} {mine:7.1f} {other:8.1f}   {ratio}"


def main() -> None:
    torch.set_num_threads(1)
    for title, posed in (("two numbers", TWO), ("one vector", VECTOR)):
        print(f"{title}: microseconds a step, torch.optim, ratio")
        for name in OPTIMIZERS:
            if name in PEERS or name in NEAREST:
                print(compare(posed, name))
    newton = seconds(ours(TWO, "newton")) * 1e6 / STEPS
    print(f"newton, which torch.optim has not: {newton:.0f} microseconds a step")

    whole = statistics.median(seconds(question(TWO, "adam").answer) for _ in range(ROUNDS))
    plain = ["parameters", "loss"]
    short = statistics.median(seconds(question(TWO, "adam", select=plain).answer) for _ in range(ROUNDS))
    print(
        f"whole answer of {STEPS} steps of adam: {whole * 1e3:.0f} ms; without formulas: {short * 1e3:.0f} ms"
    )
    for steps in (10_000, 100_000):
        long = question(TWO, "adam", steps=steps, every=steps // 100)
        tracemalloc.start()
        question(TWO, "adam", steps=steps, every=steps // 100, select=plain).answer()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        spent = seconds(long.answer)
        print(f"{steps:,} steps, 100 of them returned: {spent:.2f} s, peak {peak / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
