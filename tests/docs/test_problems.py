"""The problems that no single request brings about are shown as they are recorded, and replayed elsewhere."""

import pytest

from service.document import load_problems
from tests.docs.blocks import ROOT, blocks, compare, read_shown

SHOWN = {
    block.info.partition(" ")[2]: read_shown(block.text)
    for block in blocks(ROOT / "docs" / "errors.md")
    if block.info.startswith("json ")
}


def test_the_examples_are_of_these_kinds() -> None:
    assert set(SHOWN) == {
        "timeout",
        "internal",
        "busy",
        "unsupported_platform",
        "unauthorized",
        "forbidden",
        "too_many_requests",
    }


@pytest.mark.parametrize("kind", SHOWN)
def test_each_is_as_recorded(kind: str) -> None:
    [recorded] = [one for one in load_problems() if one["response"]["type"] == f"/problems/{kind}"]
    compare(SHOWN[kind], recorded["response"])
