"""Record a release: `python -m tests.contract TAG` stores its examples and its document, by its version.

It reads them from the repository's history. Run it when a version is released, and remove the older file: the
contract is that between one release and the next.
"""

import argparse
import json
import lzma
import subprocess
from typing import Any

from tests.contract.recording import FOLDER
from tests.service.servers import ROOT


def read_at(revision: str, path: str) -> str:
    """Return a file of the repository at a revision."""
    command = ["git", "show", f"{revision}:{path}"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def list_at(revision: str, folder: str) -> list[str]:
    """Return the paths of the files in a folder at a revision."""
    command = ["git", "ls-tree", "--name-only", revision, f"{folder}/"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revision", help="a tag or a commit")
    revision = parser.parse_args().revision
    document: dict[str, Any] = json.loads(read_at(revision, "openapi/openapi.json"))
    examples = {
        path.rpartition("/")[2].removesuffix(".json"): json.loads(read_at(revision, path))
        for path in list_at(revision, "openapi/examples")
    }
    content = {"version": document["info"]["version"], "document": document, "examples": examples}
    text = json.dumps(content, separators=(",", ":")).encode()
    (FOLDER / f"{content['version']}.json.xz").write_bytes(lzma.compress(text, preset=9))


if __name__ == "__main__":
    main()
