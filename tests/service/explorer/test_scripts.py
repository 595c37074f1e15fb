"""The scripts that read tensors and addresses and write code, run by Node.js."""

import json
import shlex
import subprocess
from importlib.resources import files
from typing import Any
from unittest.mock import Mock

import pytest

from tests.nodejs import find_node

STATIC = files("service.explorer").joinpath("static")


def run(module: str, expression: str, *arguments: object) -> Any:
    """Return the value of an expression in which `m` is a module and `a` the arguments."""
    script = (
        f"import * as m from {json.dumps(f'{STATIC}/{module}')};\nconst a = {json.dumps(arguments)};\n"
        f"console.log(JSON.stringify(await ({expression}) ?? null));"
    )
    command = [find_node(), "--input-type=module", "--eval", script]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


PASTED: list[tuple[str, Any]] = [
    ("[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
    ("np.array([[1., -2.5e-3], [3, 4]], dtype=np.float64)", [[1, -0.0025], [3, 4]]),
    ("tensor([[1., 2.]], requires_grad=True)", [[1, 2]]),
    ("[[1 2]\n [3 4]]", [[1, 2], [3, 4]]),
    ("array([1., nan, -inf])", [1, "NaN", "-Infinity"]),
    ("((1, 2), (3, 4))", [[1, 2], [3, 4]]),
    ("1\t2\n3\t4\n", [[1, 2], [3, 4]]),
    ("1;2\n3;4", [[1, 2], [3, 4]]),
    ("1, 2, 3", [1, 2, 3]),
    ("0.5 1/3\r\nsqrt(2) -1", [[0.5, "1/3"], ["sqrt(2)", -1]]),
    ("[True, False]", [True, False]),
    ("['2*sqrt(2)', 1]", ["2*sqrt(2)", 1]),
    ("[sqrt(2), 1]", ["sqrt(2)", 1]),
    ("−3", -3),
    ("[[1, 2], [3]]", None),
    ("[1, 2", None),
    ("[]", None),
    ("", None),
    ("1] [2", "1] [2"),
    ("<b>x</b>", "<b>x</b>"),
]


def test_pasted_texts_are_read_as_tensors() -> None:
    texts = [text for text, _ in PASTED]
    read = run("tensors.js", "a[0].map((text) => m.parseTensor(text))", texts)
    for (text, expected), found in zip(PASTED, read, strict=True):
        if isinstance(expected, str):
            continue  # one entry of text, which the service refuses or reads
        assert found == expected, text


def test_tensors_are_resized_and_changed_in_a_copy() -> None:
    assert run("tensors.js", "m.resize([[1, 2], [3, 4]], 3, 1)") == [[1], [3], [0]]
    assert run("tensors.js", "m.resize([[true]], 1, 2)") == [[True, False]]
    assert run("tensors.js", "m.resize([1, 2], 1, 3)") == [1, 2, 0]
    assert run("tensors.js", "m.resize([[[1]], [[2]]], 1, 2)") == [[[1, 0]], [[2, 0]]]
    changed = run("tensors.js", "(() => {const t = [[1, 2]]; return [m.replaceEntry(t, [0, 1], 5), t]})()")
    assert changed == [[[1, 5]], [[1, 2]]]
    assert run("tensors.js", "m.shapeOf([[1, 2], [3]])") is None
    assert run("tensors.js", "m.listMatrices([[[1]], [[2]]]).map(({index}) => index)") == [[0], [1]]


def test_an_address_holds_the_whole_question() -> None:
    question = {"endpoint": "graph", "request": {"program": ["y = x<1 & \"é\" '#'"], "inputs": {"x": [[1]]}}}
    read = "m.writeAddress(a[0]).then((text) => m.readAddress(text).then((back) => [text, back]))"
    text, back = run("address.js", read, question)
    assert back == question
    assert set(text) <= set("#ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert run("address.js", "m.readAddress('#self_attention')") == {
        "endpoint": "self_attention",
        "request": None,
    }
    for broken in ("", "#", "#<script>", "#AAAA%", "#../../x"):
        assert run("address.js", "m.readAddress(a[0])", broken) is None, broken


@pytest.mark.parametrize("text", ["it's", '"quoted"', "a\\b", "$(id)", "`id`", "é\n"])
def test_copied_code_sends_the_same_question(text: str) -> None:
    request = {"program": [text], "flag": True, "none": None, "inputs": {text: [[1, 0.5], [-1, 2]]}}
    snippets = run("snippets.js", "m.writeSnippets('http://localhost:1/a/', a[0])", {
        "endpoint": "graph", "request": request,
    })  # fmt: skip
    words = shlex.split(snippets["curl"])
    assert words[:3] == ["curl", "-s", "http://localhost:1/a/v1/graph"]
    assert json.loads(words[-1]) == request
    post = Mock()
    exec(compile(snippets["Python"].replace("import httpx", ""), "snippet", "exec"), {"httpx": post})
    post.post.assert_called_once_with("http://localhost:1/a/v1/graph", json=request)
    written = json.dumps(request, ensure_ascii=False, separators=(",", ":"))
    assert f"body: JSON.stringify({written})" in snippets["JavaScript"]
