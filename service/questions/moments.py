"""Expectations and variances of programs with random inputs, from shapes alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compute.dimensions import shape_to_json
from compute.errors import at
from compute.question.limits import Limits
from compute.question.network_moments import (
    NamedDistribution,
    NetworkMoments,
    moments_of_program,
    write_moment,
)
from compute.readings.moments.propagation import Row
from service.jobs import write_body
from service.questions.costs import decode_inputs, refuse_unordered_sizes, write_output
from service.questions.validation import validate
from service.schemas.moments import DistributionOfEntries, MomentsRequest


@dataclass(frozen=True, slots=True)
class MomentsJob:
    """Moments, already computed."""

    found: NetworkMoments
    work: int = 0

    def answer(self) -> bytes:
        """Return the answer as the body of a response."""
        found = self.found
        return write_body(
            {
                "output": write_output(found.output),
                "values": [_write_row(row) for row in found.values],
                "gradients": [_write_row(row) for row in found.gradients],
            }
        )


def _write_row(row: Row) -> dict[str, Any]:
    line = {} if row.line is None else {"line": row.line}
    moments = {
        "expectation": write_moment(row.mean),
        "variance": write_moment(row.variance),
        "second_moment": write_moment(row.second_moment),
    }
    notes = {"rules": row.rules, "assumptions": row.assumptions}
    return {**line, "name": row.name, "shape": shape_to_json(row.shape), **moments, **notes}


def understand_moments(document: dict[str, Any], _: Limits) -> MomentsJob:
    """Return the moments that a document asks for. Raises QuestionErrors listing everything invalid in it."""
    request = validate(MomentsRequest, document)
    fields = request.__dict__
    upstream = fields["upstream"]
    inputs = decode_inputs(fields["inputs"])
    with refuse_unordered_sizes():
        found = moments_of_program(
            tuple(fields["program"]),
            inputs,
            {name: _read_distribution(sent) for name, sent in fields["random"].items()},
            None if upstream is None else _read_distribution(upstream),
            fields["linearize"],
        )
    for row in (*found.values, *found.gradients):
        if not all(
            math.isfinite(number)
            for number in (row.mean, row.variance, row.second_moment)
            if isinstance(number, float)
        ):
            raise at(
                ("program",), "the moments become too large for float64", "smaller variances", "large ones"
            )
    return MomentsJob(found)


def _read_distribution(sent: str | DistributionOfEntries) -> NamedDistribution:
    """Return a distribution. An initializer may be sent as its name."""
    if isinstance(sent, str):
        return NamedDistribution(sent, {})
    given: Mapping[str, Any] = {name: sent.__dict__[name] for name in sent.__pydantic_fields_set__}
    numbers = {name: given[name] for name in given if name not in ("distribution", "mode")}
    return NamedDistribution(given.get("distribution", "unknown"), numbers, given.get("mode", ""))
