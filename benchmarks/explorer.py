"""The explorer: processor time to open it beside the API page, and to redraw after a slider moves.

`python -m benchmarks.explorer [rounds]`, with Chromium on the machine and `pip install -e '.[test]'`. Each
opening has a new browser without a cache; the two pages take turns.
"""

import argparse
import gzip
import statistics
from importlib.resources import files

from benchmarks.servers import serve
from tests.browser.driver import Browser, open_browser

READY = {
    "/": "document.querySelector('[aria-label=Answer] table') && document.querySelector('.question .group')",
    "/docs": "document.querySelectorAll('.opblock').length >= 60",
}
MOVES = 40
# The time from the event of a slider until the new answer is in the page and drawn.
REDRAW = """(async () => {
    const slider = document.querySelector("[aria-label='slider of scale']");
    const place = document.querySelector("[aria-label=Answer]");
    const times = [];
    for (let move = 1; move <= MOVES; move += 1) {
        const began = performance.now();
        const drawn = new Promise(done => {
            const observer = new MutationObserver(() => {
                observer.disconnect();
                requestAnimationFrame(() => setTimeout(done));
            });
            observer.observe(place, {childList: true, characterData: true, subtree: true});
        });
        slider.value = String(move / 20);
        slider.dispatchEvent(new Event("input", {bubbles: true}));
        await drawn;
        times.push(performance.now() - began);
    }
    return times;
})()"""


def measure_opening(browser: Browser, address: str, path: str) -> float:
    """Return the processor seconds to open a page until it can be used: all of it is there."""
    start = browser.rest()
    browser.navigate(address + path)
    browser.wait_for(READY[path])
    return browser.processor_seconds() - start


def measure_redraws(browser: Browser, address: str) -> list[float]:
    """Return the milliseconds of redraws of the first question, which is that of an exam."""
    browser.navigate(f"{address}/")
    browser.wait_for(READY["/"])
    browser.rest()
    times: list[float] = browser.evaluate(REDRAW.replace("MOVES", str(MOVES)))
    return times


def weigh() -> int:
    """Return the bytes of all files of the page, compressed."""
    folders = [
        files("service.explorer").joinpath("static"),
        files("service.explorer").joinpath("static/vendor"),
    ]
    scripts = [file for folder in folders for file in folder.iterdir() if file.is_file()]
    return sum(
        len(gzip.compress(file.read_bytes()))
        for file in scripts
        if file.name.endswith((".js", ".css", ".html"))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    rounds = parser.parse_args().rounds
    opened: dict[str, list[float]] = {path: [] for path in READY}
    with serve("service.app:app") as port:
        address = f"http://127.0.0.1:{port}"
        for _ in range(rounds + 1):  # the first warms the server up
            for path, times in opened.items():
                with open_browser() as browser:
                    times.append(measure_opening(browser, address, path))
        with open_browser() as browser:
            redraws = measure_redraws(browser, address)
    explorer, page = (statistics.median(times[1:]) for times in opened.values())
    print(
        f"open: explorer {explorer:.2f} processor seconds, API page {page:.2f}, ratio {explorer / page:.2f}"
    )
    print(
        f"redraw after a slider moves: median {statistics.median(redraws):.0f} ms,"
        f" 9 of 10 within {statistics.quantiles(redraws, n=10)[-1]:.0f} ms; 50 ms are wanted"
    )
    print(f"scripts, styles and page: {weigh() / 1000:.0f} kB compressed; at most 300 kB are wanted")


if __name__ == "__main__":
    main()
