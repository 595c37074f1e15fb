"""Every setting takes every form that is documented: each choice, default, shape of value and integral float.

A question is made for each: the shapes that the operation has for what did not come are asked for in letters,
and numbers put in the place of the letters.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from math import prod
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest

from compute.dimensions import Size
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from compute.operations.framework.declaration import AttributeField, Operation
from compute.operations.framework.setting_types import (
    allowed_types,
    is_axes,
    is_constant,
    is_padding,
    is_padding_1d,
    is_sides,
    is_size,
)
from compute.primitives.activations.declaration import ACTIVATIONS
from service.document import load_examples
from service.endpoints import find_endpoint
from service.questions.validation import validate
from service.schemas.requests import request_model
from tests.conftest import Ask, Client, errors

CLASSES = ("cross_entropy", "nll", "multi_margin")  # whose targets are numbers of classes
RNG = np.random.default_rng(41)
SIZES = {"W": 8, "H": 8, "w": 2, "h": 2, "p": 2}  # of letters; others are 4
FEW = 5  # forms of a setting that a model passes to its parts, of which all are asked themselves
PAIRS = [[1, 0], [0, 1]]

# What an operation takes beside the setting that is tried: settings, and tensors by their shape.
BESIDE: dict[str, dict[str, Any]] = {
    "positional_encoding": {"length": 3, "dimension": 4},
    "activation": {"function": "relu"},
    "group_norm": {"groups": 2},
    "transformer": {"encoder_layers": 1, "decoder_layers": 1},
    "binary_cross_entropy": {"probabilities": (4,)},
}
for _name in ("encoder", "decoder", "language_model", "vision_transformer"):
    BESIDE[_name] = {"layers": 1}
for _name in ("rnn", "lstm", "gru"):
    BESIDE[_name] = {"x": (3, 4)}
for _name in ("softmax", "softmin", "log_softmax", "hardmax"):
    BESIDE[_name] = {"x": (4, 4)}
for _name in ("max_pool", "average_pool", "lp_pool"):
    BESIDE |= {f"{_name}1d": {"x": (8,)}, f"{_name}2d": {"x": (8, 8)}}
# The same for a setting, wherever it is, of one operation, or with one value.
NEEDED: dict[str, dict[str, Any]] = {
    "rotary_dimension": {"rotary": "interleaved"},
    "rotary_base": {"rotary": "interleaved"},
    "rotary_embedding.rotary_dimension": {},
    "causal_alignment": {"causal": True},
    "kv_heads": {"heads": 4},
    "output_padding": {"stride": 4},
    **{f"{name}.dilation": {"size": 2} for name in ("max_pool1d", "max_pool2d", "lp_pool1d", "lp_pool2d")},
    "conv1d.groups=2": {"x": (4, 8), "kernel": (4, 2, 2)},
    "conv2d.groups=2": {"x": (4, 8, 8), "kernel": (4, 2, 2, 2)},
    "conv_transpose1d.groups=2": {"x": (4, 8), "kernel": (4, 2, 2)},
    "conv_transpose2d.groups=2": {"x": (4, 8, 8), "kernel": (4, 2, 2, 2)},
    "max_unpool2d.padding": {"x": (4, 4), "winners": (4, 4)},
    **{
        f"activation.{setting}": {"function": name}
        for name, activation in reversed(ACTIVATIONS.items())
        for setting in activation.settings
    },
    "activation.approximate": {"function": "gelu"},
    "activation.function=prelu": {"slope": ()},
    "activation.lower": {"function": "rrelu", "upper": 1},
    "activation.min_val": {"function": "hardtanh", "max_val": 2},
    "batch_norm.training=False": {"running_mean": (4,), "running_variance": (4,)},
    "cosine.margin": {"target": ()},
    "cross_entropy.axis": {"logits": (4, 4), "target": (4,)},
    "poisson_nll.epsilon": {"prediction_is_log": False},
    "nll.axis": {"log_probabilities": (4, 4), "target": (4,)},
    "language_model.context": {"tokens": (1,)},
    "language_model.segment_types": {"segments": (4,)},
    "rnn.layers=2": {"w_x_upper": (1, 2, 2), "w_h": (2, 2, 2)},
    "lstm.layers=2": {"w_x_upper": (1, 2, 8), "w_h": (2, 2, 8)},
    "gru.layers=2": {"w_x_upper": (1, 2, 6), "w_h": (2, 2, 6)},
}
# Masks of layers that drop, which change no other shape.
MASKS: dict[str, dict[str, tuple[int, ...]]] = {
    "self_attention": {"dropout_mask": (4, 4)},
    "cross_attention": {"dropout_mask": (4, 4)},
    "feed_forward": {"dropout_mask": (4,)},
    "encoder_layer": {"attention_dropout_mask": (4, 4)},
    "decoder_layer": {"feed_forward_dropout_mask": (4, 4)},
    "encoder": {"layer[0].attention_dropout_mask": (4, 4)},
    "decoder": {"layer[0].feed_forward_dropout_mask": (4, 4)},
    "transformer": {"encoder.layer[0].attention_dropout_mask": (4, 4)},
    "language_model": {"encoder.layer[0].attention_dropout_mask": (4, 4)},
    "vision_transformer": {"encoder.layer[0].attention_dropout_mask": (9, 4)},
}


def numeric(size: Size) -> int:
    """Return a size with numbers for its letters."""
    if isinstance(size, int):
        return size
    terms = (worth * prod(SIZES.get(letter, 4) ** power for letter, power in term)
             for term, worth in size.terms.items())  # fmt: skip
    return int(sum(terms))


def forms(attribute: AttributeField) -> Iterator[Any]:
    """Yield each documented form of a setting's value."""
    annotation, least = attribute.annotation, attribute.declared.minimum or 0
    one = max(least, 1)
    if attribute.default not in (None, ...):
        yield attribute.default
    if is_constant(annotation):
        yield from (1, 0.5, "1/2", "sqrt(2)/2")
    elif is_sides(annotation):
        yield from (one, [one, one], float(one), [float(one), float(one)], [one + 1, one])
    elif is_padding(annotation):
        yield from (0, 1, 1.0, [1, 0], [0.0, 1.0], "same", "valid")
        if not is_padding_1d(annotation):
            yield PAIRS
    elif is_axes(annotation):
        yield from (-1, [-1], [0, 1], -1.0, [0.0, 1.0])
    elif is_size(annotation):
        yield from (one, one + 1, float(one))
    for kind in allowed_types(annotation):
        if get_origin(kind) is Literal and not is_padding(annotation):
            yield from get_args(kind)
        elif kind is bool:
            yield from (True, False)
        elif allowed_types(annotation) == (int,):
            bounded = attribute.declared.minimum is not None
            yield from (least, least + 1, float(least)) if bounded else (1, 1.0, -1)


