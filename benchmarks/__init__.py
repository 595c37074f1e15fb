"""Benchmarks against alternatives a user would write. See README.md for usage and results."""

import os

# NumPy reads the number of threads when it is loaded, which every benchmark does after this.
THREADS = os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
