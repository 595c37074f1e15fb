"""Answers of the Python client as notebooks show them."""

from collections.abc import Mapping
from typing import Any

from service.pages.html import write_fragment
from service.pages.markdown import write_markdown
from service.pages.solutions import build_solution


def show_html(question: Mapping[str, Any], answer: Mapping[str, Any]) -> str | None:
    """Return a worked solution as a part of an HTML page; None if the answer has no steps."""
    return write_fragment(build_solution(question, answer)) if _is_solution(answer) else None


def show_markdown(question: Mapping[str, Any], answer: Mapping[str, Any]) -> str | None:
    """Return a worked solution as Markdown; None if the answer has no steps."""
    return write_markdown(build_solution(question, answer)) if _is_solution(answer) else None


def _is_solution(answer: Mapping[str, Any]) -> bool:
    steps = answer.get("steps", [])
    return {"conventions", "values", "cost"} <= answer.keys() and all("formula" in step for step in steps)