def cases(operation: Operation) -> Iterator[tuple[str, Any]]:
    """Yield each setting of an operation in each of its forms."""
    for name, attribute in operation.attributes.items():
        seen: list[tuple[type, Any]] = []
        for form in islice(forms(attribute), FEW if attribute.is_inherited else None):
            if (type(form), form) not in seen:
                seen.append((type(form), form))
                yield name, form


def tensor(operation: Operation, name: str, shape: tuple[int, ...]) -> Any:
    """Return valid entries for the input of this name."""
    last = name.rpartition(".")[2]
    classes = last == "target" and operation.name in CLASSES
    if classes or last in ("winners", "indices", "tokens", "segments"):
        return np.zeros(shape).tolist()
    if last in ("target", "lengths") or last.endswith("mask"):
        return np.ones(shape).tolist()
    return (0.9 * RNG.random(shape) + 0.05).tolist()


def question(operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a question with these settings and matching tensors."""
    shapes = {name: one for name, one in settings.items() if name in operation.inputs}
    plain = {name: one for name, one in settings.items() if name not in shapes}
    request = validate(request_model(operation.name), plain)
    said = {name: request.__dict__[name] for name in request.__pydantic_fields_set__}
    masks = MASKS[operation.name] if said.pop("dropout_rate", None) is not None else {}
    graph = build(
        operation, {name: Tensor(one) for name, one in shapes.items()}, said, missing_policy="usual"
    )
    found: dict[str, Any] = {}
    for value in graph.values:
        if value.is_input:
            sizes = tuple(numeric(size) for size in value.shape)
            stack = str(value.name).partition(".")[0] + "_layers"
            for at in range(said.get("layers", said.get(stack, 1))):
                name = str(value.name).replace("[l]", f"[{at}]")
                found[name] = tensor(operation, name, sizes)
    return found | plain | {name: tensor(operation, name, shape) for name, shape in masks.items()}


# Forms of the type that mean nothing for some setting: where, which, and how its description says so.
EXCEPTIONS: list[tuple[str, Any, str]] = [
    (r"(conv|conv_transpose|max_pool|average_pool|lp_pool)1d\.padding", PAIRS, "Two pairs are for two axes."),
    (r".*\.rotary_dimension", 3, "an even number"),
    (r"dropout\.rate|.*\.dropout_rate", 1, "from 0 to below 1"),
]


def exception(operation: Operation, name: str, form: Any) -> str | None:
    """Return the documented reason why a form does not apply; None if it applies."""
    full = f"{operation.name}.{name}"
    return next((said for where, one, said in EXCEPTIONS if one == form and re.fullmatch(where, full)), None)


@pytest.mark.parametrize("operation", CATALOGUE.values(), ids=CATALOGUE)
def test_every_documented_form_is_accepted(ask: Ask, operation: Operation) -> None:
    refused = {}
    for name, form in cases(operation):
        try:
            check(ask, operation, name, form)
        except AssertionError as error:
            refused[f"{name}={form!r}"] = str(error)
    assert not refused


def check(ask: Ask, operation: Operation, name: str, form: Any) -> None:
    keys = f"{operation.name}.{name}={form}", f"{operation.name}.{name}", f"{name}={form}", name
    needed = next((NEEDED[key] for key in keys if key in NEEDED), {})
    beside = {**BESIDE.get(operation.name, {}), **needed}
    said, path = exception(operation, name, form), f"/v1/{operation.name}"
    if said is None:
        response = ask(path, **question(operation, {**beside, name: form}))
        assert response.status_code == 200, response.text
    else:
        assert said in operation.attributes[name].declared.meaning
        response = ask(path, **question(operation, beside), **{name: form})
        assert f"/{name}" in errors(response)


FIRST = {find_endpoint(one["path"]).name: one["request"] for one in reversed(load_examples())}


@pytest.mark.parametrize("name", CATALOGUE)
def test_explicit_defaults_change_nothing(client: Client, name: str) -> None:
    """Generated clients send every default that the document names."""
    attributes = CATALOGUE[name].attributes
    defaults = {field: one.default for field, one in attributes.items() if not one.required}
    written = {
        field: list(one) if isinstance(one, tuple) else one
        for field, one in defaults.items()
        if one is not None
    }
    answer = client.post(f"/v1/{name}", json=FIRST[name])
    assert answer.status_code == 200
    assert client.post(f"/v1/{name}", json=written | FIRST[name]).content == answer.content


def test_explicit_heads_agree_with_stacked_weights(client: Client) -> None:
    stacked = [[[1], [0]], [[0], [1]]]
    question = {"x": [[1, 2], [3, 4]], "w_q": stacked, "w_k": stacked, "w_v": stacked}
    answer = client.post("/v1/self_attention", json=question)
    assert answer.json()["conventions"]["heads"] == 2
    assert client.post("/v1/self_attention", json=question | {"heads": 1}).content == answer.content
