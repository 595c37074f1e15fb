"""This version keeps the contract of the last release but for declared changes, which the CHANGELOG names."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from compute.question.limits import Limits
from service.export import replay
from service.questions.operations import EXACT_WORK
from service.settings import Settings
from tests.contract.recording import FOLDER, find_breaks, find_document_breaks, read_recording
from tests.service.servers import ROOT

RECORDED = read_recording()
CHANGES: list[dict[str, str]] = yaml.safe_load((FOLDER / "changes.yaml").read_text(encoding="utf-8")) or []
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
TEXT = {"type": "string", "enum": ["a", "b"]}


@pytest.fixture(autouse=True)
def exact_work_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)


@pytest.fixture(scope="module")
def limits() -> Limits:
    return Settings().limits


def undeclared(place: str, breaks: list[str]) -> list[str]:
    """Return the breaks at a place that no declared change explains."""
    declared = [change["break"] for change in CHANGES if fnmatchcase(place, change["where"])]
    return [found for found in breaks if not any(fnmatchcase(found, pattern) for pattern in declared)]


@pytest.mark.parametrize("name", RECORDED["examples"])
def test_an_example_of_the_last_release_has_its_answer(name: str, limits: Limits) -> None:
    example = RECORDED["examples"][name]
    answer = replay(example, limits)
    assert undeclared(f"example {name}", [*find_breaks(example["response"], answer)]) == []


def test_requests_of_the_last_release_are_allowed() -> None:
    from service.app import app  # noqa: PLC0415 - it takes seconds

    breaks = [*find_document_breaks(RECORDED["document"], app.openapi())]
    assert undeclared("document", breaks) == []


def test_declared_changes_are_in_the_changelog() -> None:
    newest = " ".join(CHANGELOG.split("\n## ")[1].split())
    for change in CHANGES:
        assert set(change) == {"where", "break", "changelog"}
        assert " ".join(change["changelog"].split()) in newest


def test_the_recording_is_of_a_release() -> None:
    assert f"\n## {RECORDED['version']}\n" in CHANGELOG


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1, "b": {"c": 2}}, {"b": {}}, ["/a is gone", "/b/c is gone"]),
        ([1, 2], [1], [" has 1 entries and not 2"]),
        ({"a": [0.1]}, {"a": [0.1 + 1e-12]}, []),
        ({"a": [0.1]}, {"a": [0.2]}, ["/a/0 is another number"]),
        ({"a": 1}, {"a": "1"}, ["/a is another value"]),
        ({"a": 1}, {"a": True}, ["/a is another value"]),
    ],
)
def test_breaks_of_answers_are_found(old: Any, new: Any, breaks: list[str]) -> None:
    assert [*find_breaks(old, new)] == breaks


def write(properties: dict[str, Any], required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    schema = {"properties": properties, "required": [*required], "additionalProperties": False}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Question"}}}
    operation = {"requestBody": {"content": content}, **more}
    return {"paths": {"/v1/a": {"post": operation}}, "components": {"schemas": {"Question": schema}}}


@pytest.mark.parametrize(
    ("new", "breaks"),
    [
        (write({"x": {}, "y": TEXT, "z": {}}), []),
        (write({"y": TEXT}), ["POST /v1/a/x is gone"]),
        (write({"x": {}, "y": TEXT}, ("x",)), ["POST /v1/a/x became required"]),
        (write({"x": {}, "y": {**TEXT, "enum": ["b", "c"]}}), ["POST /v1/a/y: a can no longer be chosen"]),
        ({"paths": {}}, ["POST /v1/a is gone"]),
        (
            write({"x": {}, "y": TEXT}, parameters=[{"in": "query", "name": "f", "required": True}]),
            ["POST /v1/a: parameter f became required"],
        ),
    ],
)
def test_breaks_of_the_document_are_found(new: dict[str, Any], breaks: list[str]) -> None:
    assert [*find_document_breaks(write({"x": {}, "y": TEXT}), new)] == breaks
