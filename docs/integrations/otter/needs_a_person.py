"""Take the scores out of Otter's results if a person has to look: Otter would give 0, for a crash as well."""

import json
import sys
from pathlib import Path

NEEDS_A_PERSON = "A person has to look at this answer."


def main(path: Path) -> None:
    """Change results.json, which Otter has written."""
    results = json.loads(path.read_text(encoding="utf-8"))
    tests = results["tests"]
    has_crashed = not any("score" in test for test in tests)
    if has_crashed or any(NEEDS_A_PERSON in test.get("output", "") for test in tests):
        for part in (results, *tests):
            part.pop("score", None)
        results["output"] = NEEDS_A_PERSON
        path.write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
