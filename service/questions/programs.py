"""POST /v1/graph: a program in place of an operation."""

from dataclasses import asdict
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel, Field, GetJsonSchemaHandler, create_model

from compute.question.limits import Limits
from compute.question.masks import check_masks
from compute.question.plan import Question, prepare
from compute.readings.diagrams import draw_diagram
from service.questions.operations import GraphJob, asked_of, check_symbols, decoded, is_data, shapes_of
from service.questions.validation import validate
from service.schemas.computation import Computation
from service.schemas.conditions import of_arithmetic
from service.schemas.requests import fields_of
from service.schemas.types import MAX_NAMES, Name, ProgramInputs, Request

GRAPH = "graph"
MAX_CLAIMS = 100


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
        description="The inputs that are trainable; by default, all but the data.",
    )
    data: list[Name] = Field(
        default_factory=list, max_length=MAX_NAMES, description="The inputs that are data, and not trainable."
    )
    claims: list[str] = Field(
        default_factory=list,
        max_length=MAX_CLAIMS,
        description="Equations to verify for these numbers, such as p[0] == 1 - p[1].",
    )
    diagram: bool = Field(
        False, description="Whether to return the graph as nodes and edges, and as Mermaid text."
    )


class ProgramBase(Request):
    """The constraints between the fields of a program's request."""

    @classmethod
    def constraints_between_fields(cls, handler: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Keep fields of one kind of number apart from those of the other."""
        return [of_arithmetic(handler)]


@cache
def program_request() -> type[BaseModel]:
    """Return the model of a program's request."""
    fields: dict[str, Any] = fields_of(Program) | fields_of(Computation)
    words = "A program, the tensors it works on, and the fields that every computation takes."
    return create_model("GraphRequest", __base__=ProgramBase, __doc__=words, **fields)


def understand_program(document: dict[str, Any], limits: Limits) -> GraphJob:
    """The question that a program asks. Raises QuestionErrors for all that is wrong with it."""
    request = validate(program_request(), document)
    said, fields = request.__pydantic_fields_set__, request.__dict__
    inputs, given, upstream = decoded(
        {(field,): fields[field] for field in ("inputs", "given", "upstream")},
        request,
        lambda path, name: is_data(path, name) or path == ("given",),
    )
    asked = Question(
        operation=GRAPH,
        inputs=shapes_of(inputs),
        program=tuple(fields["program"]),
        parameters=tuple(fields["parameters"]) if "parameters" in said else None,
        data=tuple(fields["data"]),
        claims=tuple(fields["claims"]),
        **asked_of(request, given, upstream),
    )
    prepared = prepare(asked)
    prepared.check(limits)
    check_masks(prepared.graph.masks, inputs, "inputs")
    check_masks(prepared.graph.masks, given, "given")
    more: dict[str, Any] = {"parameters": prepared.parameters()}
    if fields["diagram"]:
        more["diagram"] = asdict(draw_diagram(prepared.graph, given))
    question = GraphJob(
        prepared,
        GRAPH,
        inputs,
        given,
        upstream,
        fields["encoding"],
        asked,
        more={name: orjson.Fragment(orjson.dumps(one)) for name, one in more.items()},
        shares=fields["common"],
    )
    check_symbols(question)
    return question
