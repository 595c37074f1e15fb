"""Conventions of documents."""

import pytest

from service.pages.blocks import Code, Facts, Inline, Math, Section
from service.pages.notes import show_conventions, write_setting


@pytest.mark.parametrize(
    ("setting", "written"),
    [
        (1e-5, "10⁻⁵"), (0.1, Code("0.1")), (1.23456789e-7, Code("1.23456789e-07")), (True, Code("true")),
        ("row_major", Code("row_major")), ("the first of them", "the first of them"), ([-1], Code("[-1]")),
    ],
)  # fmt: skip
def test_settings_are_code_numbers_or_words(setting: object, written: Inline) -> None:
    assert write_setting(setting) == written


def test_closed_forms_are_formulas() -> None:
    forms = {"hidden": r"h_t = h_0", "of_the_jacobian": r"\frac{a}{b}"}
    [section] = show_conventions({"closed_form": forms})
    assert isinstance(section, Section)
    [facts] = section.blocks
    assert isinstance(facts, Facts)
    [(_, written)] = facts.items
    assert [one for one in written if isinstance(one, Math)] == [Math("h_t = h_0"), Math(r"\frac{a}{b}")]
    assert "".join(one for one in written if isinstance(one, str)) == "hidden: ; of the jacobian: "
