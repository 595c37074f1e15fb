"""Constraints between the fields of requests about optimizers."""

from typing import Any

from pydantic import GetJsonSchemaHandler

from service.schemas.conditions import of_arithmetic, unused_schema
from service.schemas.types import NEVER, Request

# Fields about a program, which do not apply if gradients are sent.
OF_PROGRAMS = ("batches", "loss", "program", "surface")


class TraceBase(Request):
    """The constraints between the fields of a trace."""

    @classmethod
    def constraints_between_fields(cls, handler: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Require either a program and a number of steps, or gradients without the fields of programs.

        Other optimizers need a program, and the first step.
        """
        no_program = dict.fromkeys(OF_PROGRAMS, NEVER) | dict.fromkeys(
            ("inputs", "others"), unused_schema({})
        )
        no_program["stop_when"] = {"properties": {"loss": NEVER}}
        return [
            of_arithmetic(handler),
            {
                "if": {"required": ["gradients"]},
                "then": {"properties": no_program},
                "else": {"required": ["program", "steps"]},
            },
            {
                "if": {"required": ["others"], "properties": {"others": {"minProperties": 1}}},
                "then": {"properties": {"state": unused_schema({}), "step": unused_schema(0)}},
            },
        ]


class SolveBase(Request):
    """The constraints between the fields of a question to solve."""

    @classmethod
    def constraints_between_fields(cls, _: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Require a program, and either all of unknowns, target and steps or none of them."""
        return [
            {"if": {"type": "object"}, "then": {"required": ["program"]}},
            {
                "if": {"properties": {"target": unused_schema({})}},
                "then": {"properties": {"unknown": unused_schema([]), "steps": NEVER}},
                "else": {
                    "properties": {"unknown": {"minItems": 1}},
                    "required": ["unknown", "target", "steps"],
                },
            },
        ]
