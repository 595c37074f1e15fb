"""POST /v1/graph: questions about a program."""

from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel, Field, GetJsonSchemaHandler, create_model

from compute.question.limits import Limits
from compute.question.masks import check_masks
from compute.question.plan import Question, prepare
from service.questions.operations import (
    GraphJob,
    check_symbols,
    decode_tensors,
    is_data,
    question_fields,
    shapes_of,
)
from service.questions.readings import sent_tensors, tensors_by_field
from service.questions.validation import validate
from service.schemas.computation import Computation
from service.schemas.conditions import of_arithmetic
from service.schemas.readings import request_fields
from service.schemas.requests import fields_of
from service.schemas.types import MAX_NAMES, Name, ProgramInputs, Request

GRAPH = "graph"


class Program(Request):
    """A program and the tensors it works on."""

    program: list[str] = Field(
        min_length=1,
        description="Assignments, one per line: + - * / @ **, calls of operations and functions with settings"
        " as keywords, indices, slices and .T. Names that no line assigns are inputs.",
        examples=[["z = conv1d(x, k) + b", "y = relu(z)"]],
    )
    inputs: ProgramInputs = Field(
        default_factory=dict,
        description="Tensors for the names that no line assigns. If a line calls an operation that has parts,"
        " such as h = encoder_layer(x), the names of its weights start with the name assigned:"
        " `h.attention.w_q`.",
    )
    parameters: list[Name] = Field(
        default_factory=list,
        max_length=MAX_NAMES,
        description="The inputs that are trainable; by default, all but data and indices.",
    )
    data: list[Name] = Field(
        default_factory=list, max_length=MAX_NAMES, description="The inputs that are data, and not trainable."
    )


class ProgramBase(Request):
    """The constraints between the fields of a program's request."""

    @classmethod
    def constraints_between_fields(cls, handler: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Return the constraint that separates the fields of exact arithmetic from those of floats."""
        return [of_arithmetic(handler)]


@cache
def program_request() -> type[BaseModel]:
    """Return the model of a program's request."""
    fields: dict[str, Any] = fields_of(Program) | fields_of(Computation) | request_fields(program=True)
    words = "A program, the tensors it works on, and the fields that every computation takes."
    return create_model("GraphRequest", __base__=ProgramBase, __doc__=words, **fields)


def understand_program(document: dict[str, Any], limits: Limits) -> GraphJob:
    """Decode and plan the question of a program. Raises QuestionErrors listing everything invalid in it."""
    request = validate(program_request(), document)
    sent, fields = request.__pydantic_fields_set__, request.__dict__
    in_readings = sent_tensors(request)
    inputs, given, upstream, *rest = decode_tensors(
        {**{(field,): fields[field] for field in ("inputs", "given", "upstream")}, **in_readings},
        request,
        lambda path, name: is_data(path, name) or path == ("given",),
    )
    tensors = dict(zip(in_readings, rest, strict=True))
    question = Question(
        operation=GRAPH,
        inputs=shapes_of(inputs),
        program=tuple(fields["program"]),
        parameters=tuple(fields["parameters"]) if "parameters" in sent else None,
        data=tuple(fields["data"]),
        **question_fields(request, given, upstream, tensors),
    )
    plan = prepare(question)
    plan.check(limits)
    check_masks(plan.graph.masks, inputs, "inputs")
    check_masks(plan.graph.masks, given, "given")
    job = GraphJob(
        plan,
        GRAPH,
        inputs,
        given,
        upstream,
        fields["encoding"],
        question,
        more={"parameters": orjson.Fragment(orjson.dumps(plan.parameters()))},
        shares=fields["common"],
        tensors=tensors_by_field(tensors),
    )
    check_symbols(job)
    return job
