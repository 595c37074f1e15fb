"""Rendering of answers as the bodies of responses."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from itertools import chain
from typing import Any

import orjson

from compute.arithmetic.namespace import Array
from compute.dimensions import ratio, write_size
from compute.question.answer import Answer, Plan
from compute.readings.cost import TotalCost
from compute.readings.notes import Note
from service.jobs import write_body
from service.questions.readings import parts_json
from service.questions.tensors import encode

SHORT = 64  # entries up to which encoding an array again costs less than caching its text


def render_answer(
    plan: Plan,
    answer: Answer,
    more: Mapping[str, Any],
    *,
    operation: str,
    encoding: str,
    exact: bool,
) -> bytes:
    """Return an answer as the body of a response.

    more: further fields of the answer.
    exact: whether claims have verdicts.
    """
    if not plan.rendered_parts:
        plan.rendered_parts.update(_render_plan(plan))
    fixed = {name: orjson.Fragment(text) for name, text in plan.rendered_parts.items()}

    encode_once = _encoder(answer)

    def encode_all(arrays: Mapping[str, Array], spoiled: Collection[str]) -> dict[str, Any]:
        return {
            name: encode_once(array, encoding, finite=name not in spoiled) for name, array in arrays.items()
        }

    body: dict[str, Any] = {
        "operation": operation,
        "conventions": fixed["conventions"],
        "values": encode_all(answer.values, answer.spoiled),
    }
    if plan.differentiation is not None:
        body["gradients"] = encode_all(answer.gradients, answer.spoiled_gradients)
        body["contributions"] = {
            name: encode_all(parts, parts if name in answer.spoiled_gradients else ())
            for name, parts in answer.contributions.items()
        }
    body |= parts_json(answer.parts, encoding, is_exact=exact)
    body["steps"] = fixed["steps"]
    body["aliases"] = fixed["aliases"]
    body["cost"] = fixed["cost"]
    body.update(more)
    body["notes"] = [note_json(note) for note in answer.notes]
    body["unknown"] = fixed["unknown"]
    return write_body(body)


def _encoder(answer: Answer) -> Callable[..., Any]:
    """Return the function that encodes arrays: `encode`, or one that encodes long repeated arrays once."""
    parts = answer.contributions.values()
    arrays = chain(answer.values.values(), answer.gradients.values(), *[part.values() for part in parts])
    long = [id(array) for array in arrays if array.size > SHORT]
    if len(set(long)) == len(long):
        return encode
    times = Counter(long)
    texts: dict[int, orjson.Fragment] = {}

    def encode_cached(array: Array, encoding: str, *, finite: bool) -> Any:
        if times[id(array)] < 2:
            return encode(array, encoding, finite=finite)
        if id(array) not in texts:
            encoded = encode(array, encoding, finite=finite)
            texts[id(array)] = orjson.Fragment(orjson.dumps(encoded, option=orjson.OPT_SERIALIZE_NUMPY))
        return texts[id(array)]

    return encode_cached


def note_json(note: Note) -> dict[str, Any]:
    """Return a note as JSON, without empty fields."""
    fields = asdict(note) | {"operands": [operand._asdict() for operand in note.operands]}
    always = ("code", "at", "message")
    return {name: v for name, v in fields.items() if name in always or v not in ((), [], "", None, 0)}


def _render_plan(plan: Plan) -> dict[str, bytes]:
    """Return the entry-independent parts of an answer, as JSON by field."""
    parts = {
        "conventions": plan.conventions,
        "steps": plan.steps,
        "aliases": plan.graph.aliases(),
        "cost": cost_json(plan.cost),
        "unknown": plan.unknown,
    }
    return {name: orjson.dumps(part) for name, part in parts.items()}


def cost_json(cost: TotalCost) -> dict[str, Any]:
    """Return the counts of a cost as JSON, with the savings if not every query meets every key."""
    names = ("multiply_adds", "elementwise", "comparisons", "parameters")
    counts: dict[str, Any] = {name: write_size(getattr(cost, name)) for name in names}
    if cost.all_comparisons != cost.comparisons:
        counts["all_comparisons"] = write_size(cost.all_comparisons)
        if cost.exact_comparisons is not None:
            counts["exact_comparisons"] = write_size(cost.exact_comparisons)
        counts["speedup"] = ratio(cost.all_comparisons, cost.comparisons)
    return counts
