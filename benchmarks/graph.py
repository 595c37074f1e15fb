"""Overhead of the graph over the same NumPy calls by hand, for the exam's self-attention.

`python -m benchmarks.graph`. In microseconds, the fastest of many interleaved rounds.
"""

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

from compute.graph.spec import Tensor
from compute.question.plan import Question, prepare
from compute.readings.reverse_mode import Differentiation

INPUTS: dict[str, Any] = {
    "x": np.array([[0.0, 1], [-1, 1]]),
    "w_q": np.array([[2.8284271247461903], [1.4142135623730951]]),
    "w_k": np.array([[-2.0], [-1]]),
    "w_v": np.array([[-0.1], [0.3]]),
}
UPSTREAM = np.array([[1.0], [0]])
ASKED = Question(
    "self_attention",
    (("scale", 1),),
    tuple((name, Tensor(array.shape)) for name, array in INPUTS.items()),
    upstream=(("output", Tensor(UPSTREAM.shape)),),
)
LOWEST, LEAST, ONE = (np.array(one) for one in (np.finfo(np.float64).min, np.finfo(np.float64).tiny, 1.0))


def forward(x: Any, w_q: Any, w_k: Any, w_v: Any) -> tuple[Any, ...]:
    """Compute the values by the same NumPy calls in the same order."""
    query, key, value = np.matmul(x, w_q), np.matmul(x, w_k), np.matmul(x, w_v)
    scaled = np.multiply(ONE, np.matmul(query, key.swapaxes(-1, -2)))
    maximum = np.maximum.reduce(scaled, axis=-1, keepdims=True)
    parts = np.exp(np.subtract(scaled, np.maximum(maximum, LOWEST)))
    weights = np.divide(parts, np.maximum(np.add.reduce(parts, axis=-1, keepdims=True), LEAST))
    return query, key, value, weights, np.matmul(weights, value)


def backward(x: Any, w_q: Any, w_k: Any, w_v: Any, g: Any, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Compute the gradients by the same rules in the same order."""
    query, key, value, weights, _ = values
    to_weights = np.matmul(g, value.swapaxes(-1, -2))
    to_value = np.matmul(weights.swapaxes(-1, -2), g)
    weighted = np.multiply(to_weights, weights)
    to_scaled = np.subtract(weighted, np.multiply(weights, np.add.reduce(weighted, axis=-1, keepdims=True)))
    to_scores = np.multiply(to_scaled, ONE)
    to_query = np.matmul(to_scores, key)
    to_key = np.matmul(query.swapaxes(-1, -2), to_scores).swapaxes(-1, -2)
    to_x = [
        np.matmul(one, w.swapaxes(-1, -2)) for one, w in ((to_value, w_v), (to_key, w_k), (to_query, w_q))
    ]
    to_w = [np.matmul(x.swapaxes(-1, -2), one) for one in (to_value, to_key, to_query)]
    return (*to_w, np.add(np.add(to_x[0], to_x[1]), to_x[2]))


def fastest(
    contenders: dict[str, Callable[[], Any]], rounds: int = 30, number: int = 300
) -> dict[str, float]:
    """Return microseconds per call, each contender's best over interleaved rounds."""
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, call in contenders.items():
            best[name] = min(best[name], timeit.timeit(call, number=number) / number * 1e6)
    return best


def main() -> None:
    prepared = prepare(ASKED)
    graph, evaluation, differentiation = prepared.graph, prepared.evaluation, prepared.differentiation
    assert isinstance(differentiation, Differentiation)
    known = {graph.names[name].index: array for name, array in INPUTS.items()}
    seeds = {graph.names["output"].index: UPSTREAM}
    values, by_hand = evaluation.run(known), forward(**INPUTS)
    np.testing.assert_array_equal(values[graph.names["output"].index], by_hand[-1])
    found = differentiation.run(values, seeds).totals[graph.names["x"].index]
    np.testing.assert_allclose(found, backward(**INPUTS, g=UPSTREAM, values=by_hand)[-1], rtol=1e-14)
    times = fastest(
        {
            "forward": lambda: evaluation.run(known),
            "forward by hand": lambda: forward(**INPUTS),
            "backward": lambda: differentiation.run(values, seeds),
            "backward by hand": lambda: backward(**INPUTS, g=UPSTREAM, values=by_hand),
            "plan, kept": lambda: prepare(ASKED),
        }
    )
    times |= fastest({"plan, anew": lambda: prepare.__wrapped__(ASKED)}, rounds=5, number=50)
    nodes = len(evaluation.computed_values())
    for name, spent in times.items():
        print(f"{name:18} {spent:8.2f} us")
    for name in ("forward", "backward"):
        overhead = (times[name] - times[f"{name} by hand"]) / nodes
        print(f"{name} overhead over the same calls by hand: {overhead:.2f} us for each of {nodes} nodes")


if __name__ == "__main__":
    main()
