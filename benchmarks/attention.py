"""Attention, forward with all gradients and intermediate values, against NumPy and PyTorch.

`python -m benchmarks.attention` (needs the extra `reference`). Four contenders take turns in one run with the
same number of threads, in float64: Workings (a prepared question, every value and gradient returned); NumPy
by hand, the same calls; PyTorch eager, which keeps what its backward pass needs; and PyTorch's fused
function, which returns no weights. Then local attention against PyTorch with the full boolean mask.
"""

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from benchmarks import THREADS
from compute.graph.spec import Tensor
from compute.question.plan import Question, prepare

NAMES = ("query", "key", "value")


def prepare_attention(shape: tuple[int, ...], settings: dict[str, Any], *, gradients: bool = True) -> Any:
    inputs = tuple((name, Tensor(shape)) for name in NAMES)
    upstream = (("output", Tensor(shape)),) if gradients else ()
    return prepare(Question("attention", tuple(settings.items()), inputs, upstream=upstream))


def by_hand(query: Any, key: Any, value: Any, g: Any) -> tuple[Any, ...]:
    scale = np.sqrt(query.shape[-1]) ** -1
    scores = query @ key.swapaxes(-1, -2)
    scaled = scale * scores
    parts = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    weights = parts / parts.sum(axis=-1, keepdims=True)
    output = weights @ value
    to_weights = g @ value.swapaxes(-1, -2)
    to_value = weights.swapaxes(-1, -2) @ g
    weighted = to_weights * weights
    to_scaled = weighted - weights * weighted.sum(axis=-1, keepdims=True)
    to_scores = scale * to_scaled
    to_query = to_scores @ key
    to_key = to_scores.swapaxes(-1, -2) @ query
    return scores, scaled, weights, output, to_weights, to_scaled, to_scores, to_query, to_key, to_value


def eager(query: Any, key: Any, value: Any, g: Any) -> Any:
    leaves = [one.detach().requires_grad_() for one in (query, key, value)]
    scores = leaves[0] @ leaves[1].transpose(-1, -2)
    weights = torch.softmax(query.shape[-1] ** -0.5 * scores, -1)
    output = weights @ leaves[2]
    output.backward(g)
    return output, *(one.grad for one in leaves)


def fused(query: Any, key: Any, value: Any, g: Any) -> Any:
    leaves = [one.detach().requires_grad_() for one in (query, key, value)]
    output: Any = F.scaled_dot_product_attention(leaves[0], leaves[1], leaves[2])
    output.backward(g)
    return output, *(one.grad for one in leaves)


def times(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each contender, round by round; the first round is not counted."""
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for at in range(rounds + 1):
        for name, call in contenders.items():
            start = time.perf_counter()
            call()
            if at:
                spent[name].append(time.perf_counter() - start)
    return spent


def ratio(spent: dict[str, list[float]], other: str) -> str:
    """Return the median and range of the rounds' ratios of Workings to another contender."""
    found = [one / two for one, two in zip(spent["workings"], spent[other], strict=True)]
    return f"{statistics.median(found):.3g} ({min(found):.2g} to {max(found):.2g})"


def attention(shape: tuple[int, ...], rounds: int) -> None:
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal(shape) for _ in range(4)]
    tensors = [torch.tensor(one if one.ndim == 3 else one[None]) for one in arrays]
    question = prepare_attention(shape, {})
    inputs, upstream = dict(zip(NAMES, arrays, strict=False)), {"output": arrays[3]}
    answer = question.answer(inputs, {}, upstream)
    hand = by_hand(*arrays)
    theirs = eager(*tensors)
    np.testing.assert_allclose(answer.values["output"], hand[3], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(answer.gradients["key"], theirs[2].reshape(shape), rtol=1e-10, atol=1e-12)
    spent = times(
        {
            "workings": lambda: question.answer(inputs, {}, upstream),
            "NumPy by hand": lambda: by_hand(*arrays),
            "PyTorch eager": lambda: eager(*tensors),
            "PyTorch fused": lambda: fused(*tensors),
        },
        rounds,
    )
    print(f"{shape}: Workings {statistics.median(spent['workings']) * 1e3:.1f} ms, over")
    for name in list(spent)[1:]:
        print(f"    {name}: {ratio(spent, name)}")


def peak(call: Callable[[], Any]) -> float:
    """Return the peak memory that NumPy allocates during a call, in MiB."""
    tracemalloc.start()
    call()
    found = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return found


def local(length: int, reach: int, width: int, rounds: int) -> None:
    rng = np.random.default_rng(2)
    arrays = [rng.standard_normal((length, width)) for _ in range(4)]
    inputs, upstream = dict(zip(NAMES, arrays, strict=False)), {"output": arrays[3]}
    tensors = [torch.tensor(one)[None] for one in arrays]
    at = torch.arange(length)
    mask = (at[:, None] - at).abs() <= reach

    def full() -> Any:
        with torch.no_grad():
            return F.scaled_dot_product_attention(tensors[0], tensors[1], tensors[2], attn_mask=mask)

    def full_backward() -> Any:
        leaves = [one.detach().requires_grad_() for one in tensors[:3]]
        output: Any = F.scaled_dot_product_attention(leaves[0], leaves[1], leaves[2], attn_mask=mask)
        output.backward(tensors[3])

    for name, theirs, gradients in (("forward", full, False), ("with gradients", full_backward, True)):
        question = prepare_attention((length, width), {"window": reach}, gradients=gradients)

        def ours(question: Any = question, gradients: bool = gradients) -> Any:
            return question.answer(inputs, {}, upstream if gradients else {})

        found = ours().values["output"]
        np.testing.assert_allclose(found, full()[0].numpy(), rtol=1e-9, atol=1e-11)
        spent = times({"workings": ours, "PyTorch, full mask": theirs}, rounds)
        median = statistics.median(spent["workings"]) * 1e3
        print(
            f"T = {length}, k = {reach}, d = {width}, {name}: {median:.0f} ms,"
            f" {peak(ours):.0f} MiB; over PyTorch with the full mask {ratio(spent, 'PyTorch, full mask')}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(int(THREADS))
    print(f"threads: {THREADS}")
    attention((512, 64), rounds * 4)
    attention((2048, 64), rounds)
    attention((8, 512, 64), rounds)
    for length in (4096, 8192):
        local(length, 16, 64, 3)
    local(16384, 16, 64, 3)


if __name__ == "__main__":
    main()
