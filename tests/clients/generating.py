"""Clients generated from the document: each in a folder of its own, checked for types, and asked the exam.

The document is copied there first, since users generate from a copy as well.
"""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
DOCUMENT = HERE.parent.parent / "openapi" / "openapi.json"
PYTHON = sys.executable
LINES = 30  # of what a command that failed has printed
# The exam's answer, by hand: two tokens share the values 0.4 and 0.3 in the parts h and 1 - h.
H = 1 / (1 + math.exp(2 * math.sqrt(2)))
OUTPUT = [[0.4 - 0.1 * H], [0.3 + 0.1 * H]]


class ClientError(Exception):
    """A command failed, or a client answered wrongly; with the end of the output."""


def run(command: Sequence[str | Path], folder: Path, **environment: str) -> str:
    """Run a command and return all that it printed. Raises ClientError if it fails."""
    programs = os.pathsep.join((str(Path(PYTHON).parent), os.environ.get("PATH", "")))
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": programs, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-LINES:])
        raise ClientError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{end}")
    return done.stdout


def check_answers(printed: str) -> None:
    """Check the last line that a client's program printed. Raises ClientError.

    It is a JSON object: `output` of the exam question, and the status and pointer of a question refused.
    """
    try:
        found = json.loads(printed.splitlines()[-1])
    except (ValueError, IndexError):
        raise ClientError(f"expected a JSON object as the last line, received:\n{printed}") from None
    rows = found["output"]
    is_right = [len(row) for row in rows] == [1, 1] and all(
        math.isclose(ours, theirs, rel_tol=1e-12)
        for row, expected in zip(rows, OUTPUT, strict=True)
        for ours, theirs in zip(row, expected, strict=True)
    )
    if not is_right:
        raise ClientError(f"expected the output {OUTPUT}, received {rows}")
    if (found["status"], found["pointer"]) != (422, "/w_q"):
        raise ClientError(f"expected a refusal of /w_q, received {found}")


class PythonClient:
    """The client of openapi-python-client: typed models by attrs, requests by httpx."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "generated" / "workings_client"

    def generate(self) -> str:
        """Generate the package; return all that was printed. A warning is a failure."""
        shutil.copy(DOCUMENT, self.folder / "openapi.json")
        settings = self.folder / "settings.json"
        lines_as_bytes = {"application/x-ndjson": "application/octet-stream"}  # which its methods can send
        # Without hooks it is not formatted for readers.
        settings.write_text(json.dumps({"post_hooks": [], "content_type_overrides": lines_as_bytes}))
        options = ["--path", "openapi.json", "--config", settings.name, "--output-path", "generated"]
        command = [PYTHON, "-m", "openapi_python_client", "generate", "--fail-on-warning", *options]
        return run(command, self.folder)

    def missing_operations(self) -> list[str]:
        """Return the operations of the document that the package has no module for."""
        document = json.loads(DOCUMENT.read_bytes())
        modules = {f"{path.parent.name}/{path.stem}" for path in self.package.glob("api/*/*.py")}
        wanted = {
            f"{operation['tags'][0]}/{operation['operationId']}"
            for item in document["paths"].values()
            for operation in item.values()
        }
        return sorted(wanted - modules)

    def check_types(self) -> None:
        """Type-check the package and the program that uses it."""
        shutil.copy(PROGRAMS / "ask_python_client.py", self.folder)
        # Strict but for casts that the generator writes and mypy finds needless.
        options = ["--config-file=", "--strict", "--no-warn-redundant-casts", "--cache-dir", os.devnull]
        run(
            [PYTHON, "-m", "mypy", *options, self.package, "ask_python_client.py"],
            self.folder,
            MYPYPATH=str(self.package.parent),
        )

    def ask(self, address: str) -> str:
        """Ask a running service; return what the program printed."""
        program = PROGRAMS / "ask_python_client.py"
        options = ["-W", "error"]
        return run([PYTHON, *options, program, address], self.folder, PYTHONPATH=str(self.package.parent))


class TypeScriptClient:
    """The types of openapi-typescript, with openapi-fetch to send requests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def generate(self) -> str:
        """Install the packages and generate the types; return what was printed."""
        for source in (DOCUMENT, *(PROGRAMS / "typescript").iterdir()):
            shutil.copy(source, self.folder)
        run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"], self.folder)
        # Without this option a field with a default would have to be sent.
        options = ["--default-non-nullable=false", "--output", "workings.d.ts"]
        return run(["npx", "--no-install", "openapi-typescript", "openapi.json", *options], self.folder)

    def check_types(self) -> None:
        """Check the types themselves and the program that uses them, strictly."""
        run(["npx", "--no-install", "tsc", "--strict", "--noEmit"], self.folder)

    def ask(self, address: str) -> str:
        """Compile the program, ask a running service, and return what it printed."""
        run(["npx", "--no-install", "tsc", "--strict"], self.folder)
        return run(["node", "ask.js", address], self.folder)


class OpenApiGeneratorClient:
    """The Python client of openapi-generator: models by pydantic, requests by urllib3."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def generate(self) -> str:
        """Generate the package. An error that the generator logs and survives is a failure too."""
        shutil.copy(DOCUMENT, self.folder)
        parts = "models,apis,supportingFiles,modelDocs=false,apiDocs=false,modelTests=false,apiTests=false"
        options = ["-g", "python", "-i", "openapi.json", "-o", "generated", "--global-property", parts]
        command = "from openapi_generator_cli import cli; cli()"
        printed = run([PYTHON, "-c", command, "generate", *options], self.folder)
        if errors := [line for line in printed.splitlines() if " ERROR " in line or "Exception" in line]:
            raise ClientError("\n".join(errors))
        return printed

    def ask(self, address: str) -> str:
        """Ask a running service; return what the program printed."""
        program = PROGRAMS / "ask_openapi_generator.py"
        return run([PYTHON, program, address], self.folder, PYTHONPATH=str(self.folder / "generated"))
