"""Summaries of made-up losses, norms and updates."""

import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.optimizers.run.summary import Summary, Watch


def summarize(
    losses: list[float | None],
    norms: list[float | None] | None = None,
    updates: list[Any] | None = None,
    stopped_by: str = "steps",
    tolerance: float = 1e-6,
) -> Summary:
    watch = Watch(tolerance)
    norms, has_loss = norms or [1.0] * len(losses), any(one is not None for one in losses)
    for at, (loss, norm) in enumerate(zip(losses, norms, strict=True)):
        update = None if updates is None or at == 0 else {"x": np.asarray(updates[at - 1])}
        watch.add_norm(at, norm)
        watch.add_loss(at, norm if loss is None and not has_loss else loss, has_loss)
        if update is not None:
            watch.add_update(update)
    return watch.conclude(stopped_by)


def test_losses_that_fall() -> None:
    found = summarize([4, 2, 1, 0.5])
    assert found.monotone is True and found.rose_at is None and found.diverging_from is None
    assert (found.first_loss, found.last_loss, found.least_loss, found.least_loss_at) == (4, 0.5, 0.5, 3)
    assert found.steps == 3


def test_losses_that_stay_are_monotone() -> None:
    assert summarize([1, 1, 1]).monotone is True
    assert summarize([1, 1 + 1e-15, 1 + 2e-15]).rose_at is None


def test_the_first_rise_is_named() -> None:
    found = summarize([4, 2, 3, 1, 2, 0.5])
    assert found.monotone is False and found.rose_at == 2
    assert found.diverging_from is None


def test_how_much_of_a_rise_passes_for_rounding() -> None:
    for size in (1.0, -1.0, 1e-30, 1e30):
        for rise, is_rise in ((0.5e-14, False), (2e-14, True)):
            found = summarize([size, size + rise * abs(size)])
            assert (found.monotone, found.rose_at) == (not is_rise, 1 if is_rise else None), (size, rise)


def test_a_norm_that_is_the_tolerance_has_converged() -> None:
    assert summarize([1.0, 1.0], [1, 0.25], tolerance=0.25).converged_at == 1
    assert summarize([1.0, 1.0], [1, 0.25 + 1e-15], tolerance=0.25).converged_at is None


def test_rounding_about_zero_and_negative_losses() -> None:
    assert summarize([-1, -2, -3]).monotone is True
    assert summarize([-3, -2, -1]).rose_at == 1
    assert summarize([1, 0, 1e-300]).rose_at == 2


@pytest.mark.parametrize(
    ("losses", "start"),
    [
        ([1, 2, 3, 4], 1),
        ([1, 0.5, 0.25, 2, 3, 4], 3),
        ([1, 1.0001, 1.0002, 1.0003], 1),
        ([1, 3, 2, 5, 3, 1e6 * 1.01], 1),
        ([1, 0.1, 5, 2e6, 1.5e6], 2),
        ([-1, 0, 1, 2, 3], 1),
        ([0, 1, 2, 3], 1),
    ],
)
def test_divergence_starts_after_the_least_loss(losses: list[Any], start: int) -> None:
    assert summarize(losses).diverging_from == start


@pytest.mark.parametrize(
    "losses",
    [[1, 2, 3, 2.9], [5, 1, 2, 3, 4], [1, 3, 0.5, 2], [1, 2, 3], [0], [1, 100, 99, 98], [2, 1, 1, 1]],
)
def test_oscillation_and_small_rises_are_not_divergence(losses: list[Any]) -> None:
    assert summarize(losses).diverging_from is None


def test_numbers_that_are_not_finite_diverge() -> None:
    found = summarize([1, 0.5, 1e200, math.inf], stopped_by="not_finite")
    assert found.diverging_from == 2 and found.rose_at == 2
    found = summarize([3, 2, math.nan], stopped_by="not_finite")
    assert found.diverging_from == 2
    assert summarize([3, math.nan], stopped_by="not_finite").monotone is not True


def test_a_loss_that_swings_ever_wider_diverges_as_soon_as_it_is_large() -> None:
    losses: list[float | None] = [1.3**at * (1 if at % 2 else 0.5) for at in range(70)]
    assert summarize(losses).diverging_from is not None


def test_converged_at_the_first_step_from_which_on_it_stayed() -> None:
    norms: list[float | None] = [1, 1e-7, 1, 1e-7, 1e-8, 0]
    found = summarize([1.0] * 6, norms)
    assert found.converged_at == 3 and found.gradient_norm == 0
    assert summarize([1.0] * 3, [1, 1e-7, 1]).converged_at is None
    assert summarize([1.0], [0.0]).converged_at == 0
    assert summarize([1.0, 1.0], [1, math.nan]).converged_at is None
    assert summarize([1.0, 1.0], [1, 0.05], tolerance=0.1).converged_at == 1


def test_converged_traces_do_not_diverge_by_rounding() -> None:
    losses: list[float | None] = [1e-20, 2e-20, 3e-20, 4e-20]
    assert summarize(losses, [1e-9] * 4).diverging_from is None


def test_without_a_loss_the_norm_takes_its_place() -> None:
    found = summarize([None] * 5, [1, 2, 3, 4, 5])
    assert found.monotone is None and found.first_loss is None and found.least_loss_at is None
    assert found.diverging_from == 1


SWING = [1, -1, 1, -1, 1]


@pytest.mark.parametrize(
    ("updates", "swings"),
    [
        (SWING, True),
        ([5, 5, *SWING], True),
        (SWING[:4], False),
        ([1, -1, 1, -1, 0], False),
        ([1, -1, 1, 1, -1], False),
        ([[one, 1] for one in SWING], True),
        ([[1, 1], [-1, 1], [1, -1], [1, 1], [-1, 1]], False),
        ([1, -1, 1, -1, math.nan], False),
        ([np.float32(one) for one in SWING], True),
        ([np.array(sympy.Integer(one), dtype=object) for one in SWING], True),
        ([np.array(one * sympy.Symbol("a"), dtype=object) for one in SWING], False),
    ],
    ids=str,
)
def test_parameters_whose_last_five_updates_alternate(updates: list[Any], swings: bool) -> None:
    found = summarize([1.0] * (len(updates) + 1), updates=updates)
    assert found.oscillating == (["x"] if swings else [])
