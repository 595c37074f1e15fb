"""Numbers in workings, evaluated as LaTeX, are the answers."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compute
from compute.primitives.activations.declaration import ACTIVATIONS
from compute.question.declared_readings import workings
from compute.readings import formulas, numbers, written_arrays
from service.endpoints import find_endpoint
from tests.compute.asking import answer
from tests.compute.readings.latex_oracle import NotKnown, evaluate
from tests.compute.readings.notes.questions import QUESTIONS, upstream

EXAMPLES = Path(__file__).parents[4] / "openapi" / "examples"
WITHOUT_WORKINGS = frozenset(
    {"compare", "cost", "evaluate", "grade", "lambda_feedback", "moments", "optimizer", "variants"}
)
# Formulas with infinite parts, where the service computes the limit: 0 log 0, and logarithms of tiny numbers.
LIMITS = frozenset({
    ("binary_cross_entropy", "d probabilities"),
    ("binary_cross_entropy_logits", "log_complements"),
    ("kl_divergence", "losses"),
    ("kl_divergence", "d target"),
    ("log_softmax", "output"),
})  # fmt: skip
EACH = 6  # random questions about each operation
MATRIX, WIDE, ROW, PAIR = [[1, 2, -1], [0.5, 3, 2]], [[2, -1], [1, 0.5], [3, 1]], [1, 2, 3], [2, 3]
PROGRAMS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "a repeated number": (("L = sum(x + c)",), {"x": MATRIX, "c": 0.5}),
    "a repeated row": (("L = sum(x + v)",), {"x": MATRIX, "v": ROW}),
    "the sum of a product": (("L = sum(x @ w)",), {"x": MATRIX, "w": WIDE}),
    "the mean of a product": (("L = mean(x @ w * c)",), {"x": MATRIX, "w": WIDE, "c": 0.5}),
    "sums of rows": (("s = sum(x, axis=1)", "L = sum(s * s * r)"), {"x": MATRIX, "r": PAIR}),
    "sums of columns": (("s = sum(x, axis=0)", "y = x * s", "L = sum(y)"), {"x": MATRIX}),
    "means of rows": (
        ("m = mean(x, axis=1)", "y = x - expand_dims(m, axis=1)", "L = sum(y**2)"),
        {"x": MATRIX},
    ),
    "lengths of rows": (
        ("n = sqrt(sum(x**2, axis=1))", "y = x / expand_dims(n, axis=1)", "L = sum(y * x)"),
        {"x": MATRIX},
    ),
    "a row and a column": (
        ("y = x * v + expand_dims(v, axis=1)", "L = sum(y**2)"),
        {"x": np.eye(3), "v": ROW},
    ),
    "an outer product": (("y = expand_dims(r, axis=1) * v", "L = sum(y**2)"), {"r": PAIR, "v": ROW}),
    "transposes": (("y = (x @ w).T @ x", "L = sum(tanh(y) * y)"), {"x": MATRIX, "w": WIDE}),
    "a matrix times a vector": (("y = x @ v", "L = sum((y - r) ** 2)"), {"x": MATRIX, "v": ROW, "r": PAIR}),
    "a vector times a matrix": (("y = v @ w", "L = sum((y - r) ** 2)"), {"w": WIDE, "v": ROW, "r": PAIR}),
    "another shape": (("f = flatten(x)", "L = sum(f * f)"), {"x": MATRIX}),
    "another shape inside": (("L = sum(flatten(x) * u)",), {"x": MATRIX, "u": [1, 2, 3, 4, 5, 6]}),
    "powers": (("y = x**3 + sqrt(x**2 + 1) + (x**2)**1.5", "L = sum(y)"), {"x": MATRIX}),
    "signs": (("y = -(-x) * (-c) - (x - c) - (x + c)", "L = -sum(y**2)"), {"x": MATRIX, "c": -0.5}),
    "small numbers": (("y = x * 0.00001", "L = sum(y**2)"), {"x": MATRIX}),
    "a softmax of columns": (("p = softmax(x, axis=0)", "L = sum(p * x)"), {"x": MATRIX}),
    "a softmax of sums": (
        ("p = softmax(sum(x, axis=1), axis=-1)", "L = sum(p * r)"),
        {"x": MATRIX, "r": PAIR},
    ),
    "functions": (("L = mean(log(1 + exp(x @ w + b)) * abs(x @ w))",), {"x": MATRIX, "w": WIDE, "b": PAIR}),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _every_digit() -> Iterator[None]:
    """Write all digits: a wrong formula cannot hide behind the rounding."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "DIGITS", 15)
        for module in (formulas, written_arrays, workings):
            patch.setattr(module, "LONGEST", 20_000)
        yield


