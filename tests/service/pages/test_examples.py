"""Every example of the documentation as a document in every form."""

import json
import re
from pathlib import Path

import pytest

from service.document import url_of
from service.endpoints import ENDPOINTS
from service.pages.formats import FORMATS
from tests.conftest import Client
from tests.service.pages.documents import Outline

EXAMPLES = Path(__file__).parents[3] / "openapi" / "examples"
PATHS = {endpoint.path for endpoint in ENDPOINTS.values() if endpoint.page is not None}
NAMES = [  # an envelope is a document already
    path.stem for path in sorted(EXAMPLES.glob("*.json")) if url_of(json.loads(path.read_text())) in PATHS
]


@pytest.mark.parametrize("name", NAMES)
def test_each_example_is_a_document(client: Client, name: str) -> None:
    example = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
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
    assert tex.count(r"\begin{longtable}") == tex.count(r"\end{longtable}")
    assert len(re.findall(r"(?<!\\)\{", tex)) == len(re.findall(r"(?<!\\)\}", tex))
    assert pages["markdown"].text.count("$$") % 2 == 0
