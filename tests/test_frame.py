"""The project's frame: changelog, dependencies, licence, sizes of files."""

import re
import tomllib
from pathlib import Path

import compute
from service.version import VERSION

ROOT = Path(compute.__file__).parent.parent


def test_the_changelog_has_an_entry_for_the_version() -> None:
    assert f"\n## {VERSION}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_dependency_has_a_lower_bound_and_a_pin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
        name = re.match(r"[\w-]+", requirement)
        assert name is not None
        assert ">=" in requirement
        assert f"\n{name[0].lower()}==" in pins


def test_the_licence_is_the_one_that_the_metadata_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [file] = project["license-files"]
    text = (ROOT / file).read_text(encoding="utf-8")
    [author] = project["authors"]
    assert text.startswith(f"{project['license']} License\n")
    assert f"Copyright (c) 2026 {author['name']}\n" in text
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for needed in (file, project["readme"]["file"]):
        assert re.search(rf"^COPY .*\b{re.escape(needed)} ", image, flags=re.MULTILINE), needed
        assert f"!{needed}\n" in (ROOT / ".dockerignore").read_text(encoding="utf-8")


def test_packages_say_that_they_are_typed() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    for package in ("compute", "service"):
        assert (ROOT / package / "py.typed").exists()
        assert "py.typed" in data["package-data"][package]
