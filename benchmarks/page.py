"""The documentation page: processor time to open it and to expand an operation, against a plain FastAPI page.

`python -m benchmarks.page [rounds]`, with Chromium on the machine and `pip install -e '.[test]'`. Each
sample has a new browser without a cache; the two pages take turns.
"""

import argparse
import statistics
import urllib.request
from dataclasses import dataclass

from benchmarks.servers import serve
from tests.browser.driver import Browser, open_browser


@dataclass(frozen=True)
class Page:
    """A Swagger UI page, and one of its operations."""

    app: str
    document: str
    operation: str
    operations: int


PAGES = {
    "workings": Page("service.app:app", "/openapi-3.0.json", "operations-attention-self_attention", 66),
    "plain": Page("benchmarks.plain_page:app", "/openapi.json", "operations-group_0-smooth_0", 60),
}
# The form with its example, and the example response.
EXPANDED = " && ".join(
    f"[...document.querySelectorAll('#OPERATION {part}')].some(node => node.textContent.trim())"
    for part in (
        ".opblock-section-request-body :is(textarea, .example, .highlight-code)",
        ".responses-table .response :is(.example, .highlight-code)",
    )
)


def measure(browser: Browser, address: str, operation: str, operations: int) -> tuple[float, float]:
    """Return the processor seconds to open the page, and to expand the operation on it."""
    start = browser.rest()
    browser.navigate(address)
    browser.wait_for(f"document.querySelectorAll('.opblock').length >= {operations}")
    opened = browser.rest()
    browser.evaluate(f"document.querySelector('#{operation} .opblock-summary-control').click()")
    browser.wait_for(EXPANDED.replace("OPERATION", operation))
    expanded = browser.rest()
    return opened - start, expanded - opened


def sample(page: Page, port: int) -> tuple[float, float]:
    """Measure a page in a new browser."""
    with open_browser() as browser:
        return measure(browser, f"http://127.0.0.1:{port}/docs", page.operation, page.operations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    rounds = parser.parse_args().rounds
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in PAGES}
    with serve(PAGES["workings"].app) as ours, serve(PAGES["plain"].app) as plain:
        ports = {"workings": ours, "plain": plain}
        for name, page in PAGES.items():  # warm up: the server generates its document once
            urllib.request.urlopen(f"http://127.0.0.1:{ports[name]}{page.document}").read()
        for _ in range(rounds):
            for name, page in PAGES.items():
                times[name].append(sample(page, ports[name]))
    print(f"{'':10} {'open':>8} {'expand':>8}   processor seconds, median of {rounds}")
    medians = {}
    for name, found in times.items():
        medians[name] = [statistics.median(column) for column in zip(*found, strict=True)]
        print(f"{name:10} {medians[name][0]:8.2f} {medians[name][1]:8.2f}")
    ratios = [ours / theirs for ours, theirs in zip(medians["workings"], medians["plain"], strict=True)]
    print(f"{'ratio':10} {ratios[0]:8.2f} {ratios[1]:8.2f}   at most 1.5 is wanted")


if __name__ == "__main__":
    main()
