"""The API page in a browser: it loads nothing from elsewhere, and leads to the explorer."""

from tests.browser.driver import Browser

OPERATION = "#operations-attention-self_attention"


def test_an_operation_leads_to_the_explorer(browser: Browser, address: str) -> None:
    record = browser.open(f"{address}/docs")
    browser.wait_for(f"document.querySelector('{OPERATION}')")
    browser.evaluate(f"document.querySelector('{OPERATION} .opblock-summary-control').click()")
    link = f"document.querySelector('{OPERATION} .opblock-description a')"
    browser.wait_for(link)
    assert all(one.startswith((f"{address}/", "data:")) for one in record.requests)
    assert record.messages == []
    browser.open(browser.evaluate(f"{link}.href"))
    browser.wait_for("document.querySelector('[aria-label=Answer] table')")
    assert browser.evaluate("document.querySelector('.question h2').textContent") == "self_attention"
    assert browser.evaluate("location.pathname") == "/"
