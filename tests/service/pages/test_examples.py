"""Every example of the documentation as a document in every form."""

import re
from typing import Any

import pytest

from service.pages.formats import FORMATS
from tests.conftest import Client
from tests.service.pages.documents import Outline, read_examples


@pytest.mark.parametrize("example", [pytest.param(one, id=name) for name, one in read_examples()])
def test_each_example_is_a_document(client: Client, example: dict[str, Any]) -> None:
    pages = {
        form: client.post(f"{example['path']}?format={form}", json=example["request"]) for form in FORMATS
    }
    for form, response in pages.items():
        assert response.status_code == 200, (form, response.text[:300])
    html = pages["html"].text
    page = Outline(html)
    assert page.headings[0][0] == 1
    assert "<code>\\" not in html, "a formula was not converted"
    assert "�" not in html
    tex = pages["tex"].text
    for table in ("tabular", "longtable"):
        assert tex.count(rf"\begin{{{table}}}") == tex.count(rf"\end{{{table}}}")
    assert len(re.findall(r"(?<!\\)\{", tex)) == len(re.findall(r"(?<!\\)\}", tex))
    assert pages["markdown"].text.count("$$") % 2 == 0
