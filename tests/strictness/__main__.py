"""Run schemathesis, with every check and phase, against a service of its own.

`python -m tests.strictness [option ...]`, or `make schemathesis`; options go to `schemathesis run`.
"""

import subprocess
import sys
from pathlib import Path

from tests.service.servers import UVICORN, serving

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"


def main() -> None:
    """Serve, run schemathesis, and exit with its status."""
    with serving(UVICORN) as port:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"]
        address = f"http://127.0.0.1:{port}/openapi.json"
        done = subprocess.run([*command, address, *sys.argv[1:]], check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
