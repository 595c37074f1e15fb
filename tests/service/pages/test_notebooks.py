"""Answers of the client as notebooks show them."""

import compute
from tests.service.pages.documents import Outline


def test_an_answer_is_a_worked_solution() -> None:
    answer = compute.answer("softmax", x=[[0, 1.5]], upstream={"output": [[1, 0]]})
    html, markdown = answer._repr_html_(), answer._repr_markdown_()
    assert html is not None and markdown is not None
    page = Outline(html)
    assert [[0.0, 1.5]] in page.numbers(), "the question is shown"
    assert [[0.1824, 0.8176]] in page.numbers()
    assert "script" not in page.tags
    assert ":root" not in html and "body{" not in html, "the notebook keeps its own style"
    assert markdown.startswith("# Softmax")


def test_answers_without_steps_are_shown_as_before() -> None:
    answer = compute.answer("cost", operation="softmax", x={"shape": [2, 3]})
    assert answer._repr_html_() is None
    assert answer._repr_markdown_() is None
