"""From a JSON object to a question, and from its answer to bytes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from compute.answers import Answer, Limits, Prepared
from compute.arithmetic.namespace import Array
from compute.dimensions import Size, big_o
from compute.errors import QuestionError, QuestionErrors
from compute.operations import CATALOGUE
from compute.operations.binding import Tensor
from compute.questions import ARITHMETICS, Asked, check_entries, prepare, shapes_only
from service.problems import MAX_ERRORS
from service.schemas import request_model, validate
from service.tensors import decode, decode_shape, encode


@dataclass(frozen=True, slots=True)
class Question:
    """A question understood: plans, and the entries to run them on."""

    prepared: Prepared
    operation: str
    inputs: dict[str, Array]
    given: dict[str, Array]
    upstream: dict[str, Array]
    encoding: str

    def answer(self) -> bytes:
        """The answer as the body of a response."""
        return _render(self, self.prepared.answer(self.inputs, self.given, self.upstream))


def understand(operation: str, document: dict[str, Any], limits: Limits) -> Question:
    """The question that a document asks. Raises QuestionErrors for all that is wrong with it."""
    declared = CATALOGUE[operation]
    request = validate(request_model(operation), document)
    said = request.__pydantic_fields_set__
    fields = request.__dict__
    arithmetic = ARITHMETICS[fields["arithmetic"]]
    errors: list[QuestionError] = []

    def tensors(raw: Mapping[str, Any], *prefix: str) -> dict[str, Array]:
        decoded = {}
        for name, tensor in raw.items():
            mask = name in declared.inputs and declared.inputs[name].mask
            try:
                decoded[name] = decode(tensor, (*prefix, name), arithmetic, booleans=mask)
            except QuestionErrors as error:
                errors.extend(error.errors)
            if len(errors) > MAX_ERRORS:
                break
        return decoded

    inputs = tensors({name: fields[name] for name in declared.inputs if name in said})
    given = tensors(fields["given"], "given")
    upstream = tensors(fields["upstream"], "upstream")
    if errors:
        raise QuestionErrors(errors)
    check_entries(declared, inputs)
    asked = Asked(
        operation=operation,
        attributes=tuple((name, fields[name]) for name in declared.attributes if name in said),
        inputs=_shapes(inputs),
        given=_shapes(given),
        upstream=_shapes(upstream),
        jacobian=tuple((pair.of, pair.wrt) for pair in fields["jacobian"]),
        select=tuple(dict.fromkeys(fields["select"])) if "select" in said else None,
        arithmetic=arithmetic.name,
    )
    prepared = prepare(asked)
    prepared.check(limits)
    return Question(prepared, operation, inputs, given, upstream, fields["encoding"])


def cost_of(operation: str, document: dict[str, Any]) -> bytes:
    """What an operation costs for shapes alone, as the body of a response."""
    declared = CATALOGUE[operation]
    request = validate(request_model(operation, shapes_only=True), document)
    said, fields = request.__pydantic_fields_set__, request.__dict__
    errors: list[QuestionError] = []
    tensors = {}
    for name in declared.inputs:
        if name in said:
            try:
                tensors[name] = Tensor(decode_shape(fields[name], (name,)))
            except QuestionErrors as error:
                errors.extend(error.errors)
    if errors:
        raise QuestionErrors(errors)
    attributes = {name: fields[name] for name in declared.attributes if name in said}
    total, steps, conventions = shapes_only(operation, tensors, attributes)
    shapes = {step.name: step for step in steps}
    return orjson.dumps(
        {
            "operation": operation,
            "conventions": conventions,
            "cost": {
                "multiply_adds": _number(total.multiply_adds),
                "elementwise": _number(total.elementwise),
                "comparisons": _number(total.comparisons),
                "parameters": _number(total.parameters),
                "bytes": _number(total.entries * 8),
            },
            "big_o": big_o(total.multiply_adds),
            "steps": [
                {
                    "name": one.name,
                    "axes": shapes[one.name].axes,
                    "shape": shapes[one.name].shape,
                    "multiply_adds": _number(one.multiply_adds),
                    "elementwise": _number(one.elementwise),
                    "comparisons": _number(one.comparisons),
                }
                for one in total.steps
            ],
        }
    )


def _shapes(tensors: Mapping[str, Array]) -> tuple[tuple[str, Tensor], ...]:
    return tuple(
        (name, Tensor(array.shape, "boolean" if array.dtype.kind == "b" else "real"))
        for name, array in tensors.items()
    )


def _render(question: Question, answer: Answer) -> bytes:
    prepared, encoding = question.prepared, question.encoding
    if not prepared.rendered:
        prepared.rendered.update(_render_prepared(prepared))
    fixed = {name: orjson.Fragment(text) for name, text in prepared.rendered.items()}

    def encoded(arrays: Mapping[str, Array]) -> dict[str, Any]:
        return {name: encode(array, encoding) for name, array in arrays.items()}

    body: dict[str, Any] = {
        "operation": question.operation,
        "conventions": fixed["conventions"],
        "values": encoded(answer.values),
    }
    if question.upstream:
        body["gradients"] = encoded(answer.gradients)
        body["contributions"] = {name: encoded(parts) for name, parts in answer.contributions.items()}
    if answer.jacobians:
        body["jacobians"] = [
            {"of": of, "wrt": wrt, "value": encode(array, encoding)} for of, wrt, array in answer.jacobians
        ]
    body["steps"] = fixed["steps"]
    body["aliases"] = fixed["aliases"]
    body["cost"] = fixed["cost"]
    body["notes"] = [asdict(note) for note in answer.notes]
    body["unknown"] = fixed["unknown"]
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def _render_prepared(prepared: Prepared) -> dict[str, bytes]:
    """The parts of an answer that depend on no entry."""
    cost = prepared.cost
    parts = {
        "conventions": prepared.conventions,
        "steps": [asdict(step) for step in prepared.steps],
        "aliases": prepared.graph.aliases(),
        "cost": {
            "multiply_adds": _number(cost.multiply_adds),
            "elementwise": _number(cost.elementwise),
            "comparisons": _number(cost.comparisons),
            "parameters": _number(cost.parameters),
        },
        "unknown": prepared.unknown,
    }
    return {name: orjson.dumps(part) for name, part in parts.items()}


def _number(size: Size) -> int | str:
    """A size as JSON: text where it is a polynomial, or beyond what JSON readers hold exactly."""
    return size if isinstance(size, int) and size < 2**53 else str(size)
