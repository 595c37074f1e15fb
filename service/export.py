"""Write openapi/openapi.json and the responses of the examples anew: `make openapi`."""

from pathlib import Path
from typing import Any

import orjson

from compute.answers import Limits
from service.app import app
from service.openapi import document
from service.questions import cost_of, understand
from service.settings import Settings

FOLDER = Path(__file__).parent.parent / "openapi"
WRITTEN = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def replay(example: dict[str, Any], limits: Limits) -> Any:
    """The response to an example's request."""
    name = example["path"].removeprefix("/v1/")
    request = example["request"]
    if name == "cost":
        return orjson.loads(cost_of(request["operation"], request))
    return orjson.loads(understand(name, request, limits).answer())


def main() -> None:
    """Refresh the examples first, since the document shows them."""
    for path in sorted((FOLDER / "examples").glob("*.json")):
        example = orjson.loads(path.read_bytes())
        example["response"] = replay(example, Settings().limits)
        path.write_bytes(orjson.dumps(example, option=WRITTEN))
    (FOLDER / "openapi.json").write_bytes(orjson.dumps(document(app.routes), option=WRITTEN))


if __name__ == "__main__":
    main()
