"""Caches that are bounded by bytes, and the estimates that they are bounded with."""

import gc
import itertools
import sys
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.expressions import parse
from compute.budgets import bounded_cache
from compute.budgets.bounded_cache import ENTRY, CacheUse, Kept, caches, keeping
from compute.graph.spec import Tensor
from compute.question.plan import Question, prepare
from compute.question.plan_bytes import key_bytes
from compute.readings.reverse_mode import numeric_shape
from service.questions.rendering import render_answer
from tests.compute.asking import readings


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> Kept[str]:
    monkeypatch.setattr(bounded_cache, "_ALL", [])
    return Kept("letters", 10 * (ENTRY + 100))


def test_the_least_recently_used_leave_first(cache: Kept[str]) -> None:
    for letter in "abcdefghij":
        cache.add(letter, letter.upper(), 100)
    assert (cache.find("a"), len(cache), cache.bytes) == ("A", 10, cache.budget)
    cache.add("k", "K", 100)
    assert cache.find("b") is None
    cache.add("l", "L", 100 + ENTRY + 1)  # takes the place of several
    assert [letter for letter in "abcdefghijkl" if cache.find(letter)] == list("aefghijkl")
    assert cache.bytes <= cache.budget


def test_what_is_larger_than_a_share_is_not_kept(cache: Kept[str]) -> None:
    cache.add("a", "A", 100)
    cache.add("b", "B", cache.budget // 4)
    assert (cache.find("a"), cache.find("b"), len(cache)) == ("A", None, 1)


def test_a_key_has_one_item(cache: Kept[str]) -> None:
    cache.add("a", "A", 100)
    cache.add("a", "B", 200)
    assert (cache.find("a"), len(cache), cache.bytes) == ("B", 1, 200 + ENTRY)
    cache.add("a", "C", cache.budget)  # too large, and what it replaces is out of date
    assert (cache.find("a"), len(cache), cache.bytes) == (None, 0, 0)


def test_a_smaller_budget_holds_from_the_next_addition_on(cache: Kept[str]) -> None:
    for letter in "abcdefghij":
        cache.add(letter, letter, 100)
    cache.budget = 4 * (ENTRY + 100)
    cache.add("k", "k", 100)
    assert (len(cache), cache.bytes) == (4, cache.budget)
    cache.clear()
    assert (len(cache), cache.bytes, cache.find("k")) == (0, 0, None)


def test_use_is_listed_by_name(cache: Kept[str]) -> None:
    cache.add("a", "A", 100)
    Kept[int]("digits", 50)
    assert caches() == [CacheUse("digits", 0, 50, 0), CacheUse("letters", ENTRY + 100, cache.budget, 1)]


def test_threads_leave_the_figures_right(cache: Kept[str]) -> None:
    def use(start: int) -> None:
        for at in range(2_000):
            key = (start * 7 + at) % 23
            if cache.find(key) is None:
                cache.add(key, str(key), key)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
    held = [key for key in range(23) if cache.find(key) is not None]
    assert cache.bytes == sum(key + ENTRY for key in held) <= cache.budget
    assert len(cache) == len(held)


def test_a_function_is_called_once_for_the_same_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_cache, "_ALL", [])
    calls: list[int] = []

    @keeping("halves", 10_000, lambda _, number: number)
    def half(number: int) -> bool:
        calls.append(number)
        if number < 0:
            raise ValueError(number)
        return number % 2 == 0

    assert [half(2), half(2), half(3), half(3)] == [True, True, False, False]
    for _ in range(2):
        with pytest.raises(ValueError, match="-1"):
            half(-1)
    half.cache_clear()
    assert half(2)
    assert calls == [2, 3, -1, -1, 2]


def tensors(**shapes: tuple[int, ...]) -> tuple[tuple[str, Tensor], ...]:
    return tuple((name, Tensor(shape)) for name, shape in shapes.items())


def projected(tokens: int) -> tuple[tuple[str, Tensor], ...]:
    return tensors(x=(tokens, 4), w_q=(4, 4), w_k=(4, 4), w_v=(4, 4))


def recurrent(steps: int, **more: Any) -> Question:
    return Question("lstm", (), tensors(x=(steps, 1), w_x=(1, 4), w_h=(1, 4), b=(4,)), **more)


