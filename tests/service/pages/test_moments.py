"""Documents of expectations and variances, against the answer that they show."""

import pytest

from tests.conftest import Client
from tests.service.questions.test_moments import HE, ONE


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/html", ["<caption>", "<math", "Backward", "entries are taken as normal"]),
        ("text/markdown", ["| value |", "Backward"]),
        ("application/x-tex", ["\\begin{document}", "Backward"]),
    ],
)
def test_documents(client: Client, accept: str, expected: list[str]) -> None:
    response = client.post("/v1/moments", json=HE, headers={"Accept": accept})
    assert response.status_code == 200, response.text
    for words in expected:
        assert words in response.text


def test_a_program_without_gradients_has_no_table_of_them(client: Client) -> None:
    body = {**ONE, "random": {"x": {"distribution": "constant", "value": 2}}}
    response = client.post("/v1/moments", json=body, headers={"Accept": "text/markdown"})
    assert "Forward" in response.text
    assert "Backward" not in response.text
