"""The reading that remarks: what a person should know of the numbers that came out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compute.arithmetic.namespace import Array
from compute.differentiation import Differentiation
from compute.evaluation import Evaluation
from compute.graph import Value, nearest_names
from compute.steps import step


@dataclass(frozen=True, slots=True)
class Note:
    """A remark: a code for programs, the name it is about, a sentence for people."""

    code: str
    at: str
    message: str


def observe(evaluation: Evaluation, values: Mapping[int, Array]) -> tuple[list[Note], set[str]]:
    """Where numbers first stopped being finite, and what primitives say of such operands.

    With the notes, the names of all values that hold an entry that is not finite.
    """
    is_finite = evaluation.arithmetic.is_finite
    notes: list[Note] = []
    spoiled: set[str] = set()
    for value in evaluation.graph.named_values():
        array = values.get(value.index)
        if array is None or value.kind != "real":
            continue
        finite = is_finite(array)
        if finite and not spoiled:
            continue
        after_spoiled = not spoiled.isdisjoint(_sources(value))
        if not finite:
            spoiled.add(str(value.name))
            outlines = evaluation.arithmetic.outlines(array)
            if not after_spoiled and not (value.may_be_infinite and _only_negative(outlines)):
                notes.append(Note("non_finite", str(value.name), _describe(outlines)))
        if after_spoiled:
            notes += _remarks(evaluation, value, values)
    return notes, spoiled


def observe_gradients(
    differentiation: Differentiation, gradients: Mapping[int, Array]
) -> tuple[list[Note], set[str]]:
    """The gradient nearest to its upstream value that is not finite, and the names of all such."""
    evaluation = differentiation.evaluation
    is_finite = evaluation.arithmetic.is_finite
    if all(is_finite(gradients[index]) for index in differentiation.watched if index in gradients):
        return [], set()
    bad = [index for index in sorted(gradients, reverse=True) if not is_finite(gradients[index])]
    names = [str(evaluation.graph.values[index].name) for index in bad]
    notes = [
        Note(
            "non_finite_gradient",
            name,
            "its gradient " + _describe(evaluation.arithmetic.outlines(gradients[index])),
        )
        for index, name in zip(bad[:1], names, strict=False)
    ]
    return notes, set(names)


def _sources(value: Value) -> list[str]:
    return [name for operand in value.inputs for name in nearest_names(operand)]


def _only_negative(array: Array) -> bool:
    return not bool(np.isnan(array).any() or (array == np.inf).any())


def _describe(array: Array) -> str:
    bad = ~np.isfinite(array)
    first = tuple(int(index) for index in np.argwhere(bad)[0])
    entry = array[first]
    name = "NaN" if np.isnan(entry) else "Infinity" if entry > 0 else "-Infinity"
    where = f" at {list(first)}" if first else ""
    count = int(bad.sum())
    if count == 1:
        return f"is {name}{where}"
    return f"has {count} entries that are not finite, the first of them {name}{where}"


def _remarks(evaluation: Evaluation, value: Value, values: Mapping[int, Array]) -> list[Note]:
    notes = []
    for inner in step(value):
        primitive = inner.primitive
        operands = [values.get(operand.index) for operand in inner.inputs]
        if primitive is None or primitive.remark is None or inner.index not in values:
            continue
        if any(operand is None for operand in operands):
            continue
        said = primitive.remark(evaluation.arithmetic, values[inner.index], *operands, **inner.attributes)
        if said is not None:
            notes.append(Note(said[0], str(value.name), said[1]))
    return notes
