"""Workings beside what one would write instead. How to run it and what came out: README.md."""

import os

# NumPy reads the number of threads when it is loaded, which every benchmark does after this.
THREADS = os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
