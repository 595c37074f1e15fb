"""Cross entropy and negative log-likelihood against plain loops, ONNX's definitions, and SymPy."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(32)
INNER = ("log_probabilities", "one_hot", "smoothed_target", "weighted_target")


def log_softmax(row: Any) -> list[float]:
    largest = max(row)
    total = largest + math.log(sum(math.exp(one - largest) for one in row))
    return [float(one - total) for one in row]


def negative_log_likelihood(
    scores: Any, target: Any, weights: Any = None, ignored: int | None = None, reduction: str = "mean"
) -> Any:
    """ONNX's NegativeLogLikelihoodLoss, entry by entry: classes on axis 1; the mean divides by the weights of
    what counts.
    """
    samples = np.zeros(target.shape)
    counted = np.zeros(target.shape)
    for at in np.ndindex(target.shape):
        index = int(target[at])
        if ignored is not None and index == ignored:
            continue
        counted[at] = 1 if weights is None else weights[index]
        samples[at] = -scores[(at[0], index, *at[1:])] * counted[at]
    if reduction == "none":
        return samples
    return samples.sum() / counted.sum() if reduction == "mean" else samples.sum()


def softmax_cross_entropy(scores: Any, *others: Any) -> Any:
    """ONNX's SoftmaxCrossEntropyLoss: the same of the logarithm of the softmax over axis 1."""
    logs = np.zeros(scores.shape)
    for at in np.ndindex(scores.shape[0], *scores.shape[2:]):
        place = (at[0], slice(None), *at[1:])
        logs[place] = log_softmax(scores[place])
    return negative_log_likelihood(logs, *others), logs


def posed(seed: int, rank: int) -> tuple[Any, Any, Any]:
    """Scores with classes on axis 1, targets, and weights."""
    rng = np.random.default_rng([33, seed])
    shape = (3, 5, 2, 3)[:rank]
    scores = rng.normal(0, 3, shape)
    target = np.asarray(rng.integers(0, 5, (shape[0], *shape[2:]))).astype(float)
    return scores, target, rng.uniform(0.2, 2, 5)


ONNX = [
    (seed, rank, weighted, ignored, reduction)
    for seed, (rank, weighted, ignored, reduction) in enumerate(
        itertools.product((2, 3, 4), (False, True), (None, 2, -1), ("mean", "sum", "none"))
    )
]


