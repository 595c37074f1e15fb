"""Models and schemas of traces are derived from declarations."""

from typing import Any

import jsonschema
import pytest

from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.schedules import SCHEDULES
from service.optimizers.schemas import PARTS, optimizer_model, schedule_model, trace_request
from tests.conftest import Ask, Client

PATH = "/v1/optimizer/trace"


@pytest.fixture(scope="module")
def described(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def validator(described: dict[str, Any], name: str) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_setting_is_a_field_with_its_default_and_bounds(name: str) -> None:
    fields = optimizer_model(name).model_fields
    for one in OPTIMIZERS[name].settings.values():
        assert fields[one.name].default == one.default
        assert fields[one.name].description
        if one.declared.least is not None and not one.is_whole:
            assert f"t least {one.declared.least:g}" in str(fields[one.name].description)
    assert {"name", "learning_rate", "schedule", "weight_decay", "decay", "clip_value", "clip_norm"} <= set(
        fields
    )
    assert fields["learning_rate"].default == OPTIMIZERS[name].learning_rate
    assert OPTIMIZERS[name].source in str(optimizer_model(name).__doc__)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_has_a_model(name: str) -> None:
    assert set(schedule_model(name).model_fields) == {"name", *SCHEDULES[name].settings}
    assert "\n" not in str(schedule_model(name).__doc__)


def test_all_are_chosen_by_name(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    chosen = schemas["Optimizer"]
    names = {alias for one in OPTIMIZERS.values() for alias in (one.name, *one.aliases)}
    assert set(chosen["discriminator"]["mapping"]) == names and "sgd" in names
    assert len(chosen["oneOf"]) == len(OPTIMIZERS)
    by_name, rates = schemas["Schedule"]["anyOf"]
    assert set(by_name["discriminator"]["mapping"]) == set(SCHEDULES)
    assert rates["items"] == {"$ref": "#/components/schemas/Constant"}


def test_parts_are_those_of_a_step() -> None:
    assert len(PARTS) == len(set(PARTS)) == 10
    assert {
        "program",
        "start",
        "optimizer",
        "steps",
        "every",
        "stop_when",
        "batches",
        "surface",
        "select",
    } <= set(trace_request().model_fields)


GOOD: list[dict[str, Any]] = [
    *({"optimizer": {"name": name}} for name in OPTIMIZERS),
    *(
        {"optimizer": {"name": "adam", "schedule": {"name": name}}}
        for name in SCHEDULES
        if name not in ("multi_step", "sequence")
    ),
    {"optimizer": {"name": "adam", "schedule": {"name": "multi_step", "milestones": [1, 3]}}},
    {
        "optimizer": {
            "name": "adam",
            "schedule": {"name": "warm_up", "then": {"name": "warm_up", "then": [1]}},
        }
    },
    {
        "optimizer": {
            "name": "adam",
            "schedule": {"name": "sequence", "schedules": [{"name": "linear"}, [0.1]], "milestones": [3]},
        }
    },
    {"optimizer": {"name": "sgd", "maximize": True, "ema_decay": "1/2", "ema_bias_correction": True}},
    {
        "optimizer": {
            "name": "adam",
            "groups": [
                {"parameters": ["y"], "learning_rate": 1, "beta_1": 0.5, "decay": "post", "weight_decay": 1}
            ],
        }
    },
    {"optimizer": {"name": "momentum"}, "state": {"x": {"velocity": 1}, "y": {"velocity": "1/3"}}, "step": 4},
    {
        "given": {"trace[1].parameters.x": 0.5},
        "select": ["state", "trace[1].update.x", "parameters.y", "x[1]"],
    },
    {"optimizer": {"name": "adamw", "schedule": [0.1, "1/20"], "decay": "post"}},
    {"every": 2, "stop_when": {"loss": 0.1, "gradient_norm": 0}, "select": [*PARTS], "encoding": "packed"},
    {"surface": {"points": 2, "over": ["x", "y"], "ranges": {"x": [0, 1]}}},
    {
        "inputs": {"a": [1, 2]},
        "program": ["f = (x*sum(a))**2 + y"],
        "batches": {"inputs": ["a"], "rows": [[0]]},
    },
    {"program": None, "steps": None, "gradients": [{"x": 1, "y": 2}]},
]
PLANE = {"program": ["f = x**2 + y**2"], "start": {"x": 1, "y": 2}, "steps": 6, "optimizer": {"name": "adam"}}


@pytest.mark.parametrize("more", GOOD, ids=lambda one: str(one)[:70])
def test_questions_and_answers_are_as_documented(ask: Ask, described: dict[str, Any], more: Any) -> None:
    request = {name: one for name, one in (PLANE | more).items() if one is not None}
    validator(described, "TraceRequest").validate(request)
    response = ask(PATH, **request)
    assert response.status_code == 200, response.text
    validator(described, "TraceResponse").validate(response.json())


BAD: list[dict[str, Any]] = [
    {"optimizer": {"name": "SGDM"}},
    {"step": -1},
    {"state": {"x": 1}},
    {"optimizer": {"name": "adam", "groups": [{"parameters": []}]}},
    {"optimizer": {"name": "adam", "groups": [{"parameters": ["x"], "momentum": 1}]}},
    {"optimizer": {"name": "adam", "ema_decay": 1}},
    {"optimizer": {"name": "adam", "schedule": {"name": "sequence"}}},
    {"optimizer": {"name": "adam", "schedule": {"name": "warm_up", "then": {"name": "none"}}}},
    {"optimizer": {"name": "adam", "beta": 1}},
    {"optimizer": {"name": "adam", "schedule": {"name": "cosine", "steps": 0}}},
    {"steps": 0},
    {"every": -1},
    {"select": ["all"]},
    {"surface": {"points": 1}},
    {"stop_when": {"loss": [1]}},
    {"unknown": 1},
]


@pytest.mark.parametrize("more", BAD, ids=str)
def test_what_the_schema_refuses_is_refused(ask: Ask, described: dict[str, Any], more: Any) -> None:
    assert not validator(described, "TraceRequest").is_valid(PLANE | more)
    assert ask(PATH, **PLANE | more).status_code == 422


def test_lines_are_documented_beside_json(described: dict[str, Any]) -> None:
    content = described["paths"][PATH]["post"]["responses"]["200"]["content"]
    assert {"application/json", "application/x-ndjson"} <= set(content)
