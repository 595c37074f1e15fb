"""Known mistakes in optimizers, against loops over plain numbers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compute.grading.computations import Slot
from compute.grading.traces import TraceComputation, trace_computation
from compute.optimizers import OPTIMIZERS
from compute.optimizers.run.misconceptions import MISTAKES
from tests.compute.optimizers.asking import QUADRATIC, START, prepare
from tests.compute.optimizers.run.test_trace_names import names as names_of

RATE, BETA, BETA_1, BETA_2, RHO, EPSILON, DECAY = 0.1, 0.6, 0.7, 0.9, 0.8, 0.05, 0.3
STEPS = 4
PROGRAM = ("f = x**4/4 + x",)
POINT = {"x": 1.5, "y": -1.0}
State = dict[str, float]
Step = Callable[[float, float, int, State], tuple[float, State]]

DESCENT = {"name": "gradient_descent", "learning_rate": RATE}
MOMENTUM = {"name": "momentum", "learning_rate": RATE, "momentum": BETA}
NESTEROV = MOMENTUM | {"name": "nesterov"}
ADAM = {"name": "adam", "learning_rate": RATE, "beta_1": BETA_1, "beta_2": BETA_2, "epsilon": EPSILON}
RMSPROP = {"name": "rmsprop", "learning_rate": RATE, "rho": RHO, "epsilon": EPSILON}
ADAGRAD = {"name": "adagrad", "learning_rate": RATE, "epsilon": EPSILON}
ADADELTA = {"name": "adadelta", "rho": RHO, "epsilon": EPSILON}
LION = {"name": "lion", "learning_rate": RATE, "beta_1": BETA_1, "beta_2": BETA_2}


def gradient(x: float) -> float:
    return x**3 + 1


def moves(update: Callable[[float], float]) -> Step:
    """Return a step without state: the amount that is subtracted."""
    return lambda x, g, t, s: (x - update(g), {})


def velocity(new: Callable[[float, float], float], update: Callable[[float, float], float]) -> Step:
    """Return a step of momentum: the new velocity of the old one and g, what is subtracted of g and V."""

    def step(x: float, g: float, t: int, s: State) -> tuple[float, State]:
        v = new(s.get("velocity", 0), g)
        return x - update(g, v), {"velocity": v}

    return step


def adam(
    update: Callable[[float, float, float, int], float],
    first: Callable[[float, float], float] = lambda m, g: BETA_1 * m + (1 - BETA_1) * g,
    second: Callable[[float, float], float] = lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g,
) -> Step:
    """Return a step of Adam: what is subtracted, divided by the rate, of m, v, g and t."""

    def step(x: float, g: float, t: int, s: State) -> tuple[float, State]:
        m, v = first(s.get("first_moment", 0), g), second(s.get("second_moment", 0), g)
        return x - RATE * update(m, v, g, t), {"first_moment": m, "second_moment": v}

    return step


def right(m: float, v: float, g: float, t: int) -> float:
    return m / (1 - BETA_1**t) / (math.sqrt(v / (1 - BETA_2**t)) + EPSILON)


def squares(
    name: str,
    new: Callable[[float, float], float],
    update: Callable[[float, float], float] = lambda g, v: g / (math.sqrt(v) + EPSILON),
) -> Step:
    """Return a step with one buffer of squares: what is subtracted, divided by the rate, of g and v."""

    def step(x: float, g: float, t: int, s: State) -> tuple[float, State]:
        v = new(s.get(name, 0), g)
        return x - RATE * update(g, v), {name: v}

    return step


def rms(v: float, g: float) -> float:
    return RHO * v + (1 - RHO) * g * g


def total(v: float, g: float) -> float:
    return v + g * g


def carried_on(x: float, g: float, t: int, s: State) -> tuple[float, State]:
    m, v = s.get("first_moment", 0.0), s.get("second_moment", 0.0)
    if t > 1:
        m, v = m / (1 - BETA_1 ** (t - 1)), v / (1 - BETA_2 ** (t - 1))
    m, v = BETA_1 * m + (1 - BETA_1) * g, BETA_2 * v + (1 - BETA_2) * g * g
    return x - RATE * right(m, v, g, t), {"first_moment": m, "second_moment": v}


def late(x: float, g: float, t: int, s: State) -> tuple[float, State]:
    v = s.get("velocity", 0.0)
    return x - RATE * v, {"velocity": BETA * v + g}


def adadelta(root: Callable[[float], float], rho: float) -> Step:
    def step(x: float, g: float, t: int, s: State) -> tuple[float, State]:
        v = rho * s.get("mean_of_squares", 0.0) + (1 - rho) * g * g
        u = s.get("mean_of_squared_updates", 0.0)
        change = root(u + EPSILON) / root(v + EPSILON) * g
        return x - change, {
            "mean_of_squares": v,
            "mean_of_squared_updates": rho * u + (1 - rho) * change * change,
        }

    return step


def lion(beta_1: float, beta_2: float, take: Callable[[float], float]) -> Step:
    def step(x: float, g: float, t: int, s: State) -> tuple[float, State]:
        m = s.get("momentum", 0.0)
        after = beta_2 * m + (1 - beta_2) * g
        return x - RATE * take(beta_1 * m + (1 - beta_1) * g), {"momentum": after}

    return step


def sum_of(v: float, g: float) -> float:
    return BETA * v + g


def sign(number: float) -> float:
    return math.copysign(1, number)


def own(v: float, g: float) -> float:
    return RATE * g


HAND: dict[str, tuple[dict[str, Any], Step]] = {
    "optimizer.sign": (DESCENT, moves(lambda g: -RATE * g)),
    "optimizer.rate_left_out": (DESCENT, moves(lambda g: g)),
    "optimizer.state_after_update": (MOMENTUM, late),
    "optimizer.decay_order": (
        DESCENT | {"weight_decay": DECAY, "decay": "decoupled"},
        lambda x, g, t, s: ((x - RATE * g) * (1 - RATE * DECAY), {}),
    ),
    "optimizer.decay_without_rate": (
        DESCENT | {"weight_decay": DECAY, "decay": "decoupled"},
        lambda x, g, t, s: (x - RATE * g - DECAY * x, {}),
    ),
    "optimizer.decay_left_out": (MOMENTUM | {"weight_decay": DECAY}, velocity(sum_of, lambda g, v: RATE * v)),
    "optimizer.decay_doubled": (
        DESCENT | {"weight_decay": DECAY},
        lambda x, g, t, s: (x - RATE * (g + 2 * DECAY * x), {}),
    ),
    "optimizer.gradient_not_negated": (DESCENT | {"maximize": True}, moves(lambda g: RATE * g)),
    "optimizer.clipping_left_out": (DESCENT | {"clip_value": 0.5}, moves(lambda g: RATE * g)),
    "schedule.counts_one_more": (
        DESCENT | {"schedule": {"name": "exponential", "factor": 0.5}},
        lambda x, g, t, s: (x - RATE * 0.5**t * g, {}),
    ),
    "momentum.average_for_sum": (
        MOMENTUM,
        velocity(lambda v, g: BETA * v + (1 - BETA) * g, lambda g, v: RATE * v),
    ),
    "momentum.sum_for_average": (MOMENTUM | {"form": "average"}, velocity(sum_of, lambda g, v: RATE * v)),
    "momentum.rate_inside": (MOMENTUM, velocity(lambda v, g: BETA * v - RATE * g, lambda g, v: -v)),
    "momentum.rate_inside_subtracted": (MOMENTUM, velocity(lambda v, g: BETA * v + RATE * g, lambda g, v: v)),
    "momentum.sign_of_state": (MOMENTUM, velocity(lambda v, g: BETA * v - g, lambda g, v: RATE * v)),
    "momentum.velocity_subtracted": (MOMENTUM, velocity(lambda v, g: g - BETA * v, lambda g, v: RATE * v)),
    "momentum.nesterov": (MOMENTUM, velocity(sum_of, lambda g, v: RATE * (g + BETA * v))),
    "momentum.forgotten": (MOMENTUM, velocity(lambda v, g: g, lambda g, v: RATE * g)),
    "momentum.velocity_not_decayed": (MOMENTUM, velocity(lambda v, g: v + g, lambda g, v: RATE * v)),
    "momentum.weights_exchanged": (
        MOMENTUM,
        velocity(lambda v, g: (1 - BETA) * v + BETA * g, lambda g, v: RATE * v),
    ),
    "nesterov.plain_momentum": (NESTEROV, velocity(sum_of, lambda g, v: RATE * v)),
    "nesterov.gradient_not_ahead": (
        {"name": "nesterov_lookahead", "learning_rate": RATE, "momentum": BETA},
        velocity(lambda v, g: BETA * v - RATE * g, lambda g, v: -v),
    ),
    "adam.no_bias_correction": (ADAM, adam(lambda m, v, g, t: m / (math.sqrt(v) + EPSILON))),
    "adam.epsilon_not_corrected": (
        ADAM,
        adam(
            lambda m, v, g, t: m / (1 - BETA_1**t) / ((math.sqrt(v) + EPSILON) / math.sqrt(1 - BETA_2**t)),
        ),
    ),
    "adam.epsilon_inside_root": (
        ADAM,
        adam(lambda m, v, g, t: m / (1 - BETA_1**t) / math.sqrt(v / (1 - BETA_2**t) + EPSILON)),
    ),
    "adam.epsilon_left_out": (
        ADAM,
        adam(lambda m, v, g, t: m / (1 - BETA_1**t) / math.sqrt(v / (1 - BETA_2**t))),
    ),
    "adam.correction_without_power": (
        ADAM,
        adam(lambda m, v, g, t: m / (1 - BETA_1) / (math.sqrt(v / (1 - BETA_2)) + EPSILON)),
    ),
    "adam.correction_counts_one_more": (ADAM, adam(lambda m, v, g, t: right(m, v, g, t + 1))),
    "adam.correction_applied_twice": (
        ADAM,
        adam(
            lambda m, v, g, t: m / (1 - (1 - BETA_1**t)) / (math.sqrt(v / (1 - (1 - BETA_2**t))) + EPSILON),
        ),
    ),
    "adam.only_first_corrected": (
        ADAM,
        adam(lambda m, v, g, t: m / (1 - BETA_1**t) / (math.sqrt(v) + EPSILON)),
    ),
    "adam.only_second_corrected": (
        ADAM,
        adam(lambda m, v, g, t: m / (math.sqrt(v / (1 - BETA_2**t)) + EPSILON)),
    ),
    "adam.corrected_moments_carried_on": (ADAM, carried_on),
    "adam.no_root": (ADAM, adam(lambda m, v, g, t: m / (1 - BETA_1**t) / (v / (1 - BETA_2**t) + EPSILON))),
    "adam.gradient_not_squared": (ADAM, adam(right, second=lambda v, g: BETA_2 * v + (1 - BETA_2) * g)),
    "adam.betas_swapped": (
        ADAM,
        adam(
            lambda m, v, g, t: m / (1 - BETA_2**t) / (math.sqrt(v / (1 - BETA_1**t)) + EPSILON),
            lambda m, g: BETA_2 * m + (1 - BETA_2) * g,
            lambda v, g: BETA_1 * v + (1 - BETA_1) * g * g,
        ),
    ),
    "adam.moments_not_averaged": (
        ADAM,
        adam(right, lambda m, g: BETA_1 * m + g, lambda v, g: BETA_2 * v + g * g),
    ),
    "adam.weights_exchanged": (
        ADAM,
        adam(
            right,
            lambda m, g: (1 - BETA_1) * m + BETA_1 * g,
            lambda v, g: (1 - BETA_2) * v + BETA_2 * g * g,
        ),
    ),
    "adam.gradient_for_first_moment": (
        ADAM,
        adam(lambda m, v, g, t: g / (math.sqrt(v / (1 - BETA_2**t)) + EPSILON)),
    ),
    "adam.second_moment_left_out": (ADAM, adam(lambda m, v, g, t: m / (1 - BETA_1**t))),
    "rmsprop.no_root": (RMSPROP, squares("mean_of_squares", rms, lambda g, v: g / (v + EPSILON))),
    "rmsprop.epsilon_inside_root": (
        RMSPROP,
        squares("mean_of_squares", rms, lambda g, v: g / math.sqrt(v + EPSILON)),
    ),
    "rmsprop.epsilon_left_out": (RMSPROP, squares("mean_of_squares", rms, lambda g, v: g / math.sqrt(v))),
    "rmsprop.gradient_not_squared": (
        RMSPROP,
        squares("mean_of_squares", lambda v, g: RHO * v + (1 - RHO) * g),
    ),
    "rmsprop.weights_exchanged": (
        RMSPROP,
        squares("mean_of_squares", lambda v, g: (1 - RHO) * v + RHO * g * g),
    ),
    "rmsprop.last_square_only": (RMSPROP, squares("mean_of_squares", lambda v, g: g * g)),
    "rmsprop.sum_for_mean": (RMSPROP, squares("mean_of_squares", total)),
    "adagrad.no_root": (ADAGRAD, squares("sum_of_squares", total, lambda g, v: g / (v + EPSILON))),
    "adagrad.epsilon_inside_root": (
        ADAGRAD,
        squares("sum_of_squares", total, lambda g, v: g / math.sqrt(v + EPSILON)),
    ),
    "adagrad.epsilon_left_out": (ADAGRAD, squares("sum_of_squares", total, lambda g, v: g / math.sqrt(v))),
    "adagrad.gradient_not_squared": (ADAGRAD, squares("sum_of_squares", lambda v, g: v + g)),
    "adagrad.last_square_only": (ADAGRAD, squares("sum_of_squares", lambda v, g: g * g)),
    "adadelta.no_root": (ADADELTA, adadelta(lambda a: a, RHO)),
    "adadelta.weights_exchanged": (ADADELTA, adadelta(math.sqrt, 1 - RHO)),
    "lion.betas_swapped": (LION | {"beta_1": 0.3}, lion(BETA_2, 0.3, sign)),
    "lion.no_sign": (LION, lion(BETA_1, BETA_2, lambda mean: mean)),
}
ELSEWHERE = {  # tested below
    "optimizer.gradient_not_renewed",
    "newton.hessian_not_inverted",
    "newton.diagonal_only",
    "newton.hessian_left_out",
}


def whole(optimizer: dict[str, Any], start: Any, program: Any, **more: Any) -> TraceComputation:
    more = {"steps": STEPS, **more}
    places = names_of(optimizer, start, program, **more)
    wanted = [place.path for step in range(more["steps"] + 1) for place in places.at(step)]
    return trace_computation(prepare(optimizer, start, program, **more), wanted)


def mistaken(computation: TraceComputation, *codes: str) -> TraceComputation:
    found = computation.mistaken(*codes)
    assert found is not None
    return found


def value(name: str) -> Slot:
    return Slot("value", name)


def test_every_mistake_is_tested_and_described() -> None:
    assert HAND.keys() | ELSEWHERE == MISTAKES.keys()
    for code, declared in MISTAKES.items():
        assert declared.code == code and declared.optimizers <= OPTIMIZERS.keys() and declared.optimizers
        assert declared.message.endswith(".") and declared.note and declared.source
        assert not set("0123456789") & set(declared.message)


@pytest.mark.parametrize("code", HAND)
def test_a_mistake_against_a_loop(code: str) -> None:
    optimizer, step = HAND[code]
    computation = whole(optimizer, {"x": 1.3}, PROGRAM)
    found, without = mistaken(computation, code).results(), computation.results()
    x: float = 1.3
    state: State = {}
    for t in range(1, STEPS + 1):
        g = gradient(x)
        x, state = step(x, g, t, state)
        expected = {f"trace[{t}].parameters.x": x, f"trace[{t}].gradient.x": g}
        expected |= {f"trace[{t}].state.x.{name}": buffer for name, buffer in state.items()}
        for name, number in expected.items():
            assert found[value(name)] == pytest.approx(number, rel=1e-12), name
    assert any(not np.allclose(found[one], without[one], rtol=1e-3) for one in found)


def test_the_gradient_of_the_first_step_at_every_step() -> None:
    computation = mistaken(whole(MOMENTUM, {"x": 1.3}, PROGRAM), "optimizer.gradient_not_renewed")
    found = computation.results()
    x, v = 1.3, 0.0
    for t in range(1, STEPS + 1):
        v = BETA * v + gradient(1.3)
        x -= RATE * v
        assert found[value(f"trace[{t}].parameters.x")] == pytest.approx(x)
        assert found[value(f"trace[{t}].gradient.x")] == gradient(1.3)
        assert found[value(f"trace[{t}].loss")] == pytest.approx(x**4 / 4 + x)
    students = {value("trace[1].gradient.x"): np.array(2.0), value("trace[1].parameters.x"): np.array(9.0)}
    assert computation.expected(value("trace[3].gradient.x"), students) == 2
    assert computation.expected(value("trace[2].loss"), students) == pytest.approx(
        (9 - RATE * (BETA * 2 + 2)) ** 4 / 4 + 9 - RATE * (BETA * 2 + 2)
    )
    sent = whole(MOMENTUM, {"x": 1.0}, (), gradients=[{"x": 1.0}], steps=1)
    assert sent.mistaken("optimizer.gradient_not_renewed") is None


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("newton.hessian_not_inverted", lambda h, g: h @ g + 0.5 * g),
        ("newton.diagonal_only", lambda h, g: g / (np.diag(h) + 0.5)),
        ("newton.hessian_left_out", lambda h, g: g),
    ],
)
@pytest.mark.parametrize("numbers", ["float64", "exact"])
def test_newton(code: str, step: Callable[[Any, Any], Any], numbers: str) -> None:
    optimizer = {"name": "newton", "learning_rate": "1/4", "damping": "1/2"}
    start: Any = START if numbers == "exact" else POINT
    computation = whole(optimizer, start, QUADRATIC, steps=2, numbers=numbers)
    found, without = mistaken(computation, code).results(), computation.results()
    h, point = np.array([[1.0, 1.0], [1.0, 10.0]]), np.array([1.5, -1.0])
    for t in (1, 2):
        point = point - 0.25 * step(h, h @ point)
        for name, number in zip("xy", point, strict=True):
            one = value(f"trace[{t}].parameters.{name}")
            assert float(found[one][()]) == pytest.approx(number)
            assert float(without[one][()]) != pytest.approx(number, rel=1e-3)


def test_decay_that_was_to_come_after_the_update() -> None:
    optimizer = DESCENT | {"weight_decay": DECAY, "decay": "post"}
    found = mistaken(whole(optimizer, {"x": 1.3}, PROGRAM), "optimizer.decay_order").results()
    expected = 1.3 - RATE * gradient(1.3) - DECAY * 1.3
    assert found[value("trace[1].parameters.x")] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("code", "optimizer"),
    [
        ("optimizer.decay_order", DESCENT | {"weight_decay": DECAY}),
        ("optimizer.decay_without_rate", DESCENT),
        ("optimizer.decay_doubled", DESCENT),
        ("optimizer.decay_left_out", DESCENT),
        ("optimizer.clipping_left_out", DESCENT),
        ("optimizer.gradient_not_negated", DESCENT),
        ("momentum.forgotten", ADAM),
    ],
)
def test_where_a_mistake_has_no_meaning(code: str, optimizer: dict[str, Any]) -> None:
    assert whole(optimizer, {"x": 1.3}, PROGRAM).mistaken(code) is None


def settings_for(name: str) -> dict[str, Any]:
    decay = {"weight_decay": "1/10", "clip_value": 2}
    return {"name": name, "learning_rate": "1/10", **decay}


@pytest.mark.parametrize("code", MISTAKES)
def test_a_mistake_in_every_optimizer_in_floats_and_exactly(code: str) -> None:
    for name in sorted(MISTAKES[code].optimizers):
        optimizer = settings_for(name)
        exact = whole(optimizer, START, QUADRATIC, steps=2, numbers="exact").mistaken(code)
        near = whole(optimizer, POINT, QUADRATIC, steps=2).mistaken(code)
        assert (exact is None) == (near is None)
        if exact is None or near is None or "not_squared" in code or "after_update" in code:
            continue  # without meaning; or roots of negative numbers, and zero divided by zero
        written = exact.results()
        assert [*written] == [*near.results()]
        for one, array in near.results().items():
            np.testing.assert_allclose(
                np.asarray(written[one], dtype=np.float64), array, rtol=1e-9, atol=1e-14
            )


@pytest.mark.parametrize("code", MISTAKES)
def test_a_mistake_in_vectors_is_that_in_their_entries(code: str) -> None:
    for name in sorted(MISTAKES[code].optimizers - {"newton"}):
        both = whole(settings_for(name), {"v": [1.3, -0.4]}, ("f = sum(v**4/4 + v)",), steps=3).mistaken(code)
        for index, start in enumerate((1.3, -0.4)):
            one = whole(settings_for(name), {"v": start}, ("f = v**4/4 + v",), steps=3).mistaken(code)
            if one is None or both is None:
                assert one is both
                continue
            last = value("trace[3].parameters.v")
            np.testing.assert_allclose(one.results()[last], both.results()[last][index], rtol=1e-12)


def test_a_mistake_follows_a_students_values() -> None:
    computation = mistaken(whole(MOMENTUM, {"x": 1.3}, PROGRAM), "momentum.average_for_sum")
    students = {
        value("trace[1].parameters.x"): np.array(0.5),
        value("trace[1].state.x.velocity"): np.array(2),
    }
    v = BETA * 2 + (1 - BETA) * gradient(0.5)
    assert computation.expected(value("trace[2].state.x.velocity"), students) == pytest.approx(v)
    assert computation.expected(value("trace[2].parameters.x"), students) == pytest.approx(0.5 - RATE * v)


def test_mistakes_together() -> None:
    both = mistaken(whole(ADAM, {"x": 1.3}, PROGRAM), "adam.no_bias_correction", "adam.no_root")
    x, m, v = 1.3, 0.0, 0.0
    for t in (1, 2):
        g = gradient(x)
        m, v = BETA_1 * m + (1 - BETA_1) * g, BETA_2 * v + (1 - BETA_2) * g * g
        x -= RATE * m / (v + EPSILON)
        assert both.results()[value(f"trace[{t}].parameters.x")] == pytest.approx(x)


def test_what_a_mistake_can_change() -> None:
    computation = whole(MOMENTUM, {"x": 1.3}, PROGRAM)
    wrong = mistaken(computation, "momentum.average_for_sum")
    x_1, v_1 = value("trace[1].parameters.x"), value("trace[1].state.x.velocity")
    assert not computation.affects(x_1, frozenset())
    assert wrong.affects(x_1, frozenset()) and wrong.affects(x_1, frozenset({v_1}))
    assert not wrong.affects(x_1, frozenset({value("trace[1].update.x")}))
    assert not wrong.affects(value("trace[1].gradient.x"), frozenset())
    assert wrong.affects(value("trace[2].gradient.x"), frozenset())
    assert not wrong.affects(value("trace[2].gradient.x"), frozenset({x_1}))
    assert not wrong.affects(value("trace[2].learning_rate"), frozenset())
    assert not wrong.affects(value("nothing"), frozenset())
    for code, (optimizer, _) in HAND.items():
        right_one = whole(optimizer, {"x": 1.3}, PROGRAM)
        other = mistaken(right_one, code)
        for one, array in other.results().items():
            if not np.array_equal(array, right_one.results()[one], equal_nan=True):
                assert other.affects(one, frozenset()), (code, one)