@pytest.mark.parametrize(("seed", "rank", "weighted", "ignored", "reduction"), ONNX)
def test_onnx(seed: int, rank: int, weighted: bool, ignored: int | None, reduction: str) -> None:
    scores, target, weights = posed(seed, rank)
    if ignored is not None:
        target.flat[::2] = ignored
        target.flat[1] = 4
    inputs = {"target": target, **({"class_weights": weights} if weighted else {})}
    settings: dict[str, Any] = {"axis": 1, "reduction": reduction}
    if ignored is not None:
        settings["ignore_index"] = ignored
    definition: Any = (target, weights if weighted else None, ignored, reduction)
    wanted, logs = softmax_cross_entropy(scores, *definition)
    found = answer("cross_entropy", {"logits": scores, **inputs}, settings).values
    np.testing.assert_allclose(found["output"], wanted, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found["log_probabilities"], logs, rtol=1e-12, atol=1e-14)
    short = answer("cross_entropy", {"logits": scores, **inputs}, settings, select=["output"]).values
    np.testing.assert_allclose(short["output"], wanted, rtol=1e-12, atol=1e-14)
    likelihood = answer("nll", {"log_probabilities": logs, **inputs}, settings).values
    wanted = negative_log_likelihood(logs, *definition)
    np.testing.assert_allclose(likelihood["output"], wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("weighted", [False, True])
def test_the_fused_step_is_its_composition(seed: int, weighted: bool) -> None:
    scores, target, weights = posed(seed, 2 + seed % 3)
    target.flat[1] = -100
    inputs = {"logits": scores, "target": target, **({"class_weights": weights} if weighted else {})}
    settings = {"axis": 1, "reduction": ("mean", "sum", "none")[seed % 3]}
    names = ["output", "losses", "logits"]
    shape: Any = plan("cross_entropy", inputs, settings).graph.names["output"].shape
    upstream = {"output": np.random.default_rng(seed).standard_normal(shape)}
    short = answer("cross_entropy", inputs, settings, upstream=upstream, select=names)
    whole = answer("cross_entropy", inputs, settings, upstream=upstream)
    fused = plan("cross_entropy", inputs, settings, upstream=upstream, select=names)
    assert "class_surprise" in {one.primitive.name for one in fused.graph.values if one.primitive}
    assert not set(INNER) & set(fused.graph.names)
    for name in names[:2]:
        np.testing.assert_allclose(short.values[name], whole.values[name], rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(short.gradients["logits"], whole.gradients["logits"], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [*INNER, "probabilities"])
def test_what_is_asked_for_is_there(name: str) -> None:
    inputs = {"logits": RNG.standard_normal((2, 3)), "target": [0, 2], "class_weights": [1, 2, 3]}
    found = answer("cross_entropy", inputs, select=["output", name]).values
    assert found[name].shape == (2, 3)
    whole = answer("cross_entropy", inputs, select=["output", *INNER]).values
    assert found["output"] == pytest.approx(float(whole["output"]), rel=1e-14)


def test_a_given_distribution_takes_the_place_of_the_target() -> None:
    logits, q = RNG.standard_normal((2, 3)), np.array([[0.2, 0.3, 0.5], [1, 0, 0]])
    inputs = {"logits": logits, "target": [0, 2]}
    found = answer("cross_entropy", inputs, given={"smoothed_target": q}, upstream={"losses": [1, 1]})
    logs = np.array([log_softmax(row) for row in logits])
    np.testing.assert_allclose(found.values["losses"], -(q * logs).sum(-1), rtol=1e-13)
    np.testing.assert_allclose(found.gradients["logits"], np.exp(logs) - q, rtol=1e-12, atol=1e-15)
    known = answer("cross_entropy", {"target": [0, 2]}, given={"log_probabilities": logs})
    np.testing.assert_allclose(known.values["losses"], [-logs[0, 0], -logs[1, 2]], rtol=1e-14)


def test_smoothing_by_loops() -> None:
    logits, weights = RNG.standard_normal((4, 3)), np.array([0.5, 1, 2])
    target, smoothing = [0, 2, -100, 1], 0.3
    found = answer("cross_entropy", {"logits": logits, "target": target, "class_weights": weights},
                   {"label_smoothing": smoothing}).values  # fmt: skip
    losses = []
    for row, index in zip(logits, target, strict=True):
        logs = log_softmax(row)
        shares = [(1 - smoothing) * (c == index) + smoothing / 3 for c in range(3)]
        terms = [w * q * log for w, q, log in zip(weights, shares, logs, strict=True)]
        losses.append(0 if index == -100 else -sum(terms))
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-13)
    assert found["output"] == pytest.approx(sum(losses) / (0.5 + 2 + 1), rel=1e-13)
    np.testing.assert_array_equal(found["smoothed_target"][2], 0)


def test_symbols() -> None:
    inputs = {"logits": ["z1", "z2", "z3"], "target": 0}
    z = sympy.symbols("z1:4", real=True)
    loss = sympy.log(sum(map(sympy.exp, z))) - z[0]
    for select in (["output", "logits"], None):
        found = answer("cross_entropy", inputs, upstream={"output": 1}, select=select, arithmetic="exact")
        assert found.values["output"][()] == loss
        for at, gradient in enumerate(found.gradients["logits"]):
            share = sympy.exp(z[at]) / sum(map(sympy.exp, z))
            assert sympy.simplify(gradient - (share - int(at == 0))) == 0
            assert sympy.simplify(gradient - loss.diff(z[at])) == 0


def test_symbols_in_targets_weights_and_smoothing() -> None:
    inputs = {"logits": ["a", "b"], "target": ["p", "1 - p"], "class_weights": ["v", "w"]}
    found = answer("cross_entropy", inputs, {"label_smoothing": "s"}, upstream={"output": 1},
                   arithmetic="exact")  # fmt: skip
    a, b, p, v, w, s = sympy.symbols("a b p v w s", real=True)
    total = sympy.log(sympy.exp(a) + sympy.exp(b))
    q = [(1 - s) * one + s / 2 for one in (p, 1 - p)]
    loss = -(v * q[0] * (a - total) + w * q[1] * (b - total))
    assert sympy.simplify(found.values["output"][()] - loss) == 0
    for name, symbols in (("logits", (a, b)), ("class_weights", (v, w))):
        for gradient, symbol in zip(found.gradients[name], symbols, strict=True):
            assert sympy.simplify(gradient - loss.diff(symbol)) == 0
    first, second = found.gradients["target"]
    assert sympy.simplify(first - second - loss.diff(p)) == 0


def test_a_class_that_depends_on_an_order_has_cases() -> None:
    inputs = {"logits": ["z", 0], "target": "where(k > 0, 1, 0)"}
    z, k = sympy.symbols("z k", real=True)
    for select in (["output", "logits"], None):
        found = answer("cross_entropy", inputs, upstream={"output": 1}, select=select, arithmetic="exact")
        for worth, wanted in ((1, 0), (-1, z)):
            loss = sympy.log(1 + sympy.exp(z)) - wanted
            output: Any = found.values["output"][()]
            assert sympy.simplify(output.subs(k, worth) - loss) == 0
            assert sympy.simplify(found.gradients["logits"][0].subs(k, worth) - loss.diff(z)) == 0


@pytest.mark.parametrize("select", [None, ["output", "logits"]])
def test_large_logits_and_impossible_classes(select: Any) -> None:
    inputs = {"logits": [[1000.0, 0, -np.inf], [-1000, -1000, -1000]], "target": [0, 2]}
    found = answer("cross_entropy", inputs, {"reduction": "sum"}, upstream={"output": 1}, select=select)
    assert found.values["output"] == pytest.approx(math.log(3), rel=1e-15)
    wanted = np.array([[0, 0, 0], [1, 1, -2]]) / 3
    np.testing.assert_allclose(found.gradients["logits"], wanted, atol=1e-15)
    likely = {"logits": [50.0, 0, 0], "target": 0}
    loss = answer("cross_entropy", likely, select=select and ["output"]).values["output"]
    assert loss == pytest.approx(math.log1p(2 * math.exp(-50)), abs=1e-15)


@pytest.mark.parametrize("operation", ["cross_entropy", "nll"])
def test_of_nothing_there_is_no_mean(operation: str) -> None:
    scores = {"cross_entropy": "logits", "nll": "log_probabilities"}[operation]
    inputs = {scores: -np.ones((2, 3)), "target": [-100, -100]}
    with pytest.raises(QuestionErrors) as caught:
        answer(operation, inputs)
    [error] = caught.value.errors
    assert error.path == ("target",)
    assert "no mean" in error.message
    for reduction, shape in (("sum", ()), ("none", (2,))):
        found = answer(operation, inputs, {"reduction": reduction}, upstream={"output": np.ones(shape)})
        np.testing.assert_array_equal(found.values["output"], np.zeros(shape))
        np.testing.assert_array_equal(found.gradients[scores], np.zeros((2, 3)))


LOGITS = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("inputs", "settings", "field", "words"),
    [
        ({"target": [0, 3]}, {}, "target", "whole numbers from 0 to 2, or -100"),
        ({"target": [0, -1]}, {}, "target", "whole numbers from 0 to 2"),
        ({"target": [0, 0.5]}, {}, "target", "whole numbers"),
        ({"target": [0, np.nan]}, {}, "target", "whole numbers"),
        ({"target": [0, -100]}, {"ignore_index": 1}, "target", "or 1 for what is ignored"),
        ({"target": [0, 1, 2]}, {}, "target", "shape (2), or probabilities of shape (2, 3)"),
        ({"target": 1}, {}, "target", "class indices of shape (2)"),
        ({"target": [[0, 1]]}, {}, "target", "class indices of shape (2)"),
        ({"target": [[0, 1, 0], [0, 2, -1]]}, {}, "target", "numbers from 0 to 1"),
        ({"target": np.full((2, 3), 1 / 3)}, {"ignore_index": 0}, "ignore_index", "class indices as target"),
        ({"target": np.full((2, 3), 1 / 3)}, {"ignore_index": -1}, "ignore_index", "or no ignore_index"),
        ({"target": [0, 1], "class_weights": [1, 1]}, {}, "class_weights", "shape (3)"),
        ({"target": [0, 1], "class_weights": [1, -1, 1]}, {}, "class_weights", "numbers from 0 on"),
        ({"target": [0, 1]}, {"axis": 2}, "axis", "from -2 to 1"),
        ({"target": [0, 1]}, {"axis": -3}, "axis", "from -2 to 1"),
        ({"target": [0, 1]}, {"label_smoothing": 1.5}, "label_smoothing", "from 0 to 1"),
        ({"target": [0, 1]}, {"label_smoothing": "-1/2"}, "label_smoothing", "from 0 to 1"),
        ({"target": [0, 1]}, {"label_smoothing": "1/c"}, "label_smoothing", "without dimension names"),
        ({"target": [0, 1]}, {"label_smoothing": "s"}, "label_smoothing", "constant"),
    ],
)
@pytest.mark.parametrize("select", [None, ("output",)])
def test_what_is_refused(
    inputs: dict[str, Any], settings: dict[str, Any], field: str, words: str, select: Any
) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("cross_entropy", {"logits": LOGITS, **inputs}, settings, select=select)
    [error] = caught.value.errors
    assert error.path == (field,)
    assert words in error.expected


