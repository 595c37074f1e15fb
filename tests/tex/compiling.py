"""Documents in TeX, compiled."""

import re
import shutil
import subprocess
from pathlib import Path

PROGRAMS = ("pdflatex", "xelatex", "lualatex")
LETTERS = "".join(map(chr, range(0x20, 0x2800)))  # of Latin, Greek, signs and much that the fonts lack
OVERFULL = re.compile(r"^Overfull \\[hv]box \((\d+)\.\d+pt", re.MULTILINE)


class TexError(Exception):
    """A file does not compile; with TeX's own words."""


def find_programs() -> list[str]:
    """Return the compilers on this machine, pdfTeX first."""
    return [name for name in PROGRAMS if shutil.which(name)]


def compile_tex(text: str, folder: Path, program: str) -> int:
    """Write a PDF of a LaTeX file to a folder, as `document.pdf`.

    Returns by how many points its widest line is too wide. Raises TexError if there is an error.
    """
    (folder / "document.tex").write_text(text, encoding="utf-8")
    options = ("-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape")
    subprocess.run([program, *options, "document.tex"], cwd=folder, stdout=subprocess.DEVNULL, check=False)
    log = (folder / "document.log").read_text(encoding="utf-8", errors="replace")
    faults = [line for line in log.splitlines() if line.startswith("!")]
    if faults or not (folder / "document.pdf").exists():
        raise TexError(" ".join(faults) or log[-500:])
    return max(map(int, OVERFULL.findall(log)), default=0)
