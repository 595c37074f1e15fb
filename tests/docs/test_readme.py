"""The README: its commands and code run, and its map of operations is complete."""

import io
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest

from compute.operations import CATALOGUE
from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.schedules import SCHEDULES
from tests.docs.blocks import ROOT, Block, blocks
from tests.docs.listening import server
from tests.nodejs import find_node

PAGE = ROOT / "README.md"
README = PAGE.read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:8000"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server() as found:
        yield found


def code(language: str) -> list[tuple[Block, str]]:
    """The blocks of code in a language, each with the output that is shown behind it."""
    found = blocks(PAGE)
    pairs = [(block, after) for block, after in pairwise(found) if block.info == language]
    assert all(after.info == "text" for _, after in pairs)
    return [(block, after.text) for block, after in pairs]


@pytest.mark.parametrize(
    ("block", "shown"), [pytest.param(*one, id=f"{one[0].line}") for one in code("python")]
)
def test_the_python_runs_and_prints_the_shown_output(block: Block, shown: str, address: str) -> None:
    assert ADDRESS in block.text or "Client" not in block.text
    printed = io.StringIO()
    namespace: dict[str, Any] = {}
    with redirect_stdout(printed):
        exec(compile(block.text.replace(ADDRESS, address), f"README.md:{block.line}", "exec"), namespace)
    if "workings" in namespace:
        namespace["workings"].close()
    assert printed.getvalue() == shown


@pytest.mark.parametrize(("block", "shown"), [pytest.param(*one, id=f"{one[0].line}") for one in code("js")])
def test_the_javascript_runs_and_prints_the_shown_output(
    block: Block, shown: str, address: str, tmp_path: Path
) -> None:
    assert ADDRESS in block.text
    script = tmp_path / "readme.mjs"
    script.write_text(block.text.replace(ADDRESS, address), encoding="utf-8")
    ran = subprocess.run([find_node(), script], capture_output=True, text=True, timeout=600, check=False)
    assert (ran.stdout, ran.stderr, ran.returncode) == (shown, "", 0)


def test_there_is_code_in_both_languages() -> None:
    assert len(code("python")) == 3
    assert len(code("js")) == 1


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for target in ("serve", "test"):
        assert f"make {target}" in README
        assert target in targets


def test_the_map_has_every_operation_once() -> None:
    rows = re.findall(r"^\| (\w+) \| (`.+?) \| (.+) \|$", README, flags=re.MULTILINE)
    families = [(name, family) for family, names, _ in rows for name in re.findall(r"`([\w/]+)`", names)]
    listed = [name for name, _ in families]
    document = json.loads((ROOT / "openapi" / "openapi.json").read_bytes())
    posts = {
        path.removeprefix("/v1/"): operations["post"]["tags"]
        for path, operations in document["paths"].items()
        if "post" in operations
    }
    assert len(set(listed)) == len(listed)
    foreign = {"/evaluate"}  # of a protocol that has paths of its own
    assert set(listed) == set(posts) - foreign > set(CATALOGUE)
    for name, family in families:
        [tag] = posts[name]
        assert tag == family, f"{name} is in the family {tag}"


def test_its_counts_are_right() -> None:
    counts = {
        "functions": len(get_args(CATALOGUE["activation"].attributes["function"].annotation)),
        "update rules": len(OPTIMIZERS),
        "schedules": len(SCHEDULES),
    }
    for noun, count in counts.items():
        assert re.findall(rf"\b(\d+) {noun}", README) == [str(count)], noun


def test_it_is_short() -> None:
    assert README.count("\n") < 250


def test_it_leads_to_every_page() -> None:
    for page in ROOT.glob("docs/*.md"):
        assert f"](docs/{page.name})" in README, page.name
