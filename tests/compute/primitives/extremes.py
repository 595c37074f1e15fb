"""Operands of extreme shapes: tall and thin, one huge axis, many tiny matrices, wide windows, many groups.

Every primitive with operands has a function that draws them. The work of primitives without operands follows
from the shape of their result.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from compute.arithmetic.expressions import parse
from compute.graph.primitive import REGISTRY
from tests.compute.primitives.cases import CASES
from tests.compute.primitives.extreme_shapes import Extreme, Rng, normal, shape, sizes, thinner
from tests.compute.primitives.extreme_windows import convolved, matrix, patched, pooled, transposed


def _elementwise(name: str) -> Callable[[Rng, int], Extreme]:
    def drawn(rng: Rng, entries: int) -> Extreme:
        primitive, case = REGISTRY[name], CASES[name][0] if CASES.get(name) else None
        attributes = dict(rng.choice(CASES[name]).attributes) if case else {}  # type: ignore[arg-type]
        axes = shape(rng, entries, 3 if {"axis", "axes"} & attributes.keys() else 0)
        operands = []
        for place, operand in enumerate(primitive.operands):
            drawn_shape = axes if place == 0 or not primitive.broadcasts else thinner(rng, axes)
            if "boolean" in primitive.operand_kinds.get(operand, ("real",)):
                operands.append(rng.random(drawn_shape) < 0.5)
            else:
                operands.append(np.abs(normal(rng, *drawn_shape)) + 0.1)
        return Extreme(operands, attributes)

    return drawn


def _products(rng: Rng, entries: int) -> Extreme:
    n, k, m, *batch = sizes(rng, int(rng.integers(3, 7)), entries)
    left = thinner(rng, tuple(batch))
    return Extreme([normal(rng, *left, n, k), normal(rng, *batch, k, m)], {})


def _masked_products(rng: Rng, entries: int) -> Extreme:
    (a, b), _ = _products(rng, entries)
    return Extreme([a, b, rng.random((1, a.shape[-1])) < 0.5], {})


def _projection(rng: Rng, entries: int) -> Extreme:
    k, m, *outer = sizes(rng, int(rng.integers(2, 6)), entries)
    return Extreme([normal(rng, *outer, k), normal(rng, k, m)], {})


def _scan(gates: int, **more: Callable[[Rng], Any]) -> Callable[[Rng, int], Extreme]:
    def drawn(rng: Rng, entries: int) -> Extreme:
        while True:
            steps, h, *batch = sizes(rng, int(rng.integers(2, 4)), entries // gates)
            if h * h <= entries and steps * h * h <= 100 * entries and steps <= 3_000:
                break
        terms, w = rng.standard_normal((*batch, steps, gates * h)), rng.standard_normal((h, gates * h)) / h
        start = [rng.standard_normal((*batch, h)) for _ in range(2 if gates == 4 else 1)]
        bias = [rng.standard_normal((gates * h,))] if gates == 3 else []
        running = np.ones((1, 1), dtype=bool) if rng.random() < 0.5 else rng.random((*batch, steps, 1)) < 0.7
        reverse = {"reverse": bool(rng.random() < 0.5)}
        return Extreme(
            [terms, w, *bias, *start, running], {name: draw(rng) for name, draw in more.items()} | reverse
        )

    return drawn


def _normalization(rng: Rng, entries: int) -> Extreme:
    before, groups, inner = sizes(rng, 3, entries)
    kept = (1, 2) if rng.random() < 0.5 else (0, 2)
    gain = (groups, 1) if kept == (1, 2) else (inner,)
    attributes = {"epsilon": parse("0.1"), "sizes": {}, "cut": None, "kept": kept,
                  "centered": bool(rng.random() < 0.5)}  # fmt: skip
    x = rng.standard_normal((before, groups, inner))
    return Extreme([x, rng.standard_normal(gain), rng.standard_normal(gain)], attributes)


def _band(rng: Rng, entries: int) -> tuple[list[int], int, int, int, int]:
    while True:
        n, m, k, width, *batch = sizes(rng, int(rng.integers(4, 6)), entries)
        m = max(m, int(n * rng.random()))
        if max(n, m) * (width + 16) * math.prod(batch) <= 10 * entries and m * k <= entries:
            left = int(rng.integers(0, width))
            return batch, n, m, k, left * 10_000 + width - 1 - left


def _scores(rng: Rng, entries: int) -> Extreme:
    batch, n, m, k, reach = _band(rng, entries)
    left, right = divmod(reach, 10_000)
    return Extreme([normal(rng, *batch, n, k), normal(rng, m, k)], {"left": left, "right": right})


def _banded(rng: Rng, entries: int) -> Extreme:
    batch, n, m, k, reach = _band(rng, entries)
    left, right = divmod(reach, 10_000)
    operands = [normal(rng, *batch, n, left + right + 1), normal(rng, m, k)]
    return Extreme(operands, {"left": left, "right": right})


def _masked_banded(rng: Rng, entries: int) -> Extreme:
    (band, values), attributes = _banded(rng, entries)
    return Extreme([band, values, rng.random(band.shape[-2:]) < 0.5], attributes)


def _cut_band(rng: Rng, entries: int) -> Extreme:
    n, m, *batch = sizes(rng, 3, entries)
    width = min(n + m, max(1, 10 * entries // n), int(rng.integers(1, 400)))
    left = int(rng.integers(0, width))
    attributes = {"queries": n, "keys": m, "left": left, "right": width - 1 - left, "key_first": False}
    return Extreme([normal(rng, *batch, n, m)], attributes)


def _list_of(*axes: int) -> Callable[[Rng, int], Extreme]:
    def drawn(rng: Rng, entries: int) -> Extreme:
        count, *inner = sizes(rng, 3, entries)
        count = min(count, 500)
        return Extreme([normal(rng, *inner) for _ in range(count)], {"axis": int(rng.choice(axes))})

    return drawn


def _of(least: int, attributes: Callable[[Rng, tuple[int, ...]], dict[str, Any]]) -> Any:
    """Return a function that draws one operand of random shape, and attributes that fit it."""

    def drawn(rng: Rng, entries: int) -> Extreme:
        axes = shape(rng, entries, least)
        return Extreme([normal(rng, *axes)], attributes(rng, axes))

    return drawn


def _even(rng: Rng, entries: int) -> Extreme:
    *outer, inner = shape(rng, entries, 1)
    pairing = str(rng.choice(["interleaved", "half_split"]))
    return Extreme([normal(rng, *outer, 2 * inner)], {"pairing": pairing, "rotated": 2 * inner, "axis": -1})


def _pairs(rng: Rng, entries: int) -> Extreme:
    axes = shape(rng, entries, 1)
    pairing = str(rng.choice(["interleaved", "half_split"]))
    rotated = 2 * axes[-1]
    return Extreme([normal(rng, *axes)], {"pairing": pairing, "rotated": rotated, "width": rotated})


def _indexed(last: bool) -> Callable[[Rng, int], Extreme]:
    def drawn(rng: Rng, entries: int) -> Extreme:
        rows, classes = sizes(rng, 2, entries)
        return Extreme(
            [np.abs(normal(rng, rows, classes)), rng.integers(0, classes, (rows,)).astype(float)],
            {"axis": -1, "ignored": 0 if last else None},
        )

    return drawn


def _lookup(rng: Rng, entries: int) -> Extreme:
    table, width, places = sizes(rng, 3, entries)
    return Extreme(
        [normal(rng, table, width), rng.integers(0, table, (places,)).astype(float)], {"padding": None}
    )


def _gather(rng: Rng, entries: int) -> Extreme:
    n, rows, columns, wanted = sizes(rng, 4, entries)
    return Extreme([normal(rng, n, rows, columns), rng.integers(0, rows * columns, (n, wanted, 2))], {})


def _scatter(rng: Rng, entries: int) -> Extreme:
    n, rows, columns, wanted = sizes(rng, 4, entries)
    places = rng.integers(0, rows * columns, (n, wanted, 1))
    return Extreme([normal(rng, n, wanted, 1), places], {"sizes": (rows, columns)})


def _tiles(rng: Rng, entries: int) -> Extreme:
    channels, down, across, h, w = sizes(rng, 5, entries)
    return Extreme([normal(rng, channels, down * h, across * w)], {"window": (h, w)})


def _equal_shapes(rng: Rng, entries: int) -> Extreme:
    axes = shape(rng, entries, 1)
    return Extreme([normal(rng, *axes), normal(rng, *axes)], {"width": 2 * axes[-1]})


def _rotation(rng: Rng, entries: int) -> Extreme:
    size = max(1, int((entries / 4) ** 0.5))
    return Extreme([normal(rng, size), normal(rng, size)], {})


def _jacobian(rng: Rng, entries: int) -> Extreme:
    rows, columns = sizes(rng, 2, entries)
    columns = min(columns, max(1, int((10 * entries / rows) ** 0.5)))
    return Extreme([np.abs(normal(rng, rows, columns))], {"axis": -1})


def _spaced(rng: Rng, entries: int) -> Extreme:
    n, rows, columns = sizes(rng, 3, entries)
    stride = tuple(int(step) for step in rng.integers(1, 4, 2))
    return Extreme(
        [normal(rng, n, rows, columns)],
        {"stride": stride, "before": (1, 2), "sizes": (rows * stride[0], columns * stride[1])},
    )


def _classes(rng: Rng, entries: int) -> Extreme:
    rows, classes = sizes(rng, 2, entries)
    target = rng.integers(0, classes, (rows,)).astype(float)
    return Extreme([target], {"classes": classes, "axis": -1, "ignored": None})


def _checked(rng: Rng, entries: int) -> Extreme:
    return Extreme([rng.random(shape(rng, entries))], {"only": "probabilities"})


TIES = ("first", "split", "all")


def _along(**more: Any) -> Callable[[Rng, int], Extreme]:
    """Return a function that draws entries, and indices below 3 along the last axis."""

    def drawn(rng: Rng, entries: int) -> Extreme:
        *outer, last = shape(rng, entries, 1)
        rows = normal(rng, *outer, max(3, last))
        return Extreme([rows, rng.integers(0, 3, rows.shape)], {"axis": -1, **more})

    return drawn


def _taken(rng: Rng, entries: int) -> Extreme:
    rows, width, count = sizes(rng, 3, entries)
    return Extreme([normal(rng, rows, width), rng.integers(0, rows, (count,))], {})


def _contracted(rng: Rng, entries: int) -> Extreme:
    n, k, m = sizes(rng, 3, entries)
    return Extreme([normal(rng, n, k), normal(rng, k, m)], {"left": "ij", "right": "jk", "to": "ki"})


def _square(most: int, *, sides: bool = False) -> Callable[[Rng, int], Extreme]:
    """Return a function that draws square matrices of at most so many rows, and right sides."""

    def drawn(rng: Rng, entries: int) -> Extreme:
        rows, columns = int(rng.integers(1, most)), int(rng.integers(1, 40))
        batch = int(rng.integers(1, max(2, entries // (rows * rows * 40))))
        operands = [normal(rng, batch, rows, rows)]
        return Extreme([*operands, normal(rng, batch, rows, columns)] if sides else operands, {})

    return drawn


DRAWS: dict[str, Callable[[Rng, int], Extreme]] = {
    "check_entries": _checked,
    "matmul": _products,
    "guarded_matmul": _products,
    "masked_matmul": _masked_products,
    "project": _projection,
    "window_sum": pooled(),
    "winners": pooled(),
    "max_pool": pooled(ties=lambda rng: str(rng.choice(TIES))),
    "window_norm": pooled(exponent=lambda rng: parse(str(rng.choice(["1", "2", "3.5"])))),
    "convolve": convolved,
    "convolve_transposed": transposed,
    "patches": patched,
    "kernel_matrix": matrix,
    "spaced": _spaced,
    "rnn_scan": _scan(1, activation=lambda rng: str(rng.choice(["tanh", "relu", "identity"]))),
    "lstm_scan": _scan(4, order=lambda rng: (0, 1, 2, 3)),
    "gru_scan": _scan(3, reset_at=lambda rng: 0, reset_after=lambda rng: bool(rng.random() < 0.5)),
    "normalized_groups": _normalization,
    "banded_scores": _scores,
    "banded_sum": _banded,
    "masked_banded_sum": _masked_banded,
    "band": _cut_band,
    "stack": _list_of(-1, -2),
    "concatenate": _list_of(-1, -2),
    "time_step": _of(2, lambda rng, axes: {"at": int(rng.integers(0, axes[-2]))}),
    "columns": _of(1, lambda rng, axes: {"start": 0, "stop": axes[-1] // 2 + 1}),
    "rows": _of(2, lambda rng, axes: {"start": 0, "stop": axes[-2] // 2 + 1}),
    "part": _of(1, lambda rng, axes: {"items": ((None, None, -1),)}),
    "reshape": _of(0, lambda rng, axes: {"to": (math.prod(axes),)}),
    "broadcast_to": _of(0, lambda rng, axes: {"to": (3, *axes)}),
    "split_axis": _of(2, lambda rng, axes: {"parts": axes[-1], "axis": -1}),
    "merge_axis": _of(3, lambda rng, axes: {"axis": int(rng.choice([-1, -2]))}),
    "join_axes": _of(2, lambda rng, axes: {}),
    "expand_dims": _of(1, lambda rng, axes: {"axis": -1}),
    "repeat": _of(3, lambda rng, axes: {"times": 3, "axis": -3}),
    "take_along_axis": _along(),
    "put_along_axis": _along(size=3, add=True),
    "take": _taken,
    "permute": _of(2, lambda rng, axes: {"axes": tuple(range(len(axes)))[::-1]}),
    "diagonal": _of(2, lambda rng, axes: {}),
    "triangle": _of(2, lambda rng, axes: {"lower": True, "offset": 0}),
    "contract": _contracted,
    "det": _square(12),
    "inv": _square(60),
    "solve": _square(60, sides=True),
    "transpose": _of(2, lambda rng, axes: {}),
    "flip": _of(2, lambda rng, axes: {}),
    "interleave": _equal_shapes,
    "spread_pairs": _pairs,
    "turn_pairs": _even,
    "block_rotation": _rotation,
    "softmax_jacobian": _jacobian,
    "pick": _indexed(last=False),
    "class_surprise": _indexed(last=True),
    "embedding_lookup": _lookup,
    "entries_at": _gather,
    "scattered": _scatter,
    "tiles": _tiles,
    "one_hot": _classes,
    "argmax": _of(1, lambda rng, axes: {"axis": -1, "left": None}),
    "largest_weight": _of(1, lambda rng, axes: {"axis": -1, "left": None}),
}


def with_operands() -> list[str]:
    """Return the names of the primitives with operands."""
    return [name for name in REGISTRY if name in DRAWS or CASES.get(name) or name == "masked_fill"]


def extreme(name: str, rng: Rng, entries: int) -> Extreme:
    """Draw operands and attributes for a primitive, of about `entries` entries at most."""
    return DRAWS.get(name, _elementwise(name))(rng, entries)
