"""What a worker knows of itself."""

import resource
import subprocess
import sys

from service.workers.worker import KIB, _most_held


def test_what_it_has_held_is_no_more_than_the_system_counts() -> None:
    """The system's count may begin with what the parent held, and so may be more, but never less."""
    assert 2**20 < _most_held() <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB * 1.01


LOADED = """
import io, json, sys
from service.workers import worker
worker.EXACT_WORK.is_done_here = True
worker._warm_up()
before = set(sys.modules)
header = {"name": "graph", "memory": 2**30, "lines": False, "request_id": "one"}
body = {"program": ["y = exp(x) + relu(x)"], "inputs": {"x": "a"}, "arithmetic": "exact"}
answer = worker._answer(header, json.dumps(body).encode(), io.BytesIO())
assert set(json.loads(answer)["values"]) == {"y"}, answer
print(sorted(name for name in set(sys.modules) - before if name.split(".")[0] in {"compute", "service"}))
"""


def test_no_module_of_ours_is_loaded_within_the_bound_of_a_question() -> None:
    """Compiled where memory is short, it fails with an error that says nothing of memory."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
