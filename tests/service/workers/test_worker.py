"""What a worker knows of itself."""

import resource
import subprocess
import sys

from service.workers.memory import PEAK_UNIT, resident_bytes


def test_what_it_holds_is_no_more_than_the_system_counts() -> None:
    """The system's count is of the most, and may begin with what the parent held."""
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


def test_no_module_of_ours_is_loaded_within_the_bound_of_a_question() -> None:
    """Compiled where memory is short, it fails with an error that says nothing of memory."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
