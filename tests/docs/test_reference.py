"""The reference pages name every field, setting, problem, optimizer and schedule that there is."""

import re
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from compute.dimensions import Polynomial
from compute.graph import spec
from compute.graph.numerics import DIAGNOSES
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from compute.operations.framework.declaration import Operation
from compute.operations.framework.state_dicts import has_state_dict
from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.schedules import SCHEDULES
from service.grading.envelopes.catalogue import CLASS_ENVELOPES, ENVELOPES
from service.http.problems import KINDS
from service.optimizers.responses import SolveResponse, TraceResponse
from service.optimizers.schemas import solve_request, trace_request
from service.questions.programs import Program
from service.schemas.comparison_responses import CompareResponse
from service.schemas.computation import Computation
from service.schemas.cost_responses import CostResponse
from service.schemas.formats import PACKED_DTYPES
from service.schemas.requests import Comparison
from service.schemas.responses import (
    CommonPart,
    ExactLatex,
    GraphExtras,
    Note,
    response_model,
)
from service.schemas.types import AnswerTensor, Edit, MaskTensor, PackedTensor, SymbolTensor, Tensor
from service.settings import Settings
from tests.docs.blocks import ROOT, blocks


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def fields(model: type[BaseModel], elsewhere: tuple[type[BaseModel], ...] = ()) -> set[str]:
    """The fields of a model and of models in it, without values by name and models described elsewhere."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(name)
        if name != "values":
            for inner in models(field.annotation):
                if not issubclass(inner, elsewhere):
                    found |= fields(inner, elsewhere)
    return found


def models(annotation: Any) -> set[type[BaseModel]]:
    """The models that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    if annotation in (Tensor, MaskTensor, AnswerTensor):  # whose forms another test looks for
        return set()
    if isinstance(annotation, TypeAliasType):
        return models(annotation.__value__)
    if get_origin(annotation) in (list, dict, tuple, Union, UnionType, Annotated):
        return set().union(*map(models, get_args(annotation)))
    return set()


@pytest.mark.parametrize(
    ("name", "model", "elsewhere"),
    [
        ("fields.md", Computation, ()),
        ("fields.md", response_model("self_attention"), (CommonPart, ExactLatex)),
        ("exact.md", CommonPart, ()),
        ("exact.md", ExactLatex, ()),
        ("programs.md", Program, ()),
        ("programs.md", GraphExtras, ()),
        ("optimizers.md", trace_request(), ()),
        ("optimizers.md", solve_request(), ()),
        ("optimizers.md", TraceResponse, (Note,)),
        ("optimizers.md", SolveResponse, ()),
        ("readings.md", Comparison, ()),
        ("readings.md", CompareResponse, (Note,)),
        ("readings.md", CostResponse, ()),
    ],
)
def test_every_field_is_named(
    name: str, model: type[BaseModel], elsewhere: tuple[type[BaseModel], ...]
) -> None:
    text = page(name)
    assert sorted(one for one in fields(model, elsewhere) if f"`{one}`" not in text) == []


def test_fields_of_a_model_are_found_however_deep() -> None:
    found = fields(response_model("self_attention"))
    assert {"steps", "formula", "of_axis", "largest_relative_error", "operands", "expression"} <= found
    assert "query" not in found


def test_every_part_of_an_exact_answer_is_named() -> None:
    for name in ("approximations", "gradient_approximations", "latex", "common"):
        assert name in response_model("self_attention").model_fields
        assert f"`{name}`" in page("exact.md")


def test_every_operation_with_a_state_dict_is_named() -> None:
    section = page("models.md").partition("## Weights of PyTorch\n")[2].partition("`state_dict`")[0]
    listed = re.findall(r"`(\w+)`", section)
    assert sorted(listed) == sorted(name for name, one in CATALOGUE.items() if has_state_dict(one))


def test_every_form_of_tensor_and_edit_is_shown() -> None:
    packed, fresh = PackedTensor.model_fields, SymbolTensor.model_fields
    text = page("fields.md")
    assert all(f'"{name}"' in text for name in (*packed, *fresh))
    assert all(f"`{one}`" in text for one in PACKED_DTYPES)
    assert all(f"`{name}`" in page("readings.md") for name in Edit.model_fields)


