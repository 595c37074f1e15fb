"""Regenerate openapi/openapi.json, the responses of the examples and exams, and the types of the client:
`make openapi`.
"""

import re
from pathlib import Path
from typing import Any

import orjson

import openapi
from compute.question.limits import Limits
from service.app import app
from service.client_types import write_module
from service.document import choose_endpoint
from service.questions.operations import EXACT_WORK
from service.settings import Settings

FOLDER = Path(openapi.__file__).parent
CLIENT_TYPES = Path(__file__).parent / "client" / "workings" / "operations.py"
INNERMOST = re.compile(rb"\[\n\s+([^][{}]*?)\n\s+\]")


def format_json(document: Any) -> bytes:
    """Return a document in the repository's JSON style: indented, with innermost lists on one line."""
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return INNERMOST.sub(lambda match: b"[" + re.sub(rb"\n\s+", b" ", match[1]) + b"]", text)


def replay(example: dict[str, Any], limits: Limits) -> Any:
    """Return the response to an example's request."""
    return orjson.loads(choose_endpoint(example).understand(example["request"], limits).answer())


def main() -> None:
    """Write the examples and exams, then the document, which shows the examples, and the types."""
    EXACT_WORK.is_done_here = True
    for path in sorted([*(FOLDER / "examples").glob("*.json"), *(FOLDER / "exams").glob("*.json")]):
        example = orjson.loads(path.read_bytes())
        example["response"] = replay(example, Settings().limits)
        path.write_bytes(format_json(example))
    (FOLDER / "openapi.json").write_bytes(format_json(app.openapi()))
    CLIENT_TYPES.write_text(write_module(), encoding="utf-8")


if __name__ == "__main__":
    main()
