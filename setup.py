"""Put `compute`, `service` and `openapi` under `workings` in wheels, as `docs/decisions/0039` says.

A checkout and an editable installation import them by their own names. In a wheel their folders lie within
that of `workings`, and their import statements name them there; nothing else in a module is changed.
"""

import ast
import re
import shutil
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info

HOME = "workings"
NESTED = ("compute", "service", "openapi")
# The name of a module in a string. It would not be found in a wheel.
NAMED = re.compile(r"\b(?:compute|service)\.[a-z_{]")


class BuildPy(build_py):
    """Builds the packages under `workings`, except for an editable installation."""

    def finalize_options(self) -> None:
        """Rename the packages to be built; their folders stay."""
        super().finalize_options()
        if not self.editable_mode:
            folders = {_nest(package): self.get_package_dir(package) for package in self.packages}
            self.packages, self.package_dir = list(folders), folders
            self.package_data = {_nest(package): data for package, data in self.package_data.items()}

    def run(self) -> None:
        """Build in empty folders: an earlier build may have left modules that no longer exist."""
        for package in () if self.editable_mode else (HOME, *NESTED):
            built = Path(self.build_lib, package)
            if built.resolve() != Path(package).resolve():
                shutil.rmtree(built, ignore_errors=True)
        super().run()

    def build_module(self, module: str, module_file: str, package: str) -> Any:
        """Copy a module with its import statements rewritten."""
        built = super().build_module(module, module_file, package)  # type: ignore[no-untyped-call]
        path = Path(built[0])
        path.write_bytes(rewrite_imports(path.read_bytes(), module_file))
        return built


class EggInfo(egg_info):
    """Names the only package at the top level of a wheel."""

    def run(self) -> None:
        """Write the metadata."""
        super().run()
        Path(self.egg_info, "top_level.txt").write_text(f"{HOME}\n", encoding="utf-8")


def rewrite_imports(source: bytes, file: str) -> bytes:
    """Return a module with the import statements of the nested packages changed to where a wheel has them.

    Raises ValueError if a statement has a form that cannot be changed, or a string names a module.
    """
    tree = ast.parse(source, file)
    lines = source.splitlines(keepends=True)
    statements = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    docstrings = {id(value) for value in statements if isinstance(value, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and _is_nested(node.module or ""):
            old, new = rb"from ", f"from {HOME}."
        elif isinstance(node, ast.Import) and any(_is_nested(alias.name) for alias in node.names):
            if len(node.names) > 1 or "." in node.names[0].name:
                raise ValueError(f"{file}:{node.lineno}: expected `from package import module`")
            old, new = rb"import ", f"from {HOME} import "
        elif isinstance(node, ast.expr) and id(node) not in docstrings and _names_a_module(node):
            raise ValueError(f"{file}:{node.lineno}: expected an import, and no name of a module in a string")
        else:
            continue
        line, column = lines[node.lineno - 1], node.col_offset
        if not line.startswith(old, column):
            raise ValueError(f"{file}:{node.lineno}: expected one space after the first word")
        lines[node.lineno - 1] = line[:column] + new.encode() + line[column + len(old) :]
    return b"".join(lines)


def _names_a_module(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return NAMED.search(ast.unparse(node)) is not None
    if isinstance(node, ast.Call):
        return any(isinstance(value, ast.Constant) and value.value in NESTED for value in node.args)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(NAMED.search(node.value))


def _is_nested(module: str) -> bool:
    return module.partition(".")[0] in NESTED


def _nest(package: str) -> str:
    return f"{HOME}.{package}" if _is_nested(package) else package


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildPy, "egg_info": EggInfo})
