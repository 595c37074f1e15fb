"""The named schemas of tensors, sizes and changes on the wire, which no model describes."""

from collections.abc import Mapping
from typing import Any

from service.questions.tensors import PACKED_DTYPES


def _padding(title: str, one: dict[str, Any]) -> dict[str, Any]:
    pair = {"type": "array", "minItems": 2, "maxItems": 2, "items": one}
    pairs = {"type": "array", "minItems": 2, "maxItems": 2, "items": pair}
    words = {"type": "string", "enum": ["same", "valid"]}
    return {
        "title": title,
        "description": "What is added around an input.",
        "anyOf": [one, pair, pairs, words],
    }


def _sides(title: str, one: dict[str, Any]) -> dict[str, Any]:
    pair = {"type": "array", "minItems": 2, "maxItems": 2, "items": one}
    return {"title": title, "description": "One number for both sides, or two.", "anyOf": [one, pair]}


def one_of(title: str, words: str, key: str, titles: Mapping[str, str]) -> dict[str, Any]:
    """One of several schemas, chosen by what stands under a key; titles: of the schemas, by that."""
    references = {name: f"#/components/schemas/{one}" for name, one in titles.items()}
    return {
        "title": title,
        "description": words,
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": key, "mapping": references},
    }


FORMS: dict[str, Any] = {
    "Lines": {
        "title": "Lines",
        "type": "string",
        "description": "Objects, one on a line, as they are computed: what opens the answer, each step, what"
        ' closes it. Where something goes wrong on the way the last one is {"problem": ...}.',
    },
    "Entry": {
        "title": "Entry",
        "type": ["number", "string", "boolean"],
        "description": 'A number; text for a constant expression ("2*sqrt(2)", "1/3"), "NaN", "Infinity"'
        ' or "-Infinity"; a boolean in masks. In exact arithmetic text may hold free symbols ("x1").',
    },
    "NestedTensor": {
        "title": "NestedTensor",
        "type": "array",
        "minItems": 1,
        "items": {"$ref": "#/components/schemas/NestedItem"},
        "description": "Nested lists of equal length, row by row, at most 8 deep.",
    },
    "NestedItem": {
        "title": "NestedItem",
        "anyOf": [
            {"$ref": "#/components/schemas/Entry"},
            {"$ref": "#/components/schemas/NestedTensor"},
        ],
    },
    "PackedTensor": {
        "title": "PackedTensor",
        "type": "object",
        "required": ["dtype", "shape", "data"],
        "additionalProperties": False,
        "properties": {
            "dtype": {"type": "string", "enum": list(PACKED_DTYPES)},
            "shape": {"type": "array", "maxItems": 8, "items": {"type": "integer", "minimum": 1}},
            "data": {
                "type": "string",
                "contentEncoding": "base64",
                "description": "Base64 of the entries, little-endian, row by row.",
            },
        },
    },
    "SymbolTensor": {
        "title": "SymbolTensor",
        "type": "object",
        "required": ["symbol", "shape"],
        "additionalProperties": False,
        "properties": {
            "symbol": {"type": "string", "description": "Letters; entries are x1, x2, or x1_1, x1_2."},
            "shape": {"type": "array", "maxItems": 8, "items": {"type": "integer", "minimum": 1}},
        },
        "description": "In exact arithmetic: a free symbol for each entry, numbered from 1.",
    },
    "Tensor": {
        "title": "Tensor",
        "description": "A number, nested lists, packed, or fresh symbols.",
        "anyOf": [
            {"$ref": "#/components/schemas/Entry"},
            {"$ref": "#/components/schemas/NestedTensor"},
            {"$ref": "#/components/schemas/PackedTensor"},
            {"$ref": "#/components/schemas/SymbolTensor"},
        ],
    },
    "NamedTensors": {
        "title": "NamedTensors",
        "type": "object",
        "description": "Tensors by name.",
        "additionalProperties": {"$ref": "#/components/schemas/Tensor"},
    },
    "NamedShapes": {
        "title": "NamedShapes",
        "type": "object",
        "description": "Shapes by name.",
        "additionalProperties": {"$ref": "#/components/schemas/Shape"},
    },
    "Edit": {
        "title": "Edit",
        "type": "object",
        "description": "What is done to a tensor: one of add, multiply and replace, at a place; or one of"
        " permute and remove, along an axis.",
        "additionalProperties": False,
        "properties": {
            "add": {"$ref": "#/components/schemas/Tensor"},
            "multiply": {"$ref": "#/components/schemas/Tensor"},
            "replace": {"$ref": "#/components/schemas/Tensor"},
            "at": {
                "type": "array",
                "items": {"type": ["integer", "null"], "minimum": 0},
                "description": "An index for each of the first axes, null for all along one; everywhere"
                " if left out.",
            },
            "permute": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "remove": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "axis": {"type": "integer", "default": 0},
        },
    },
    "Change": {
        "title": "Change",
        "description": "A tensor or setting to take instead; null for what is left out; or an edit.",
        "anyOf": [
            {"$ref": "#/components/schemas/Tensor"},
            {"$ref": "#/components/schemas/Edit"},
            {"type": ["boolean", "null"]},
        ],
    },
    "Changes": {
        "title": "Changes",
        "type": "object",
        "additionalProperties": {"$ref": "#/components/schemas/Change"},
    },
    "Constant": {
        "title": "Constant",
        "type": ["number", "string"],
        "description": 'A number, or a constant expression such as "sqrt(2)/3". Dimension names such as d_k'
        " may stand in it where the setting says so.",
    },
    "Size": {
        "title": "Size",
        "type": ["integer", "string"],
        "description": "A number, or an expression in dimension names such as 2*d*n**2.",
    },
    "Ratio": {
        "title": "Ratio",
        "type": ["number", "string"],
        "description": "A number, or a quotient of expressions in dimension names such as T/(1 + 2*k).",
    },
    "Sides": _sides("Sides", {"type": "integer", "minimum": 0}),
    "Padding": _padding("Padding", {"type": "integer", "minimum": 0}),
    "SizePadding": _padding("SizePadding", {"$ref": "#/components/schemas/Size"}),
    "Axes": {
        "title": "Axes",
        "type": ["integer", "array"],
        "items": {"type": "integer"},
        "description": "An axis or a list of them, counted from 0, or from the last where negative.",
    },
    "Whole": {"title": "Whole", "type": "integer", "minimum": 0, "description": "A whole number."},
    "SizeSides": _sides("SizeSides", {"$ref": "#/components/schemas/Size"}),
    "Shape": {
        "title": "Shape",
        "type": "object",
        "required": ["shape"],
        "additionalProperties": False,
        "properties": {
            "shape": {
                "type": "array",
                "maxItems": 8,
                "items": {"$ref": "#/components/schemas/Size"},
            }
        },
        "description": "A shape, in numbers and dimension names; a tensor is taken for its shape.",
    },
}
