"""Constraints between the fields of requests about optimizers."""

from typing import Any

from pydantic import GetJsonSchemaHandler

from service.schemas.conditions import idle, of_arithmetic
from service.schemas.types import NEVER, Request

# Fields that are about a program, and have no use where gradients are sent.
OF_PROGRAMS = ("batches", "loss", "program", "surface")


class TraceBase(Request):
    """The constraints between the fields of a trace."""

    @classmethod
    def constraints_between_fields(cls, handler: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Ask for a program with a number of steps, or for gradients without fields of programs."""
        no_program = dict.fromkeys(OF_PROGRAMS, NEVER) | {"inputs": idle({})}
        no_program["stop_when"] = {"properties": {"loss": NEVER}}
        return [
            of_arithmetic(handler),
            {
                "if": {"required": ["gradients"]},
                "then": {"properties": no_program},
                "else": {"required": ["program", "steps"]},
            },
        ]


class SolveBase(Request):
    """The constraints between the fields of a question to solve."""

    @classmethod
    def constraints_between_fields(cls, _: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Ask for a program; and for unknowns, a target and steps together, or for none of them."""
        return [
            {"if": {"type": "object"}, "then": {"required": ["program"]}},
            {
                "if": {"properties": {"target": idle({})}},
                "then": {"properties": {"unknown": idle([]), "steps": NEVER}},
                "else": {
                    "properties": {"unknown": {"minItems": 1}},
                    "required": ["unknown", "target", "steps"],
                },
            },
        ]
