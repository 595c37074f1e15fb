"""The project's frame: what the README says is what the code does."""

import re
import tomllib
from pathlib import Path

import compute
from compute.dimensions import Polynomial
from compute.operations.binding import build
from compute.operations.declaration import Operation
from compute.value import Tensor
from service.settings import Settings
from service.version import VERSION

ROOT = Path(compute.__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_setting() -> None:
    rows = re.findall(r"^\| `WORKINGS_(\w+)` \| (\w+) \| (.+) \|$", README, flags=re.MULTILINE)
    listed = {name.lower(): (default, meaning) for name, default, meaning in rows}
    assert list(listed) == list(Settings.model_fields)
    for name, setting in Settings.model_fields.items():
        default, meaning = listed[name]
        assert meaning == setting.description
        assert default == ("processors" if name == "workers" else str(setting.default))


def test_the_readme_operation_is_all_that_is_needed() -> None:
    indented = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert indented is not None
    source = "\n".join(line.removeprefix("   ") for line in indented[1].splitlines())
    namespace: dict[str, object] = {}
    exec(compile(source, "README.md", "exec"), namespace)
    residual = namespace["residual"]
    assert isinstance(residual, Operation)
    n = Polynomial.symbol("n")
    graph = build(residual, {"x": Tensor((n, 3)), "b": Tensor((3,))}, {})
    assert graph.names["output"].shape == (n, 3)


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


def test_files_keep_to_one_purpose() -> None:
    for folder in ("compute", "service", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 310, path
