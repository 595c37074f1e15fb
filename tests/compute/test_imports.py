"""Imports run one way, and adding an operation never touches the service."""

import ast
import functools
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import compute
from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Operation

ROOT = Path(compute.__file__).parent.parent
# From the ground up: a module imports only modules of its own floor or of floors below.
FLOORS = [
    {"compute.budgets", "compute.integers"},
    {"compute.dimensions", "compute.names"},
    {"compute.errors"},
    {"compute.arithmetic"},
    {"compute.latex"},
    {"compute.graph"},
    {"compute.readings"},
    {"compute.primitives"},
    {"compute.operations.framework"},
    {"compute.operations.layers", "compute.operations.losses", "compute.operations.recurrent"},
    {"compute.operations.attention", "compute.operations.convolution"},
    {"compute.operations.normalization"},
    {"compute.operations.transformers"},
    {"compute.operations"},
    {"compute.programs"},
    {"compute.question"},
    {"compute.solving"},
    {"compute.optimizers.rules"},
    {"compute.optimizers"},
    {"compute.grading"},
    {"compute.variants"},
    {"service.settings", "service.settings_checks", "service.version", "service.defects", "service.files"},
    {"service.telemetry.records", "service.telemetry.logs", "service.telemetry.traces"},
    {"service.arrays", "service.exceptions", "service.jobs"},
    {"service.http"},
    {"service.guarding"},
    {"service.schemas"},
    {"service.questions"},
    {"service.optimizers"},
    {"service.grading"},
    {"service.variants"},
    {"service.exact"},
    {"service.pages"},
    {"service.answers"},
    {"service.endpoints"},
    {"service.asking"},
    {"service.workers"},
    {"service.in_process"},
    {
        "service.answering",
        "service.catalogue",
        "service.client_types",
        "service.document",
        "service.functions",
    },
    {"service.health", "service.telemetry"},
    {"service.routes", "service.documentation", "service.explorer"},
    {"service.app"},
    {"service.server", "service.export", "service.mcp_server", "service.commands"},
    {"service.command"},
    {"service.__main__"},
]
PACKAGES = {"compute", "service"}  # which import nothing
CLIENT = ROOT / "service" / "client"  # a root of its own, for the package `workings`


def modules(folder: str) -> list[str]:
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.is_relative_to(CLIENT)
    ]


def source_of(module: str) -> Path:
    path = ROOT / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def imports(module: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one if source_of(one).exists() else node.module for one in inner}
    return found


def floor(module: str) -> int:
    """The floor of a module, or of the innermost package around it that has one."""
    found = [
        (len(name), height)
        for height, names in enumerate(FLOORS)
        for name in names
        if module == name or module.startswith(f"{name}.")
    ]
    assert found, f"{module} has no floor"
    return max(found)[1]


def test_nothing_imports_what_stands_above_it() -> None:
    found = [
        f"{module} imports {imported}"
        for module in sorted({*modules("compute"), *modules("service")} - PACKAGES)
        for imported in imports(module)
        if imported.partition(".")[0] in PACKAGES and imported not in PACKAGES
        if floor(imported) > floor(module)
    ]
    assert not found


def test_nothing_imports_itself_in_a_circle() -> None:
    """For types alone, too."""
    every = [*modules("compute"), *modules("service")]
    TopologicalSorter({module: imports(module) - PACKAGES - {module} for module in every}).prepare()


def test_compute_knows_nothing_of_http() -> None:
    web = {"fastapi", "pydantic", "pydantic_settings", "starlette", "uvicorn", "httpx", "orjson"}
    found = {
        module: {one.partition(".")[0] for one in imports(module)} & web for module in modules("compute")
    }
    assert not {module: libraries for module, libraries in found.items() if libraries}


@pytest.mark.parametrize("module", modules("service"))
def test_the_service_knows_no_operation_and_no_primitive(module: str) -> None:
    below = {one for one in imports(module) if one.startswith(("compute.operations.", "compute.primitives"))}
    assert not {one for one in below if not f"{one}.".startswith("compute.operations.framework.")}
    words = (ROOT / Path(*module.split("."))).with_suffix(".py")
    text = words.read_text(encoding="utf-8") if words.exists() else ""
    tree = ast.parse(text)
    documented = ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef
    docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docs:
            assert node.value not in CATALOGUE, f"{module} speaks of {node.value}"


@pytest.mark.parametrize("operation", CATALOGUE.values(), ids=CATALOGUE)
def test_every_operation_says_what_it_is(operation: Operation) -> None:
    assert CATALOGUE[operation.name] is operation
    assert operation.summary
    assert "Source:" in operation.description
    assert all(one.meaning.endswith(".") and one.symbol for one in operation.inputs.values())
    assert all(one.meaning.endswith(".") and one.symbol for one in operation.values.values())
    assert all(one.declared.meaning for one in operation.attributes.values())
    for name, one in operation.inputs.items():
        assert bool(one.optional) == (name not in operation.required)
