"""Costs of an operation, from shapes alone."""

from dataclasses import dataclass
from typing import Any

import orjson

from compute.dimensions import Polynomial, Shape, big_o, ratio, write_size
from compute.errors import Path, QuestionError, QuestionErrors, at
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.state_dicts import Piece
from compute.question.answer import StepDescription
from compute.question.limits import Limits
from compute.question.plan import describe_cost
from compute.readings.cost import TotalCost
from service.questions.parts import collect_nested, include_own, resolve_names
from service.questions.tensors import decode_shape
from service.questions.validation import read_operation, sent_attributes, validate
from service.schemas.requests import request_model

MAX_SUMS = 4


@dataclass(frozen=True, slots=True)
class CostJob:
    """The cost of an operation, already computed."""

    operation: str
    conventions: dict[str, Any]
    total: TotalCost
    steps: list[StepDescription]
    work: int = 0

    def answer(self) -> bytes:
        """Return the answer as the body of a response."""
        shapes = {step.name: {"axes": step.axes, "shape": step.shape} for step in self.steps}
        entries = self.total.entries
        return orjson.dumps(
            {
                "operation": self.operation,
                "conventions": self.conventions,
                "cost": {**cost_json(self.total), "bytes": write_size(entries * 8)},
                "parts": [
                    {
                        name: value if isinstance(value, str) else write_size(value)
                        for name, value in part._asdict().items()
                    }
                    for part in self.total.parts
                ],
                "big_o": big_o(self.total.multiply_adds or self.total.elementwise),
                "steps": [
                    {
                        "name": step.name,
                        **shapes[step.name],
                        "multiply_adds": write_size(step.multiply_adds),
                        "elementwise": write_size(step.elementwise),
                        "comparisons": write_size(step.comparisons),
                        "times": write_size(step.times),
                    }
                    for step in self.total.steps
                ],
            }
        )


def understand_cost(document: dict[str, Any], _: Limits) -> CostJob:
    """Return the cost that a document asks for. Raises QuestionErrors listing everything invalid in it."""
    operation = read_operation(document)
    declared = CATALOGUE[operation]
    own, groups = collect_nested(declared, document)
    request = validate(request_model(operation, "cost"), own)
    groups = include_own(declared, groups, request)
    errors: list[QuestionError] = []
    shapes: dict[Path, dict[str, Shape]] = {}
    for path, group in groups.items():
        shapes[path] = {}
        for name, raw in group.items():
            try:
                shapes[path][name] = decode_shape(raw, (*path, name))
            except QuestionErrors as error:
                errors.extend(error.errors)
    if errors:
        raise QuestionErrors(errors)
    attributes = sent_attributes(declared, request)
    changed = declared.changed_settings(attributes)
    inputs, origins = resolve_names(declared, shapes, lambda shape: shape, Piece.shape, changed=changed)
    tensors = {name: Tensor(shape) for name, shape in inputs.items()}
    sums = {size for tensor in tensors.values() for size in tensor.shape if _is_sum(size)}
    sums |= {size for setting in attributes.values() for size in _sizes_of_setting(setting) if _is_sum(size)}
    if len(sums) > MAX_SUMS:
        expected = f"at most {MAX_SUMS} different sizes that are sums, such as n+1"
        raise at((), "has too many sums to multiply out", expected, f"{len(sums)} of them")
    try:
        total, steps, conventions = describe_cost(operation, tensors, attributes)
    except QuestionErrors as error:
        raise origins.relocate(error) from None
    return CostJob(operation, conventions, total, steps)


def _sizes_of_setting(setting: Any) -> tuple[Any, ...]:
    return setting if isinstance(setting, tuple) else (setting,)


def _is_sum(size: Any) -> bool:
    return isinstance(size, Polynomial) and len(size.terms) > 1


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
