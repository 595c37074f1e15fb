# A combinator template grader: CodeRunner runs it for each answer. rubric.json is a support file.
import json
import os
import subprocess
from pathlib import Path

ANSWER = """{{ STUDENT_ANSWER | e('py') }}"""  # text: it is written to a file, and never executed

command = os.environ.get("GRADER", "workings")
words = [command, "grade", "rubric.json", "answer.txt", "--envelope", "coderunner", "--output", "."]
try:
    Path("answer.txt").write_text(ANSWER, encoding="utf-8")
    subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    outcome = json.loads(Path("answer.json").read_text(encoding="utf-8"))
except (OSError, ValueError, subprocess.TimeoutExpired):
    text = "<p>This answer could not be graded. A person has to look at it.</p>"
    outcome = {"showoutputonly": True, "prologuehtml": text, "graderstate": "needs_a_person"}
print(json.dumps(outcome))
