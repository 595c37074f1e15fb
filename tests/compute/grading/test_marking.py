"""Marking, on answers that plain NumPy makes."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from compute.grading.comparison import Tolerance
from compute.grading.computations import Of, Slot
from compute.grading.graph_subject import GraphSubject
from compute.grading.judgements import Rules
from compute.grading.reports import Answered, Fault, Item, Report, grade
from compute.grading.rubrics import BestOf, Penalty, Rubric
from compute.grading.written import half_units
from compute.graph.spec import Tensor
from compute.question.plan import Question

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(23)
INPUTS = {"x": RNG.normal(size=(3, 4)), **{f"w_{of}": RNG.normal(size=(4, 2)) for of in "qkv"}}
UPSTREAM = {"output": RNG.normal(size=(3, 2))}


def softmax(scores: Array) -> Array:
    return np.asarray(np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True))


def work_out(changed: Mapping[str, Array] | None = None, digits: int | None = None) -> dict[Slot, Array]:
    """Compute attention by hand, forward and backward, with some results in the place of computed ones.

    digits: significant digits to which every result is rounded before it is used.
    """
    made: dict[Slot, Array] = {}

    def put(of: Of, name: str, computed: Array) -> Array:
        result = (changed or {}).get(f"{of}.{name}", computed)
        if digits is not None:
            result = np.vectorize(lambda entry: float(f"{entry:.{digits}g}"))(result)
        made[Slot(of, name)] = result
        return result

    x, w_q, w_k, w_v = (INPUTS[name] for name in ("x", "w_q", "w_k", "w_v"))
    query, key, value = (
        put("value", "query", x @ w_q),
        put("value", "key", x @ w_k),
        put("value", "value", x @ w_v),
    )
    scores = put("value", "scores", query @ key.T)
    weights = put("value", "weights", softmax(put("value", "scaled_scores", scores / np.sqrt(2))))
    put("value", "output", weights @ value)
    g = UPSTREAM["output"]
    to_weights = put("gradient", "weights", g @ value.T)
    inner = weights * (to_weights - (to_weights * weights).sum(axis=-1, keepdims=True))
    to_scores = put("gradient", "scores", put("gradient", "scaled_scores", inner) / np.sqrt(2))
    to_query, to_key = put("gradient", "query", to_scores @ key), put("gradient", "key", to_scores.T @ query)
    put("gradient", "w_q", x.T @ to_query)
    put("gradient", "w_k", x.T @ to_key)
    put("gradient", "w_v", x.T @ put("gradient", "value", weights.T @ g))
    return made


def mark(answers: Mapping[Slot, Array | Fault], rubric: Rubric | None = None) -> dict[Slot, Item]:
    return {item.slot: item for item in report_of(answers, rubric).items}


def report_of(answers: Mapping[Slot, Array | Fault], rubric: Rubric | None = None) -> Report:
    def shapes(arrays: Mapping[str, Array]) -> tuple[tuple[str, Tensor], ...]:
        return tuple((name, Tensor(array.shape)) for name, array in arrays.items())

    question = Question("self_attention", inputs=shapes(INPUTS), upstream=shapes(UPSTREAM))
    named = [(slot.of, slot.name) for slot in (rubric or Rubric()).marks]
    subject = GraphSubject(question, INPUTS, UPSTREAM, named, [(slot.of, slot.name) for slot in answers])
    written = {
        slot: answer if isinstance(answer, Fault) else as_written(answer) for slot, answer in answers.items()
    }
    return grade(
        subject.computation, lambda _: subject.explanations, rubric or Rubric(), written, {}, subject.describe
    )


def as_written(array: Array) -> Answered:
    entries = np.asarray(array, dtype=np.float64)
    return Answered(entries, lambda: half_units(entries))


def verdicts(items: Mapping[Slot, Item]) -> dict[str, str]:
    return {f"{slot.of}.{slot.name}": item.verdict for slot, item in items.items()}


def test_right_answers_get_full_marks() -> None:
    report = report_of(work_out())
    assert {item.verdict for item in report.items} == {"correct"}
    assert report.score == report.max_score == len(work_out())


@pytest.mark.parametrize("digits", [3, 4, 6])
def test_values_rounded_by_hand_are_right(digits: int) -> None:
    assert set(verdicts(mark(work_out(digits=digits))).values()) == {"correct"}


@pytest.mark.parametrize(
    "name", ["value.query", "value.scores", "value.weights", "gradient.weights", "gradient.scaled_scores"]
)
def test_a_slip_is_charged_once_and_followed(name: str) -> None:
    of, _, short = name.partition(".")
    right = work_out()
    slot = next(slot for slot in right if (slot.of, slot.name) == (of, short))
    wrong = right[slot].copy()
    wrong[0, 0] = 3 * wrong[0, 0] + 0.4
    answers = work_out({name: wrong})
    items = mark(answers)
    assert items[slot].verdict == "incorrect"
    assert items[slot].score == pytest.approx(1 - 1 / wrong.size, abs=0.01)
    changed = {
        other for other in right if not np.allclose(right[other], answers[other], rtol=0.02) and other != slot
    }
    for other, item in items.items():
        if other != slot:
            assert item.verdict in ("correct", "follow_through")
            assert item.score == 1
    assert changed
    assert all(items[other].verdict == "follow_through" for other in changed)
    assert all(
        slot in judgement.follows_from for other in changed for _, judgement in items[other].judgements
    )


def test_two_slips_are_both_charged() -> None:
    right = work_out()
    changed = {
        "value.query": right[Slot("value", "query")] + 1,
        "gradient.weights": -right[Slot("gradient", "weights")],
    }
    found = verdicts(mark(work_out(changed)))
    assert found.pop("value.query") == found.pop("gradient.weights") == "incorrect"
    assert "incorrect" not in found.values()


def test_a_right_value_after_a_slip_is_right_in_spite_of_it() -> None:
    answers = work_out()
    answers[Slot("value", "scores")] = answers[Slot("value", "scores")] + 1
    answers[Slot("value", "scores")][0, 1] += 3
    items = mark(answers)
    [(_, judgement)] = items[Slot("value", "weights")].judgements
    assert items[Slot("value", "weights")].verdict == "correct"
    assert judgement.right_in_spite_of == [Slot("value", "scores")]
    consistent = mark(answers, Rubric(rules=Rules(consistent=True)))
    assert consistent[Slot("value", "scaled_scores")].verdict == "incorrect"


def test_a_gap_breaks_nothing() -> None:
    right = work_out()
    answers = work_out({"value.query": right[Slot("value", "query")] * 2})
    del answers[Slot("value", "scores")], answers[Slot("value", "scaled_scores")]
    assert verdicts(mark(answers))["value.weights"] == "follow_through"


def test_what_cannot_be_graded_is_neither_wrong_nor_in_the_way() -> None:
    answers: dict[Slot, Array | Fault] = dict(work_out())
    answers[Slot("value", "scores")] = Fault("ragged", "The rows differ in length.")
    report = report_of(answers)
    items = {item.slot: item for item in report.items}
    assert not report.gradable
    assert items[Slot("value", "scores")].score is None
    assert {
        item.verdict for slot, item in items.items() if slot.name != "scores" or slot.of == "gradient"
    } == {"correct"}


def test_follow_through_may_be_off_for_all_or_for_some() -> None:
    answers = work_out({"value.query": work_out()[Slot("value", "query")] + 1})
    strict = mark(answers, Rubric(rules=Rules(follow=False)))
    assert strict[Slot("value", "output")].verdict == "incorrect"
    half = mark(answers, Rubric(rules=Rules(follow_credit=Fraction(1, 2)), cut=frozenset(["output"])))
    assert half[Slot("value", "weights")].score == Fraction(1, 2)
    assert half[Slot("value", "output")].verdict == "incorrect"


def test_a_trivial_value_is_flagged() -> None:
    zero = np.zeros((3, 3))
    answers = work_out({"value.weights": zero})
    items = mark(answers, Rubric(rules=Rules(trivial_credit=Fraction(0))))
    output = items[Slot("value", "output")]
    assert output.verdict == "follow_through"
    assert output.score == 0
    assert "trivial" in output.judgements[0][1].flags


def test_noise_gets_nothing_and_has_no_name() -> None:
    answers = {slot: np.asarray(RNG.normal(size=array.shape)) * 10 for slot, array in work_out().items()}
    items = mark(answers, Rubric(partial="none"))
    assert {item.verdict for item in items.values()} == {"incorrect"}
    assert all(not judgement.misconceptions for item in items.values() for _, judgement in item.judgements)


def test_a_known_mistake_is_named_and_charged_once() -> None:
    scores = work_out()[Slot("value", "scores")]
    answers = work_out({"value.scaled_scores": scores})
    answers[Slot("gradient", "scores")] = answers[Slot("gradient", "scaled_scores")]
    x, query, key = INPUTS["x"], answers[Slot("value", "query")], answers[Slot("value", "key")]
    to_scores = answers[Slot("gradient", "scores")]
    answers |= {Slot("gradient", "query"): to_scores @ key, Slot("gradient", "key"): to_scores.T @ query}
    answers |= {
        Slot("gradient", "w_q"): x.T @ to_scores @ key,
        Slot("gradient", "w_k"): x.T @ to_scores.T @ query,
    }
    items = mark(answers)
    [(_, judgement)] = items[Slot("value", "scaled_scores")].judgements
    assert [one.code for found in judgement.misconceptions for one in found.mistakes] == [
        "attention.no_scale"
    ]
    assert items[Slot("gradient", "scores")].judgements[0][1].same_as == Slot("value", "scaled_scores")
    others = [item for slot, item in items.items() if slot != Slot("value", "scaled_scores")]
    assert all(item.score == 1 for item in others)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda entry: -entry, "sign"),
        (lambda entry: 10 * entry, "factor_of_ten"),
        (lambda entry: entry + 7.7, "entry"),
    ],
)
def test_slips_of_the_pen(change: Any, kind: str) -> None:
    answers = work_out()
    wrong = answers[Slot("value", "query")].copy()
    wrong[1, 0] = change(wrong[1, 0])
    [(_, judgement)] = mark(work_out({"value.query": wrong}))[Slot("value", "query")].judgements
    assert judgement.slip is not None
    assert (judgement.slip.at, judgement.slip.kind) == ((1, 0), kind)
    assert not judgement.misconceptions


def test_other_forms_of_the_same_numbers() -> None:
    answers = work_out()
    query = Slot("value", "query")
    answers[query] = answers[query].T
    assert mark(answers)[query].verdict == "incorrect"
    accepted = mark(answers, Rubric(rules=Rules(forms={"transposed": Fraction(1, 2)})))
    assert accepted[query].verdict == "accepted"
    assert accepted[query].score == Fraction(1, 2)
    assert accepted[Slot("value", "scores")].verdict == "correct"
    answers[query] = work_out()[query][None]
    assert mark(answers)[query].flags == ["axes"]


def test_too_few_digits_are_a_verdict_of_their_own() -> None:
    answers = {Slot("value", "query"): np.round(work_out()[Slot("value", "query")], 1)}
    strict = Rubric(tolerances={Slot("value", "query"): Tolerance(absolute=1e-6)},
                    rules=Rules(precision_credit=Fraction(2, 3)))  # fmt: skip
    item = mark(answers, strict)[Slot("value", "query")]
    assert "precision" in item.judgements[0][1].flags
    assert item.score == Fraction(67, 100)


def test_penalties_and_choices() -> None:
    right = work_out()
    answers = {
        slot: right[slot] for slot in (Slot("value", "query"), Slot("value", "key"), Slot("value", "value"))
    }
    answers[Slot("value", "key")] = answers[Slot("value", "key")] + 9
    slots = tuple(answers)
    rubric = Rubric(marks=dict.fromkeys(slots, Fraction(2)), best_of=[BestOf(slots, 2)], partial="none")
    report = report_of(answers, rubric)
    assert report.score == report.max_score == 4
    fined = Rubric(marks=dict.fromkeys(slots, Fraction(2)), penalties=[Penalty("incorrect", Fraction(1, 2))],
                   partial="none")  # fmt: skip
    assert report_of(answers, fined).score == Fraction(7, 2)
    optional = Rubric(marks=dict.fromkeys((*slots, Slot("value", "scores")), Fraction(1)),
                      optional=frozenset([Slot("value", "scores")]))  # fmt: skip
    assert report_of(answers, optional).max_score == 3
