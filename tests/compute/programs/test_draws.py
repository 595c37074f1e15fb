"""Seeded draws of programs, against loops over the generator's bits, and their averages."""

import math
from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import answer

Array = Any


def draw(line: str, **more: Any) -> Array:
    return answer("graph", {}, program=(f"y = {line}",), **more).values["y"]


def uniform(seed: int, count: int) -> list[float]:
    """Return fractions of the generator's numbers, one by one."""
    generator = np.random.PCG64(seed)
    return [(int(generator.random_raw()) >> 11) / 2**53 for _ in range(count)]


def normal(seed: int, count: int) -> list[float]:
    u = uniform(seed, 2 * count)
    return [
        math.sqrt(-2 * math.log(1 - u[2 * i])) * math.cos(2 * math.pi * u[2 * i + 1]) for i in range(count)
    ]


def test_draws_are_those_of_the_documented_generator() -> None:
    np.testing.assert_array_equal(draw("random_uniform((2, 3), seed=7)").ravel(), uniform(7, 6))
    np.testing.assert_array_equal(
        draw("random_uniform((2, 3), seed=7)"), np.random.default_rng(7).random((2, 3))
    )
    shifted = draw("random_uniform((4,), low=-2, high=3, seed=8)")
    np.testing.assert_allclose(shifted, [5 * u - 2 for u in uniform(8, 4)], rtol=1e-14)
    np.testing.assert_allclose(draw("random_normal((2, 3), seed=9)").ravel(), normal(9, 6), rtol=1e-13)
    moved = draw("random_normal((3,), 5, 2, seed=9)")
    np.testing.assert_allclose(moved, [5 + 2 * z for z in normal(9, 3)], rtol=1e-13)
    ones = draw("bernoulli((5, 4), p=0.3, seed=3)").ravel()
    np.testing.assert_array_equal(ones, [float(u >= 0.7) for u in uniform(3, 20)])


@pytest.mark.parametrize(
    ("line", "deviation"),
    [
        ("xavier_uniform((200, 300), seed=1)", math.sqrt(2 / 500)),
        ("glorot_normal((200, 300), gain=2, seed=2)", 2 * math.sqrt(2 / 500)),
        ("he_normal((200, 300), seed=3)", math.sqrt(2 / 200)),
        ("kaiming_uniform((200, 300), mode='fan_out', seed=4)", math.sqrt(2 / 300)),
        ("lecun_normal((200, 300), seed=5)", math.sqrt(1 / 200)),
        ("lecun_uniform((200, 300), seed=6)", math.sqrt(1 / 200)),
        ("he_normal((100, 60, 3, 3), seed=7)", math.sqrt(2 / 540)),
        ("xavier_uniform((100, 60, 3, 3), seed=8)", math.sqrt(2 / 1440)),
        ("random_normal((200, 300), std=0.01, seed=9)", 0.01),
        ("random_uniform((200, 300), -1, 1, seed=10)", math.sqrt(1 / 3)),
    ],
)
def test_draws_have_their_moments(line: str, deviation: float) -> None:
    entries = draw(line)
    count = entries.size
    assert abs(entries.mean()) < 5 * deviation / math.sqrt(count)
    assert abs((entries**2).mean() / deviation**2 - 1) < 5 * math.sqrt(2 / count)  # of normal entries
    if "uniform" in line:
        assert abs(entries).max() <= math.sqrt(3) * deviation


def test_draws_in_other_arithmetics() -> None:
    exact = draw("random_uniform(2, seed=7)", arithmetic="exact")
    assert [eval(str(entry)) for entry in exact] == uniform(7, 2)
    single = draw("random_normal((1000,), seed=9)", arithmetic="float32")
    np.testing.assert_allclose(single, normal(9, 1000), rtol=1e-4, atol=1e-5)


def test_refused_draws() -> None:
    for line in ("he_normal(3, seed=1)", "random_normal((2, 2))", "random_uniform((2, 2), seed=-1)"):
        with pytest.raises(QuestionErrors):
            draw(line)
