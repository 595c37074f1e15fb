"""Questions whose notes are looked at."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from compute.question.answer import Answer
from compute.readings.notes import Note
from tests.compute.asking import answer, plan
from tests.oracles import cases, layers, losses, normalizations, recurrent
from tests.oracles.cases import Case

EACH = 12  # of each kind of random question


def ask(lines: str | list[str], inputs: dict[str, Any], **asked: Any) -> Answer:
    """The answer to a program; every input is of floats, or in exact arithmetic of what it is."""
    if asked.get("arithmetic") != "exact":
        inputs = {name: np.asarray(one) if np.asarray(one).dtype == bool else np.asarray(one, dtype=float)
                  for name, one in inputs.items()}  # fmt: skip
    return answer("graph", inputs, program=(lines,) if isinstance(lines, str) else tuple(lines), **asked)


def only(found: Answer, code: str = "") -> Note:
    """The only note, or the only one of this code."""
    [note] = [note for note in found.notes if code in ("", note.code)]
    return note


def random_questions() -> Iterator[tuple[str, Case]]:
    """Finite questions of every kind that the oracles draw."""
    for kind in cases.COUNTS:
        for seed in range(EACH):
            yield f"attention-{kind}-{seed}", cases.case(kind, seed)
    for kind in layers.COUNTS:
        for seed in range(min(EACH, layers.COUNTS[kind])):
            yield f"layer-{kind}-{seed}", layers.layer(kind, seed)
    for name in losses.COUNTS:
        for seed in range(12):
            yield f"{name}-{seed}", losses.loss(name, seed)
    for name in recurrent.KINDS:
        for seed in range(EACH):
            yield f"{name}-{seed}", recurrent.recurrent(name, seed)
    for kind in normalizations.COUNTS:
        for seed in range(EACH):
            yield f"normalization-{kind}-{seed}", normalizations.normalization(kind, seed)


def upstream(case: Case) -> dict[str, Any]:
    """A random gradient of a question's output, by its name."""
    names = plan(case.operation, case.inputs, case.attributes).graph.names
    [name] = [one for one in ("output", "loss") if one in names]
    shape: Any = names[name].shape
    return {name: np.asarray(np.random.default_rng(len(shape)).standard_normal(shape))}


QUESTIONS = dict(random_questions())
