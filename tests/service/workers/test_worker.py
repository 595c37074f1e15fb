"""A worker's memory, and its imports."""

import resource
import subprocess
import sys

from service.workers.memory import PEAK_UNIT, resident_bytes


def test_resident_bytes_are_at_most_the_peak() -> None:
    """The system counts the peak, which may start with the parent's memory."""
    assert 2**20 < resident_bytes() <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT * 1.01


LOADED = """
import io, json, sys
from service.workers import exact, worker
server = worker.Server(exact.Exact(), io.BytesIO(), io.BytesIO())
server.work.prepare({"plan_bytes": 2**20}, server.interrupts)
before = set(sys.modules)
header = {"name": "graph", "memory": 2**30, "seconds": 60, "lines": False, "request_id": "one"}
header |= {"is_gzipped": False, "accepts_gzip": False}
body = {"program": ["y = exp(x) + relu(x)"], "inputs": {"x": "a"}, "arithmetic": "exact"}
content = server.answer(header, json.dumps(body).encode())
assert set(json.loads(content.body)["values"]) == {"y"}, content
print(sorted(name for name in set(sys.modules) - before if name.split(".")[0] in {"compute", "service"}))
"""


def test_no_module_of_ours_is_loaded_within_a_question() -> None:
    """Compiled with little memory left, it fails with an unrelated error."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