def compare(text: str, expected: Any) -> str:
    """Return whether a formula is "right", "wrong", or "unknown" to the evaluator."""
    try:
        found = evaluate(text)
    except NotKnown:
        return "unknown"
    except ValueError:
        return "wrong"  # shapes do not fit
    array = np.atleast_2d(np.asarray(expected, dtype=float))
    if found.size == array.size:  # axes of size 1 are not written
        found = found.reshape(array.shape)
    try:
        found = np.broadcast_to(found, array.shape)
    except ValueError:
        return "wrong"
    return "right" if np.allclose(found, array, rtol=1e-9, atol=1e-12, equal_nan=True) else "wrong"


def compared(document: dict[str, Any], values: Any, gradients: Any) -> dict[str, str]:
    """Compare every step and gradient whose numbers are written."""
    texts = {name: (text, values.get(name)) for name, text in document["values"].items()}
    for name, gradient in document["gradients"].items():
        if gradient.get("numbers"):
            texts[f"d {name}"] = gradient["numbers"], gradients.get(name)
    return {name: compare(text, array) for name, (text, array) in texts.items() if array is not None}


def asked(operation: str, inputs: Any, attributes: Any = None, **more: Any) -> dict[str, str]:
    inputs = {name: np.asarray(one, dtype=float) if isinstance(one, list | float) else one
              for name, one in inputs.items()}  # fmt: skip
    found = answer(operation, inputs, attributes, workings=True, **more)
    part = found.parts["workings"]
    gradients = {name: {"numbers": one.numbers} for name, one in part.gradients.items()}
    return compared({"values": part.values, "gradients": gradients}, found.values, found.gradients)


def test_numbers_of_the_examples() -> None:
    count, wrong = Counter[str](), set()
    for path in sorted(EXAMPLES.glob("*.json")):
        example = json.loads(path.read_text())
        operation = find_endpoint(example["path"]).name
        if operation.split("/")[0] in WITHOUT_WORKINGS:
            continue
        request = {name: field for name, field in example["request"].items() if name != "select"}
        is_exact = request.get("arithmetic") == "exact"
        if not is_exact:
            request["encoding"] = "nested"
        document = compute.answer(operation, workings=True, **request).document
        values = document["approximations" if is_exact else "values"]
        gradients = document.get("gradient_approximations" if is_exact else "gradients") or {}
        found = compared(document["workings"], values, gradients)
        count.update(found.values())
        wrong |= {(path.stem, name) for name, verdict in found.items() if verdict == "wrong"}
    assert wrong == LIMITS
    assert count["right"] >= 900
    assert count["unknown"] <= 350


def test_numbers_of_random_questions_about_every_operation() -> None:
    asked_of, count = Counter[str](), Counter[str]()
    right = set()
    for name, case in QUESTIONS.items():
        asked_of[case.operation] += 1
        if asked_of[case.operation] > EACH:
            continue
        found = asked(case.operation, case.inputs, case.attributes, upstream=upstream(case))
        assert "wrong" not in found.values(), (name, found)
        count.update(found.values())
        right |= {case.operation for verdict in found.values() if verdict == "right"}
    assert count["right"] >= 1000
    assert count["unknown"] <= 700
    assert len(right) >= len(asked_of) - 6  # the others are too large


@pytest.mark.parametrize("function", ACTIVATIONS)
def test_numbers_of_activations(function: str) -> None:
    x = (
        [[0.5, 1.5, 2], [1, 0.25, 3]]
        if function.startswith(("log", "sqrt"))
        else [[0.5, -1.5, 2], [1, -0.25, 3]]
    )
    found = asked("activation", {"x": x}, {"function": function}, upstream={"output": np.array(MATRIX)})
    assert "wrong" not in found.values(), found
    assert found["d x"] == "right"


@pytest.mark.parametrize("name", PROGRAMS)
def test_numbers_of_programs(name: str) -> None:
    lines, inputs = PROGRAMS[name]
    found = asked("graph", inputs, program=lines, upstream={"L": np.array(1.0)})
    assert "wrong" not in found.values(), found
    assert "right" in found.values()
