"""What planning spends: counts and never clocks, since a question is refused always or never."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from compute.budgets.planning import Allowance, Outgrown, allowed, current, foresee, look_through, spend
from compute.errors import QuestionErrors, TooLarge
from compute.graph.spec import Tensor
from compute.question.limits import too_many_values
from compute.question.plan import Question, prepare
from tests.compute.asking import readings

PLENTY = 10**9


@contextmanager
def nothing_kept() -> Iterator[None]:
    prepare.cache_clear()
    yield
    prepare.cache_clear()


def units(asked: Question) -> float:
    """What planning a question takes, whether it is refused or not."""
    allowance = Allowance(PLENTY)
    with nothing_kept(), allowed(allowance), suppress(QuestionErrors):
        prepare(asked)
    return allowance.spent


def tensors(**shapes: tuple[int, ...]) -> tuple[tuple[str, Tensor], ...]:
    return tuple((name, Tensor(shape)) for name, shape in shapes.items())


def recurrent(steps: int, **more: Any) -> Question:
    return Question("lstm", (), tensors(x=(steps, 1), w_x=(1, 4), w_h=(1, 4), b=(4,)), **more)


def program(*lines: str, **more: Any) -> Question:
    inputs = tensors(x=(60, 1), w=(1, 4), v=(1, 4), b=(4,))
    return Question("graph", (), inputs, program=lines, **more)


def test_without_an_allowance_nothing_is_bounded() -> None:
    assert current() is None
    spend(PLENTY)
    foresee(PLENTY)


def test_units_are_spent_and_not_more_than_there_are() -> None:
    with allowed(Allowance(10)) as allowance:
        assert current() is allowance
        spend(9)
        look_through(64)
        assert allowance.left == 0
        with pytest.raises(Outgrown) as caught:
            look_through(1)
    assert current() is None
    assert caught.value.units == 10


def test_what_is_foreseen_is_not_spent() -> None:
    with allowed(Allowance(10)) as allowance:
        foresee(10)
        with pytest.raises(Outgrown):
            foresee(11)
        assert allowance.spent == 0


def test_it_passes_through_handlers_of_ordinary_exceptions() -> None:
    with pytest.raises(Outgrown), allowed(Allowance(0)), suppress(Exception):
        spend()


def test_where_it_is_refused_the_refusal_is_raised_outside_of_all_handlers() -> None:
    refusing = allowed(Allowance(1_000, too_many_values))
    with pytest.raises(QuestionErrors) as caught, refusing, suppress(QuestionErrors):
        spend(1_001)
    [error] = caught.value.errors
    assert isinstance(error, TooLarge)
    assert error.message.startswith("there would be more than 1,000 values to plan; send ")
    assert (error.path, error.expected) == ((), "at most 1000 values to plan")


def test_allowances_nest() -> None:
    with allowed(Allowance(5)) as outer:
        with allowed(Allowance(9)):
            spend(9)
        with allowed(None):
            spend(PLENTY)
        spend(5)
    assert outer.left == 0


def test_time_is_looked_at_every_few_units() -> None:
    readings = iter([1.0, 2.0, 3.0])
    allowance = Allowance(1_000, until=3.0, clock=lambda: next(readings))

    def spend_hundred() -> None:
        for _ in range(100):
            allowance.spend()

    with pytest.raises(Outgrown):
        spend_hundred()
    assert 60 <= allowance.spent <= 70


def test_steps_are_foreseen_before_they_are_unrolled() -> None:
    with nothing_kept(), pytest.raises(Outgrown), allowed(Allowance(1_000)) as allowance:
        prepare(recurrent(1_000))
    assert allowance.spent < 50


def test_a_question_is_planned_within_its_allowance() -> None:
    wanted = units(recurrent(10))
    with nothing_kept(), allowed(Allowance(int(wanted) + 1)):
        prepare(recurrent(10))
    with nothing_kept(), pytest.raises(Outgrown), allowed(Allowance(int(wanted) - 1)):
        prepare(recurrent(10))


def test_a_kept_plan_spends_what_making_it_did() -> None:
    units_of_ten = units(recurrent(10))
    with nothing_kept():
        for _ in range(2):
            with allowed(Allowance(PLENTY)) as allowance:
                prepare(recurrent(10))
            assert allowance.spent == units_of_ten
            with pytest.raises(Outgrown), allowed(Allowance(int(units_of_ten) - 1)):
                prepare(recurrent(10))


def test_what_outgrew_is_not_planned_again_by_allowances_as_small() -> None:
    asked = recurrent(40)
    with nothing_kept():
        with pytest.raises(Outgrown), allowed(Allowance(300)) as first:
            prepare(asked)
        assert first.left < 0
        for smaller in (300, 200):
            with pytest.raises(Outgrown) as caught, allowed(Allowance(smaller)) as again:
                prepare(asked)
            assert (again.spent, caught.value.units) == (0, smaller)
        with pytest.raises(Outgrown), allowed(Allowance(301)) as larger:
            prepare(asked)
        assert larger.left < 0
        plan = prepare(asked)  # without an allowance
        with allowed(Allowance(PLENTY)):
            assert prepare(asked) is plan


def test_errors_are_not_kept() -> None:
    with nothing_kept():
        for _ in range(2):
            with pytest.raises(QuestionErrors), allowed(Allowance(PLENTY)) as allowance:
                prepare(recurrent(10, select=("hiden",)))
            assert allowance.spent > 20
        assert len(prepare.cache) == 0


@pytest.mark.parametrize(
    ("small", "large", "factor"),
    [
        pytest.param(recurrent(20), recurrent(200), 10, id="steps with names"),
        pytest.param(
            program("y = " + " + ".join(["lstm(x, w, v, b, clip=9)"] * 2)),
            program("y = " + " + ".join(["lstm(x, w, v, b, clip=9)"] * 8)),
            4,
            id="steps without names",
        ),
        pytest.param(
            recurrent(50, readings=readings(jacobian=(("hidden[9]", "w_x"),) * 5)),
            recurrent(50, readings=readings(jacobian=(("hidden[9]", "w_x"),) * 95)),
            10,
            id="Jacobians",
        ),
        pytest.param(
            recurrent(100, select=tuple(f"*[*{at}]" for at in range(10, 20))),
            recurrent(100, select=tuple(f"*[*{at % 90 + 10}]" for at in range(300))),
            6,
            id="patterns",
        ),
        pytest.param(
            program(*(f"y{at} = x + {at}" for at in range(20))),
            program(*(f"y{at} = x + {at}" for at in range(200))),
            9,
            id="lines",
        ),
        pytest.param(
            program("y = x * 2", readings=readings(claims=("y == x + x",) * 10)),
            program("y = x * 2", readings=readings(claims=("y == x + x",) * 100)),
            8,
            id="claims",
        ),
        pytest.param(
            recurrent(10, given=tensors(hiddn=(1, 1))),
            recurrent(10, given=tensors(**{f"hiddn{at}": (1, 1) for at in range(20)})),
            2,
            id="misspelt names",
        ),
        pytest.param(
            recurrent(10, readings=readings(verify=True), upstream=tensors(output=(10, 1))),
            recurrent(40, readings=readings(verify=True), upstream=tensors(output=(40, 1))),
            10,
            id="targets of a verification",
        ),
    ],
)
def test_units_grow_with_the_work(small: Question, large: Question, factor: int) -> None:
    assert units(large) > factor * 0.8 * units(small)


def test_ordinary_questions_stay_far_below_what_the_event_loop_plans() -> None:
    inputs = tensors(x=(6, 8), w_q=(8, 8), w_k=(8, 8), w_v=(8, 8), w_o=(8, 8))
    attention = Question(
        "self_attention", (("heads", 2),), inputs, (), tensors(output=(6, 8)), readings=readings(verify=True)
    )
    assert units(attention) < 100
    assert units(recurrent(5, upstream=tensors(output=(5, 1)))) < 200
