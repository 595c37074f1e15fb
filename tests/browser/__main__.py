"""Compare pages with stored pictures: `python -m tests.browser [name ...] [--write]`, or `make screenshots`.

Fonts differ between machines, so that this is no part of the suite: run it with `--write` before a change of
the looks of pages, and without after it. What differs is put beside what is stored, in the folder printed.
"""

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from tests.browser.driver import Browser, open_browser
from tests.browser.kinds import read_kinds
from tests.service.servers import UVICORN, serving

STORED = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 800, 1200  # the most that is kept of a page
COLORS = 32  # as far apart as can be, so that small marks keep theirs
SCALE = 4  # pixels of a side that are compared as one, so that the edges of letters do not count
LEVEL, SHARE = 24, 0.01  # of 255 that a color may differ, and of the pixels that may differ more
LOOKS = ("light", "dark", "print")
IN_OTHER_LOOKS = ("000_0_1_1",)  # examples that are shown in all looks


def take_pictures(browser: Browser, address: str, names: list[str]) -> dict[str, Image.Image]:
    """Return pictures of documents by their names: all, or those of the examples named."""
    pictures = {}
    for name, example in read_kinds().items():
        if names and name not in names:
            continue
        for look in LOOKS if name in IN_OTHER_LOOKS else LOOKS[:1]:
            browser.set_size(WIDTH, 600)
            browser.set_media("dark" if look == "dark" else "light", "print" if look == "print" else "screen")
            browser.open(f"{address}{example['path']}?format=html", example["request"])
            png = browser.take_screenshot(HEIGHT)
            title = name if look == LOOKS[0] else f"{name}_{look}"
            pictures[title] = Image.open(io.BytesIO(png)).convert("RGB")
    return pictures


def compare_pictures(one: Image.Image, other: Image.Image) -> float:
    """Return the share of the pixels that differ, of pictures that may differ a little in height."""
    height = max(one.height, other.height)
    small = []
    for picture in (one, other):
        whole = Image.new("RGB", (WIDTH, height))
        whole.paste(picture.convert("RGB"))
        small.append(whole.reduce(SCALE))
    apart = ImageChops.difference(*small).convert("L").point(lambda level: 255 * (level > LEVEL))
    share: float = apart.histogram()[255] / (apart.width * apart.height)
    return share


def main() -> None:
    """Compare or store pictures; end with 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="examples; all by default")
    parser.add_argument("--write", action="store_true", help="store the pictures anew")
    arguments = parser.parse_args()
    with open_browser() as browser, serving(UVICORN, workers=0, exact_workers=1) as port:
        browser.watch()
        pictures = take_pictures(browser, f"http://127.0.0.1:{port}", arguments.names)
    if arguments.write:
        STORED.mkdir(exist_ok=True)
        for name, picture in pictures.items():
            picture.quantize(COLORS, Image.Quantize.MAXCOVERAGE).save(STORED / f"{name}.png", optimize=True)
        print(
            f"{len(pictures)} stored, {sum(file.stat().st_size for file in STORED.iterdir()):,} bytes in all"
        )
        return
    folder = Path(tempfile.mkdtemp(prefix="pictures_"))
    differing = 0
    for name, picture in pictures.items():
        file = STORED / f"{name}.png"
        share = compare_pictures(Image.open(file), picture) if file.exists() else 1.0
        if share > SHARE:
            differing += 1
            picture.save(folder / file.name)
            print(f"{name}: {share:.1%} differs, {folder / file.name} is what it looks like now")
    print(f"{len(pictures) - differing} of {len(pictures)} look as they did")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
