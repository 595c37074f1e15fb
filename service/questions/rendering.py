"""How an answer is written: the body of the response to an operation or a program."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from itertools import chain
from typing import Any

import orjson

from compute.arithmetic.namespace import Array
from compute.question.answer import Answer, Plan
from compute.readings.notes import Note
from service.questions.costs import cost_json
from service.questions.readings import parts_json
from service.questions.tensors import encode

SHORT = 64  # entries up to which encoding an array again costs less than keeping its text


def rendered(
    prepared: Plan,
    answer: Answer,
    more: Mapping[str, Any],
    *,
    operation: str,
    encoding: str,
    exact: bool,
) -> bytes:
    """An answer as the body of a response. more: what else it holds; exact: claims come with a verdict."""
    if not prepared.rendered:
        prepared.rendered.update(_render_prepared(prepared))
    fixed = {name: orjson.Fragment(text) for name, text in prepared.rendered.items()}

    once = _encoder(answer)

    def encoded(arrays: Mapping[str, Array], spoiled: Collection[str]) -> dict[str, Any]:
        return {name: once(array, encoding, finite=name not in spoiled) for name, array in arrays.items()}

    body: dict[str, Any] = {
        "operation": operation,
        "conventions": fixed["conventions"],
        "values": encoded(answer.values, answer.spoiled),
    }
    if prepared.differentiation is not None:
        body["gradients"] = encoded(answer.gradients, answer.spoiled_gradients)
        body["contributions"] = {
            name: encoded(parts, parts if name in answer.spoiled_gradients else ())
            for name, parts in answer.contributions.items()
        }
    body |= parts_json(answer.parts, encoding, is_exact=exact)
    body["steps"] = fixed["steps"]
    body["aliases"] = fixed["aliases"]
    body["cost"] = fixed["cost"]
    body.update(more)
    body["notes"] = [note_json(note) for note in answer.notes]
    body["unknown"] = fixed["unknown"]
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def _encoder(answer: Answer) -> Callable[..., Any]:
    """Choose how to encode the arrays of an answer: with `encode`, or so that a long array which stands under
    several names is encoded once.
    """
    parts = answer.contributions.values()
    arrays = chain(answer.values.values(), answer.gradients.values(), *[one.values() for one in parts])
    long = [id(array) for array in arrays if array.size > SHORT]
    if len(set(long)) == len(long):
        return encode
    times = Counter(long)
    texts: dict[int, orjson.Fragment] = {}

    def encoded(array: Array, encoding: str, *, finite: bool) -> Any:
        if times[id(array)] < 2:
            return encode(array, encoding, finite=finite)
        if id(array) not in texts:
            found = encode(array, encoding, finite=finite)
            texts[id(array)] = orjson.Fragment(orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY))
        return texts[id(array)]

    return encoded


def note_json(note: Note) -> dict[str, Any]:
    """A note, without what says nothing of it."""
    found = asdict(note) | {"operands": [one._asdict() for one in note.operands]}
    said = ("code", "at", "message")
    return {name: one for name, one in found.items() if name in said or one not in ((), [], "", None, 0)}


def _render_prepared(prepared: Plan) -> dict[str, bytes]:
    """The parts of an answer that depend on no entry."""
    parts = {
        "conventions": prepared.conventions,
        "steps": prepared.steps,
        "aliases": prepared.graph.aliases(),
        "cost": cost_json(prepared.cost),
        "unknown": prepared.unknown,
    }
    return {name: orjson.dumps(part) for name, part in parts.items()}
