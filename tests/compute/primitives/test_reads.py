"""The entries that primitives read, against what changes when single entries of operands change."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.expressions import parse
from compute.arithmetic.floating import FLOAT64
from compute.dimensions import Polynomial
from compute.graph.axis_windows import AxisWindow, Reads, reshaped_reads
from compute.graph.primitive import REGISTRY, Application
from compute.primitives.windows import Layout
from tests.compute.primitives.cases import CASES
from tests.compute.primitives.drawing import Array, Case, normal

CHOSEN = [
    (name, at)
    for name, cases in CASES.items()
    for at in range(len(cases))
    if name != "check_entries"  # which refuses changed entries
]
AT = ("identity", "add", "tanh", "softmax", "transpose", "matmul", "rows", "sum_over", "expand_dims")


def changed_by_each_entry(name: str, case: Case, operands: list[Array], place: int) -> Array:
    """Return which entries of the result change with each entry of an operand: (*operand, *result)."""
    primitive = REGISTRY[name]
    before = primitive.forward(FLOAT64, *operands, **case.attributes)
    found = np.zeros((*operands[place].shape, *before.shape), dtype=bool)
    for index in np.ndindex(operands[place].shape):
        for step in (0.7, -0.9):
            moved = [*operands[:place], operands[place].copy(), *operands[place + 1 :]]
            moved[place][index] *= 1 + step
            moved[place][index] += step / 100
            with np.errstate(all="ignore"):
                after = primitive.forward(FLOAT64, *moved, **case.attributes)
            found[index] |= ~((after == before) | (np.isnan(after) & np.isnan(before)))
    return found


def declared(reads: Reads, operand: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """Return which entries of an operand each entry of the result reads, as the primitive declares it."""
    found = np.ones((*operand, *shape), dtype=bool)
    indices = np.indices(found.shape)
    for axis, window in enumerate(reads):
        if window is None:
            continue
        own = indices[axis]
        other = 0 if window.axis is None else indices[len(operand) + len(shape) + window.axis]
        numbers = [float(str(FLOAT64.constant(parse(str(one)), {}))) for one in window[1:4]]
        first = numbers[2] + numbers[1] * other
        found &= (own >= first - 1e-9) & (own <= first + numbers[0] - 1 + 1e-9)
    return found


@pytest.mark.parametrize(("name", "at"), CHOSEN)
def test_no_primitive_reads_more_than_it_declares(name: str, at: int) -> None:
    case, rng = CASES[name][at], np.random.default_rng(5)
    operands = [np.asarray(operand(rng)) for operand in case.operands]
    applied = Application(REGISTRY[name], tuple(one.shape for one in operands), case.attributes)
    shape: Any = applied.shape
    for place, operand in enumerate(operands):
        reads = applied.reads(place)
        assert len(reads) == operand.ndim
        if operand.dtype == np.float64 and applied.rules[place] is not None:
            changed = changed_by_each_entry(name, case, operands, place)
            allowed = declared(reads, operand.shape, shape)
            assert not (changed & ~allowed).any()
            if name in AT:
                assert (changed == allowed).all()


@pytest.mark.parametrize(
    ("stride", "padding", "dilation"),
    [
        ((1, 1), ((0, 0), (0, 0)), (1, 1)),
        ((2, 3), ((1, 1), (2, 0)), (1, 2)),
        ((1, 2), ((2, 2), (1, 1)), (2, 1)),
    ],
)
def test_windows_of_convolutions_are_exact_hulls(stride: Any, padding: Any, dilation: Any) -> None:
    case = Case([normal(1, 2, 9, 8), normal(3, 2, 3, 2)], {"layout": Layout(stride, padding, dilation)})
    operands = [operand(np.random.default_rng(1)) for operand in case.operands]
    applied = Application(REGISTRY["convolve"], tuple(one.shape for one in operands), case.attributes)
    changed = changed_by_each_entry("convolve", case, operands, 0)
    for axis in (2, 3):
        window = applied.reads(0)[axis]
        assert window is not None and window.axis == axis - 4 and window.slides
        size = operands[0].shape[axis]
        for at in range(changed.shape[4 + axis]):
            [seen] = np.nonzero(
                changed.swapaxes(axis, 0).swapaxes(axis + 4, 1)[:, at].reshape(size, -1).any(1)
            )
            start, stop = (int(str(one)) for one in (window.start, window.start + window.size))
            step = int(str(window.stride)) * at
            inside = range(max(0, start + step), min(size, stop + step))
            taps = [one for one in inside if (one - start - step) % dilation[axis - 2] == 0]
            assert list(seen) == taps


def test_an_upsampling_convolution_reads_a_window_with_a_fraction_as_stride() -> None:
    layout = Layout((2, 2), ((1, 1), (1, 1)))
    attributes = {"layout": layout, "output": (8, 8)}
    applied = Application(REGISTRY["convolve_transposed"], ((1, 2, 4, 4), (2, 3, 4, 4)), attributes)
    *_, window = applied.reads(0)
    assert window is not None
    assert [str(one) for one in window[1:4]] == ["5/2", "1/2", "-1"]


n, c = Polynomial.symbol("n"), Polynomial.symbol("c")


@pytest.mark.parametrize(
    ("operand", "shape", "axes"),
    [
        ((2, 3, 4), (6, 4), [None, None, -1]),
        ((6, 4), (2, 3, 4), [None, -1]),
        ((2, 1, 3), (2, 3, 1), [-3, "first", -2]),
        ((n, c, 4), (n * c, 4), [None, None, -1]),
        ((n, c), (1, n, 1, c), [-3, -1]),
        ((4, 3), (3, 4), [None, None]),
    ],
)
def test_reshapes_keep_axes_that_are_neither_merged_nor_split(operand: Any, shape: Any, axes: Any) -> None:
    found = reshaped_reads(0, shape, operand)
    wanted = [
        None if one is None else AxisWindow(None, 1, 0, 0) if one == "first" else AxisWindow(one)
        for one in axes
    ]
    assert list(found) == wanted
