"""The two references for optimizers against each other: loops over single numbers, and what PyTorch did."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.oracles import textbook_operators
from tests.oracles.optimizers import CASES, OBJECTIVES, Case, buffers, read_recorded
from tests.oracles.textbook_optimizers import Record, trace

Point = list[float]


def quadratic(p: Point) -> tuple[float, Point]:
    x, y = p
    return (x**2 + 10 * y**2) / 2 + x * y, [x + y, 10 * y + x]


def bowl(v: Point) -> tuple[float, Point]:
    A, b = OBJECTIVES["bowl"].data["A"], OBJECTIVES["bowl"].data["b"]
    risen = [sum(A[i][j] * v[j] for j in range(3)) for i in range(3)]
    return sum(v[i] * (risen[i] / 2 - b[i]) for i in range(3)), [risen[i] - b[i] for i in range(3)]


def rosenbrock(p: Point) -> tuple[float, Point]:
    x, y = p
    gap = y - x**2
    return (1 - x) ** 2 + 100 * gap**2, [-2 * (1 - x) - 400 * x * gap, 200 * gap]


OF: dict[str, Callable[[Point], tuple[float, Point]]] = {
    "quadratic": quadratic,
    "bowl": bowl,
    "rosenbrock": rosenbrock,
}


def flat(by_parameter: dict[str, Any]) -> Point:
    return [float(entry) for value in by_parameter.values() for entry in np.ravel(value)]


def run(case: Case, optimizer: dict[str, Any] | None = None) -> list[Record]:
    of = OF[case.objective]
    return trace(optimizer or case.optimizer, lambda p, t: of(p)[1], flat(case.start), case.steps)


def agree(ours: Any, theirs: Any) -> None:
    """To twelve digits of the largest entry, over all steps."""
    ours, theirs = np.array(ours), np.array(theirs)
    assert ours.shape == theirs.shape
    assert np.all(np.isfinite(theirs))
    assert np.abs(ours - theirs).max(initial=0) <= 1e-12 * np.abs(theirs).max(initial=0)


@pytest.mark.parametrize("name", CASES)
def test_loops_over_single_numbers_find_what_pytorch_recorded(name: str) -> None:
    case = CASES[name]
    loops, there = run(case), list(read_recorded(name).values())
    agree([one.rate for one in loops], [one["rate"] for one in there])
    agree([one.gradient for one in loops], [flat(one["gradient"]) for one in there])
    agree([one.parameters for one in loops], [flat(one["parameters"]) for one in there])
    agree([OF[case.objective](one.parameters)[0] for one in loops], [one["loss"] for one in there])
    kept = buffers(case.optimizer)
    assert set(kept) == set(loops[0].state[0])
    for buffer in kept:
        states = [flat({name: of[buffer] for name, of in one["state"].items()}) for one in there]
        agree([[entry[buffer] for entry in one.state] for one in loops], states)


def test_what_was_recorded_goes_through_the_rare_branches() -> None:
    for name in ("rprop_on_rosenbrock", "rprop_bounds_on_quadratic"):
        # A gradient that changed its sign is remembered as 0.
        assert 0 in [of["previous_gradient"] for of in _states(name)]
    for name, longest in (("gradient_descent_clip_norm_on_bowl", 1.25), ("adam_cosine_ends_on_quadratic", 5)):
        lengths = [np.linalg.norm(flat(one["gradient"])) for one in read_recorded(name).values()]
        assert min(lengths) < longest < max(lengths)
    for name in ("adam_amsgrad_on_quadratic", "amsgrad_on_rosenbrock"):
        assert any(of["largest_second_moment"] > of["second_moment"] for of in _states(name))


def _states(name: str) -> list[dict[str, Any]]:
    return [of for one in read_recorded(name).values() for of in one["state"].values()]


BOWL = CASES["momentum_dampening_on_bowl"]
DECAY = 0.05


@pytest.mark.parametrize("mode", ["standard", "nesterov"])
def test_momentum_is_that_of_onnx(mode: str) -> None:
    name = "nesterov" if mode == "nesterov" else "momentum"
    ours = {"name": name, "learning_rate": 0.02, "momentum": 0.8, "dampening": 0.3, "weight_decay": DECAY}
    v, state = flat(BOWL.start), [0.0] * 3
    for T, record in enumerate(run(BOWL, ours)):
        g = bowl(v)[1]
        for i in range(3):
            v[i], state[i] = textbook_operators.momentum(
                0.02, T, v[i], g[i], state[i], alpha=0.8, beta=0.7, mode=mode, norm_coefficient=DECAY
            )
        agree(record.parameters, v)
        agree([of["velocity"] for of in record.state], state)


def test_adagrad_is_that_of_onnx() -> None:
    ours = {
        "name": "adagrad",
        "learning_rate": 0.1,
        "rate_decay": 0.2,
        "epsilon": 1e-6,
        "weight_decay": DECAY,
    }
    v, state = flat(BOWL.start), [0.0] * 3
    for T, record in enumerate(run(BOWL, ours)):
        g = bowl(v)[1]
        for i in range(3):
            v[i], state[i] = textbook_operators.adagrad(
                0.1, T, v[i], g[i], state[i], decay_factor=0.2, norm_coefficient=DECAY
            )
        agree(record.parameters, v)
        agree([of["sum_of_squares"] for of in record.state], state)


@pytest.mark.parametrize(
    ("decay", "attributes"),
    [("coupled", {"norm_coefficient": DECAY}), ("post", {"norm_coefficient_post": DECAY})],
)
def test_adam_is_that_of_onnx(decay: str, attributes: dict[str, float]) -> None:
    ours = {"name": "adam", "learning_rate": 0.1, "epsilon": 1e-6, "epsilon_form": "uncorrected"}
    v, first, second = flat(BOWL.start), [0.0] * 3, [0.0] * 3
    for T, record in enumerate(run(BOWL, {**ours, "count_from": 0, "weight_decay": DECAY, "decay": decay})):
        g = bowl(v)[1]
        for i in range(3):
            v[i], first[i], second[i] = textbook_operators.adam(
                0.1, T, v[i], g[i], first[i], second[i], **attributes
            )
        agree(record.parameters, v)
        agree([of["first_moment"] for of in record.state], first)
        agree([of["second_moment"] for of in record.state], second)


def test_the_two_forms_of_nesterov_are_one_method_in_other_variables() -> None:
    """Where lookahead is at x, the other is at x + beta V (Bengio et al. 2013)."""
    settings = {"learning_rate": 0.02, "momentum": 0.8}
    ahead = run(BOWL, {"name": "nesterov_lookahead", **settings})
    here = run(BOWL, {"name": "nesterov", **settings})
    moved = [
        [x + 0.8 * of["velocity"] for x, of in zip(one.parameters, one.state, strict=True)] for one in ahead
    ]
    agree(moved, [one.parameters for one in here])
    agree([one.gradient for one in ahead], [one.gradient for one in here])


def test_lion_moves_by_the_rate_and_decays_beside_it() -> None:
    # By hand: g = 1, then -2. The direction is that of 0.1, then of 0.9*0.01 - 0.2.
    lion = {"name": "lion", "learning_rate": 0.1, "weight_decay": 0.5}
    one, two = trace(lion, lambda p, t: [(1.0, -2.0)[t - 1]], [2.0], 2)
    agree([one.parameters, two.parameters], [[2 - 0.1 - 0.1], [1.8 + 0.1 - 0.09]])
    agree([one.state[0]["momentum"], two.state[0]["momentum"]], [0.01, 0.99 * 0.01 - 0.02])


def test_newton_reaches_the_least_of_a_quadratic_at_once() -> None:
    hessian = ((1.0, 1.0), (1.0, 10.0))
    (found,) = textbook_operators.newton(lambda p: quadratic(p)[1], lambda p: hessian, [1.5, -1.0], 1)
    assert found == pytest.approx([0, 0], abs=1e-15)
    found = textbook_operators.newton(
        lambda p: quadratic(p)[1], lambda p: hessian, [1.5, -1.0], 1, damping=2.0
    )[0]
    agree(found, np.array([1.5, -1.0]) - np.linalg.solve(np.array(hessian) + 2 * np.eye(2), [0.5, -8.5]))