@pytest.mark.parametrize("target", ["k", "sqrt(2)", "1/2", "3"])
def test_what_is_no_class_in_exact_numbers(target: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("nll", {"log_probabilities": ["a", "b", "c"], "target": target}, arithmetic="exact")
    assert caught.value.errors[0].path == ("target",)


def test_probabilities_that_do_not_sum_to_1_are_taken_as_they_are() -> None:
    logits = RNG.standard_normal(3)
    found = answer("cross_entropy", {"logits": logits, "target": [0.5, 0.5, 0.5]}).values
    assert found["output"] == pytest.approx(-sum(log_softmax(logits)) / 2, rel=1e-13)


def test_classes_are_labelled_where_they_stand() -> None:
    inputs = {"logits": np.zeros((2, 3, 4)), "target": np.zeros((2, 4))}
    steps = {one.name: one.axes for one in plan("cross_entropy", inputs, {"axis": 1}).steps}
    assert steps["log_probabilities"] == steps["one_hot"] == ["axis_0", "class", "axis_2"]
    assert steps["losses"] == ["axis_0", "axis_1"]


def test_the_probabilities_of_each_sample_are_promised_to_sum_to_1() -> None:
    inputs = {"logits": np.zeros((2, 3, 4)), "target": np.zeros((2, 4))}
    graph = plan("cross_entropy", inputs, {"axis": 1}).graph
    [promise] = graph.invariants
    assert promise.value is graph.names["probabilities"]
    assert {side.shape for side in promise.sides()} == {(2, 4)}


def test_the_loss_follows_from_probabilities_that_are_given() -> None:
    p = np.array([[0.2, 0.8], [0.5, 0.5]])
    found = answer("cross_entropy", {"target": [0, 1]}, given={"probabilities": p}, upstream={"output": 1.0})
    np.testing.assert_allclose(found.values["losses"], [-np.log(0.2), -np.log(0.5)])
    np.testing.assert_allclose(found.values["log_probabilities"], np.log(p))
    np.testing.assert_allclose(found.gradients["probabilities"], [[-0.5 / 0.2, 0], [0, -0.5 / 0.5]])
    assert [note.at for note in found.notes if note.code == "cut"] == ["logits"]
    inputs = {"logits": np.zeros((2, 2)), "target": [0, 1]}
    for select in (None, ["output"]):
        with_logits = answer("cross_entropy", inputs, given={"probabilities": p}, select=select)
        assert with_logits.values["output"] == found.values["output"]
    exact = answer(
        "cross_entropy", {"target": [0]}, given={"probabilities": [["p", "q"]]}, arithmetic="exact"
    )
    assert str(exact.values["output"]) == "-log(p)"
    with pytest.raises(QuestionErrors) as caught:
        answer("cross_entropy", {"target": [0]}, given={"probabilities": [[1.2, 0.1]]})
    assert caught.value.errors[0].path == ("given", "probabilities")


def test_nothing_is_ignored_of_probabilities() -> None:
    conventions = plan("cross_entropy", {"logits": LOGITS, "target": np.full((2, 3), 1 / 3)}).conventions
    assert conventions["ignore_index"] == "none"
    assert plan("cross_entropy", {"logits": LOGITS, "target": [0, 1]}).conventions["ignore_index"] == -100
