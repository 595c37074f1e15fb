"""Compile the documents of all examples and hostile texts: `python -m tests.tex [name ...]`, or `make tex`.

Each compiler on the machine is tried with the first document, and pdfTeX, or the first there is, with all.
`--keep FOLDER` keeps the PDFs there.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from service.settings import Settings
from tests.conftest import Client
from tests.service.pages.documents import HOSTILE, grade_hostile, read_examples
from tests.tex.compiling import TexError, compile_tex, find_programs

WIDEST = 5  # points that a line may be too wide, except with hostile text
AT_ONCE = 2


def write_documents(names: list[str]) -> dict[str, str]:
    """Return documents in TeX by the names of their examples: all, or those named."""
    questions = {name: (example["path"], example["request"]) for name, example in read_examples()}
    for place, text in enumerate(HOSTILE):
        questions[f"hostile_{place}"] = ("/v1/grade", grade_hostile(text))
    written = {}
    with asyncio.Runner() as runner:
        client = Client(runner, Settings(workers=0, exact_workers=1))
        try:
            for name in names or questions:
                path, question = questions[name]
                response = client.post(f"{path}?format=tex", json=question)
                assert response.status_code == 200, response.text
                written[name] = response.text
        finally:
            client.close()
    return written


def main() -> None:
    """Compile documents; end with 1 if one does not compile or is too wide."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="examples; all by default")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the PDFs are put")
    arguments = parser.parse_args()
    programs = find_programs()
    if not programs:
        sys.exit("expected LaTeX: on Debian, texlive-latex-recommended and lmodern")
    documents = write_documents(arguments.names)

    def compile_one(job: tuple[str, str]) -> str:
        name, program = job
        with tempfile.TemporaryDirectory() as folder:
            try:
                excess = compile_tex(documents[name], Path(folder), program)
            except TexError as error:
                return f"{name}, {program}: {error}"
            if arguments.keep is not None:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path(folder) / "document.pdf", arguments.keep / f"{name}.pdf")
        is_wide = excess > WIDEST and not name.startswith("hostile")
        return f"{name}, {program}: {excess} points wider than the page" if is_wide else ""

    jobs = [(name, programs[0]) for name in documents]
    jobs += [(next(iter(documents)), program) for program in programs[1:]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        faults = list(filter(None, pool.map(compile_one, jobs)))
    print("\n".join([*faults, f"{len(jobs) - len(faults)} of {len(jobs)} compile"]))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
