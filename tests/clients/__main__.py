"""Generate clients from the document, check their types, and ask a running service through each.

`python -m tests.clients [name ...]`, or `make clients`. All that is generated goes to a temporary folder.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.clients.generating import (
    ClientError,
    OpenApiGeneratorClient,
    PythonClient,
    TypeScriptClient,
    check_answers,
)
from tests.service.servers import UVICORN, serving


def try_python_client(folder: Path, address: str) -> None:
    client = PythonClient(folder)
    client.generate()
    if missing := client.missing_operations():
        raise ClientError(f"these operations are missing: {', '.join(missing)}")
    client.check_types()
    check_answers(client.ask(address))


def try_typescript(folder: Path, address: str) -> None:
    client = TypeScriptClient(folder)
    client.generate()
    client.check_types()
    check_answers(client.ask(address))


def try_openapi_generator(folder: Path, address: str) -> None:
    client = OpenApiGeneratorClient(folder)
    client.generate()
    check_answers(client.ask(address))


CLIENTS: dict[str, Callable[[Path, str], None]] = {
    "openapi-python-client": try_python_client,
    "openapi-typescript": try_typescript,
    "openapi-generator": try_openapi_generator,
}


def main() -> None:
    """Try the clients named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"any of {', '.join(CLIENTS)}")
    names = parser.parse_args().names or list(CLIENTS)
    if unknown := sorted(set(names) - set(CLIENTS)):
        parser.error(f"expected any of {', '.join(CLIENTS)}, received {', '.join(unknown)}")
    failed = 0
    with serving(UVICORN) as port:
        for name in names:
            began = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                try:
                    CLIENTS[name](Path(folder), f"http://127.0.0.1:{port}")
                except (ClientError, OSError) as error:
                    failed += 1
                    print(f"{name}: failed\n{error}", flush=True)
                else:
                    print(f"{name}: right, {time.perf_counter() - began:.0f} s", flush=True)
    sys.exit(min(failed, 1))


if __name__ == "__main__":
    main()