def test_every_envelope_is_listed() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| `(application/\S+)` \| .+ \|$", page("envelopes.md"), flags=re.MULTILINE
    )
    assert rows == [(one.name, one.media_type) for one in ENVELOPES.values()]
    assert all(f"`{name}`" in page("envelopes.md") for name in CLASS_ENVELOPES)


def test_every_diagnosis_is_listed() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| [A-Z]", page("fields.md"), flags=re.MULTILINE)
    listed = {code for row in rows for code in re.findall(r"\w+", row)}
    assert listed >= set(DIAGNOSES)


def test_every_kind_of_problem_has_a_row_a_section_and_an_example() -> None:
    text = page("errors.md")
    rows = re.findall(r"^\| \[`(\w+)`\]\(#\1\) \| (\d+) \|", text, flags=re.MULTILINE)
    assert [(name, int(status)) for name, status in rows] == [
        (name, kind.status) for name, kind in KINDS.items()
    ]
    assert re.findall(r"^## (\w+)$", text, flags=re.MULTILINE) == list(KINDS)
    shown = "".join(block.text for block in blocks(ROOT / "docs" / "errors.md"))
    assert all(f'"/problems/{kind}"' in shown for kind in KINDS)


def write_default(default: object) -> str:
    return "(none)" if default in (None, "") else str(default)


def test_every_setting_is_listed() -> None:
    rows = re.findall(r"^\| `WORKINGS_(\w+)` \| (.+?) \| (.+) \|$", page("settings.md"), flags=re.MULTILINE)
    defaults = Settings.model_construct()
    assert [(name.lower(), default, meaning) for name, default, meaning in rows] == [
        (
            name,
            "processors" if name == "workers" else write_default(getattr(defaults, name)),
            setting.description,
        )
        for name, setting in Settings.model_fields.items()
    ]


def table(name: str, heading: str) -> dict[str, list[str]]:
    """The rows of the table under a heading of its first column, by the name in that column."""
    rows = page(name).partition(f"\n| {heading} |")[2].splitlines()[2:]
    found: dict[str, list[str]] = {}
    for row in rows:
        if not row.startswith("|"):
            break
        first, *cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        found[first.strip(" `")] = cells
    return found


def described(settings: Any) -> list[tuple[str, str]]:
    """Settings and their defaults as the tables have them."""
    return [
        (one.name, "required" if one.is_required else str(one.default).lower()) for one in settings.values()
    ]


def test_every_optimizer_is_listed_with_its_settings() -> None:
    rows = table("optimizers.md", "optimizer")
    assert set(rows) == set(OPTIMIZERS)
    for name, (rate, settings, *_) in rows.items():
        declared = OPTIMIZERS[name]
        assert float(rate) == declared.learning_rate, name
        assert re.findall(r"`(\w+)` ([^,]+)", settings) == described(declared.settings), name


def test_every_schedule_is_listed_with_its_settings() -> None:
    rows = table("optimizers.md", "schedule")
    assert set(rows) == set(SCHEDULES)
    for name, (settings, *_) in rows.items():
        assert re.findall(r"`(\w+)` ([^,]+)", settings) == described(SCHEDULES[name].settings), name


def test_the_operation_of_the_guide_is_all_that_is_needed() -> None:
    [block] = [one for one in blocks(ROOT / "CONTRIBUTING.md") if one.info == "python"]
    namespace: dict[str, object] = {}
    exec(compile(block.text, "CONTRIBUTING.md", "exec"), namespace)
    residual = namespace["residual"]
    assert isinstance(residual, Operation)
    n = Polynomial.symbol("n")
    graph = build(residual, {"x": spec.Tensor((n, 3)), "b": spec.Tensor((3,))}, {})
    assert graph.names["output"].shape == (n, 3)


def test_the_guide_maps_every_folder_and_every_module_of_the_core() -> None:
    layout = next(
        block.text for block in blocks(ROOT / "CONTRIBUTING.md") if block.text.startswith("compute/")
    )
    core, _, outside = layout.partition("service/ ")
    for part, root in ((core, "compute"), (outside, "service")):
        found = [one.parent.name for one in (ROOT / root).glob("*/__init__.py")]
        assert found
        assert [name for name in found if f"{name}/" not in part] == []
