"""Predicted work: operations as a measure of the time that one core takes.

`compute.readings.cost` counts the arithmetic that courses count. Work counts what a run really does: every
entry read or written, every matrix of a product, every iteration of a loop. The limit on it
(`WORKINGS_MAX_WORK`) assumes `RATE` of these operations per second: the default of 20e9 is about 20 seconds.
The numbers below were measured; `python -m benchmarks.predicted_work` compares predictions with measured
time.
"""

from compute.dimensions import Shape, product

RATE = 1_000_000_000
CALL = 1_500  # one call of a NumPy function on few entries, with the Python around it
STEP = 4_000  # one step of a run: its rule, the calls that most rules make, and a check of the result
ENTRY = 4  # one entry computed or copied; exponentials take twice as much, additions a quarter
MATRIX = 300  # one matrix of a product of stacks of matrices
WRITTEN = 50  # one number of an answer as text, hashed and compressed
NAMED = 20_000  # one array of an answer: its name, formula, shape and place in the body


def count_entries(shape: Shape) -> int:
    """Return the number of entries of an array; 0 if a size is symbolic, since nothing is computed then."""
    size = product(shape)
    return size if isinstance(size, int) else 0


def copy_work(*shapes: Shape) -> int:
    """Return the work of computing or copying all entries of arrays of these shapes once."""
    return ENTRY * sum(map(count_entries, shapes))


def matmul_work(shape: Shape, inner: int) -> int:
    """Return the work of a batched matrix product with a result of this shape and `inner` terms per entry."""
    entries = count_entries(shape)
    return entries * (inner + ENTRY) + MATRIX * count_entries(shape[:-2])