LINES = ("y0 = x * 2", *(f"y{at} = relu(y{at - 1} * x + {at})" for at in range(1, 120)))
QUESTIONS = {
    "attention": Question("self_attention", (), projected(3)),
    "its gradients": Question("self_attention", (), projected(3), (), tensors(output=(3, 4))),
    "its Jacobians": Question(
        "self_attention", (), projected(3), readings=readings(jacobian=[("output", "x"), ("weights", "x")])
    ),
    "it verified": Question(
        "self_attention", (), projected(3), (), tensors(output=(3, 4)), readings=readings(verify=True)
    ),
    "a sequence": recurrent(60),
    "its steps": recurrent(30, select=("hidden[*]",), upstream=tensors(output=(30, 1))),
    "its verified gradients": recurrent(3, upstream=tensors(output=(3, 1)), readings=readings(verify=True)),
    "many Jacobians": recurrent(
        15, readings=readings(jacobian=[(f"hidden[{at}]", "w_x") for at in range(1, 16)])
    ),
    "a program": Question("graph", (), tensors(x=(3,)), program=LINES),
    "gradients of a program": Question("graph", (), tensors(x=(3,)), (), tensors(y119=(3,)), program=LINES),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_plans_hold_about_as_much_as_is_estimated(name: str) -> None:
    asked = QUESTIONS[name]
    inputs, given, upstream = (
        {name: np.full(numeric_shape(one.shape) or (), 0.5) for name, one in group}
        for group in (asked.inputs, asked.given, asked.upstream)
    )

    def answered() -> Any:
        plan = prepare.__wrapped__(asked)
        render_answer(
            plan,
            plan.answer(inputs, given, upstream),
            {},
            operation=asked.operation,
            encoding="nested",
            exact=False,
        )
        return plan

    held, plan = traced(answered)
    assert held / 2 < plan.held < held * 2, held / plan.held


def traced(make: Callable[[], Any]) -> tuple[int, Any]:
    """The bytes that something made holds; what is loaded at its first making is loaded before."""
    make()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        made = make()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before, made
    finally:
        tracemalloc.stop()


def test_questions_hold_at_least_what_their_text_does() -> None:
    short = key_bytes(QUESTIONS["a program"])
    assert key_bytes(QUESTIONS["a program"]._replace(program=("y = " + "x" * 10_000,))) > 10_000
    assert short > sum(map(len, LINES))


@pytest.mark.parametrize(
    "text", ["+".join(["x"] * 95), "1/3", "sqrt(2)*x", "-" * 38 + "1", "where(x > 0, x, x/10)"]
)
def test_expressions_hold_about_as_much_as_is_estimated(text: str) -> None:
    def read() -> None:
        parse.cache_clear()
        for at in range(30):
            parse(f"{text} + {at}")

    held, _ = traced(read)
    assert held / 2 < parse.cache.bytes < held * 2, held / parse.cache.bytes
    parse.cache_clear()


def test_the_plans_of_many_lengths_stay_within_their_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare.cache_clear()
    monkeypatch.setattr(prepare.cache, "budget", 1_000_000)
    held, _ = traced(lambda: [prepare(recurrent(steps)) and None for steps in range(1, 14)])
    assert len(prepare.cache) > 1
    assert prepare.cache.bytes <= 1_000_000
    prepare.cache_clear()
    assert held < 2_000_000


def test_an_exception_raised_between_two_steps_leaves_a_cache_whole(cache: Kept[str]) -> None:
    """A signal may end the work of a process where a function begins or one of the interpreter has returned.

    The interpreter handles signals in these places, and not between taking a lock and entering its block,
    nor before the call that gives it back.
    """
    for letter in "abcdefghij":
        cache.add(letter, letter, 100)

    class Interrupted(BaseException):
        pass

    def interrupted(action: Callable[[], object], after: int) -> bool:
        calls = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_return")
            if calls > after:
                sys.setprofile(None)
                raise Interrupted

        sys.setprofile(count)
        try:
            action()
        except Interrupted:
            return True
        finally:
            sys.setprofile(None)
        return False

    fresh = itertools.count()
    actions: list[Callable[[], object]] = [
        lambda: cache.find("a"),
        lambda: cache.add("a", "a", 100),
        lambda: cache.add(next(fresh), "f", 100),
    ]
    for action in actions:
        after = 0
        while interrupted(action, after):
            after += 1
            cache.add(f"new {after}", "n", 100)
            cache.add("a", "a", 100)
            assert cache.bytes == (ENTRY + 100) * len(cache) <= cache.budget
        assert after > 3
