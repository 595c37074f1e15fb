"""The commands that ask and grade, from files of every kind, here and over HTTP."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from click.testing import CliRunner, Result

from service.command import main
from service.commands import asking
from service.grading.envelopes.catalogue import CLASS_ENVELOPES, ENVELOPES

QUESTION = {"operation": "softmax", "x": [1, 2]}
RUBRIC = {"question": QUESTION, "marks": {"output": 2}}
RIGHT, WRONG = [0.2689, 0.7311], [0.5, 0.5]


def call(*words: object, sent: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=sent)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rubric.json").write_bytes(orjson.dumps(RUBRIC))
    (tmp_path / "rubric.yaml").write_text(
        "question:\n  operation: softmax\n  x: [1, 2]\nmarks: {output: 2}\n", encoding="utf-8"
    )
    (tmp_path / "s1.json").write_bytes(orjson.dumps({"output": RIGHT}))
    (tmp_path / "s2.yaml").write_text(f"answer:\n  output: {WRONG}\n", encoding="utf-8")
    (tmp_path / "class.ndjson").write_bytes(
        orjson.dumps({"id": "s1", "answer": {"output": RIGHT}}) + b"\n\n" + orjson.dumps({"output": WRONG})
    )
    (tmp_path / "class.csv").write_text(
        f'\ufeffid,output\ns1,"{RIGHT}"\ns2,"{WRONG}"\n../s3,?\ns4,\n', encoding="utf-8"
    )
    return tmp_path


def scores(result: Result) -> dict[str, Any]:
    lines = [orjson.loads(line) for line in result.stdout.splitlines()]
    return {line["id"]: line["items"][0]["score"] for line in lines}


@pytest.mark.parametrize("document", ['{"x": [0, 0], "select": ["output"]}', "x: [0, 0]\nselect: [output]"])
def test_a_question_is_asked_from_a_file(tmp_path: Path, document: str) -> None:
    file = tmp_path / ("question.json" if document.startswith("{") else "question.yml")
    file.write_text(document, encoding="utf-8")
    result = call("ask", "softmax", file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert orjson.loads(result.stdout)["values"] == {"output": [0.5, 0.5]}


def test_standard_input_keeps_digits_of_exact_numbers() -> None:
    digits = "0.1000000000000000000000000000000000001"
    result = call("ask", "linear", sent=f'{{"x": [[{digits}]], "w": [[1]], "arithmetic": "exact"}}')
    assert result.exit_code == 0
    numerator, denominator = orjson.loads(result.stdout)["values"]["output"][0][0].split("/")
    assert int(numerator) * 10**37 == int(denominator) * int(digits.removeprefix("0."))


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ((), "# Softmax\n"),
        (("--format", "tex"), "\\documentclass"),
        (("--output", "answer.html"), "<!doctype html>"),
        (("--output", "answer.tex"), "\\documentclass"),
        (("--output", "answer.html", "--format", "markdown"), "# Softmax\n"),
    ],
)
def test_an_answer_is_shown_as_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], start: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("show", "softmax", "-", *options, sent='{"x": [0, "log(3)"]}')
    assert result.exit_code == 0
    name = "" if "--output" not in options else options[options.index("--output") + 1]
    text = Path(name).read_text(encoding="utf-8") if name else result.stdout
    assert text.startswith(start)
    assert "0.75" in text


def test_yaml_infinities_are_numbers(tmp_path: Path) -> None:
    file = tmp_path / "question.yaml"
    file.write_text("x: [-.inf, 0]\nselect: [output]", encoding="utf-8")
    assert orjson.loads(call("ask", "softmax", file).stdout)["values"] == {"output": [0.0, 1.0]}


@pytest.mark.parametrize(
    ("words", "sent", "message"),
    [
        (("ask", "softmx"), "{}", "there is no computation of this name"),
        (("show", "softmax"), "{}", "/x: x is required"),
        (("show", "evaluate"), "{}", "evaluate answers in the form of a protocol"),
        (("ask", "softmax"), "{}", "/x: x is required"),
        (("ask", "softmax"), "{", "the body"),
        (("ask", "softmax", "nowhere.json"), "", "nowhere.json: No such file"),
        (("check", "-"), '{"question": {"operation": "softmx"}}', "/question/operation: "),
    ],
)
def test_refusals_are_errors_with_the_field(words: tuple[str, ...], sent: str, message: str) -> None:
    result = call(*words, sent=sent)
    assert result.exit_code == 1 and result.stdout == ""
    assert message in result.stderr and result.stderr.startswith("Error: ")


def test_text_has_a_line_for_each_value(folder: Path) -> None:
    (folder / "s5.txt").write_text("output = [0.2689, 0.7311]\n", encoding="utf-8")
    (folder / "s6.txt").write_text("[0.5, 0.5]", encoding="utf-8")  # the rubric has one name
    (folder / "s7.txt").write_text(" \n", encoding="utf-8")
    result = call("grade", folder / "rubric.json", *(folder / f"s{at}.txt" for at in (5, 6, 7)))
    assert (result.exit_code, scores(result)) == (0, {"s5": 2, "s6": 0, "s7": 0})
    (folder / "answered.json").write_bytes(orjson.dumps({**RUBRIC, "answer": {"output": RIGHT}}))
    refused = call("grade", folder / "answered.json", folder / "s5.txt")
    assert refused.exit_code == 1 and refused.stdout == ""
    assert refused.stderr.startswith("s5: comes from the submission")


def test_a_rubric_is_checked_and_varied(folder: Path) -> None:
    checked = orjson.loads(call("check", folder / "rubric.yaml").stdout)
    assert checked["max_score"] == 2 and checked["empty_score"] == 0
    sent = orjson.dumps({"question": QUESTION, "seed": 3, "count": 2}).decode()
    drawn = orjson.loads(call("variants", sent=sent).stdout)
    assert len(drawn["variants"]) == 2


@pytest.mark.parametrize("rubric", ["rubric.json", "rubric.yaml"])
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["s1.json", "s2.yaml"], {"s1": 2, "s2": 0}),
        (["class.ndjson"], {"s1": 2, "3": 0}),
        (["s2.yaml", "class.ndjson"], {"s2": 0, "s1": 2, "3": 0}),
    ],
)
def test_a_class_is_graded_from_files(
    folder: Path, rubric: str, files: list[str], expected: dict[str, int]
) -> None:
    result = call("grade", folder / rubric, *(folder / file for file in files))
    assert (result.exit_code, result.stderr) == (0, "")
    assert scores(result) == expected


def test_a_row_of_csv_is_a_student_and_an_empty_cell_no_answer(folder: Path) -> None:
    result = call("grade", folder / "rubric.json", folder / "class.csv")
    assert result.exit_code == 1  # one needs a person
    assert scores(result) == {"s1": 2, "s2": 0, "../s3": None, "s4": 0}


def test_columns_of_gradients(tmp_path: Path) -> None:
    rubric = {"question": QUESTION | {"upstream": {"output": [1, 0]}}, "gradient_marks": {"x": 1}}
    (tmp_path / "rubric.json").write_bytes(orjson.dumps(rubric))
    (tmp_path / "class.csv").write_text('id,gradients.x\ns1,"[0.1966, -0.1966]"\n', encoding="utf-8")
    result = call("grade", tmp_path / "rubric.json", tmp_path / "class.csv")
    assert scores(result) == {"s1": 1}


def test_files_of_output_stay_in_their_folder(folder: Path) -> None:
    output = folder / "new" / "results"
    result = call("grade", folder / "rubric.json", folder / "class.csv", "--output", output)
    assert result.exit_code == 1 and result.stdout == ""
    assert sorted(file.name for file in output.iterdir()) == [
        "%2E%2E%2Fs3.json", "s1.json", "s2.json", "s4.json"
    ]  # fmt: skip
    assert orjson.loads((output / "s1.json").read_bytes())["score"] == 2


@pytest.mark.parametrize("name", ENVELOPES)
def test_envelopes_are_those_of_the_service(folder: Path, name: str) -> None:
    result = call("grade", folder / "rubric.json", folder / "s1.json", "--envelope", name, "--output", folder)
    assert result.exit_code == 0
    grade = asking.choose_asker("")("grade", orjson.dumps(RUBRIC | {"answer": {"output": RIGHT}}))
    assert orjson.loads((folder / "s1.json").read_bytes()) == ENVELOPES[name].render(grade)


@pytest.mark.parametrize("name", CLASS_ENVELOPES)
def test_a_table_of_the_class(folder: Path, name: str) -> None:
    words = ("grade", folder / "rubric.json", folder / "class.csv", "--envelope", name)
    printed = call(*words)
    assert printed.exit_code == 1
    assert [row for row in csv.reader(io.StringIO(printed.stdout)) if "s2" in row[1] or "s2" in row[0]]
    assert call(*words, "--output", folder).stdout == ""
    written = (folder / f"{name}.csv").read_bytes().decode()
    assert written.splitlines() == printed.stdout.splitlines()


def test_statistics_are_on_standard_error(folder: Path) -> None:
    result = call("grade", folder / "rubric.json", folder / "class.csv", "--statistics")
    assert "4 graded, 1 for a person to look at, 0 refused" in result.stderr
    assert "mean 0.67, median 0.00" in result.stderr
    assert len(scores(result)) == 4


def test_a_refused_rubric_says_so_for_each_student(folder: Path) -> None:
    result = call("grade", folder / "s1.json", folder / "s2.yaml")
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("s2: ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "output\n1\n", "expected a column id"),
        ("a.csv", "id,output\ns1\n", "row 2 has another number of cells"),
        ("a.ndjson", "{}\n[", "expected JSON on line 2"),
        ("a.ndjson", "[1]", "expected an object on line 1; received a list"),
        ("a.json", "[1]", "expected an object; received a list"),
        ("a.json", "{\n", "breaks off at line"),
        ("a.yaml", "a: [1\nb: 2", "cannot be read at line 2"),
    ],
)
def test_files_that_cannot_be_read(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    result = call("grade", folder / "rubric.json", folder / name)
    assert result.exit_code == 1 and message in result.stderr


def test_an_unknown_envelope_lists_all(folder: Path) -> None:
    result = call("grade", folder / "rubric.json", folder / "s1.json", "--envelope", "excel")
    assert result.exit_code == 2
    assert all(name in result.stderr for name in (*ENVELOPES, *CLASS_ENVELOPES))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_a_service_elsewhere_is_asked(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    answers: list[httpx.Response | Exception] = []
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((str(request.url), request.content))
        came = answers.pop(0)
        if isinstance(came, Exception):
            raise came
        return came

    client = httpx.Client
    monkeypatch.setattr(
        httpx, "Client", lambda **options: client(**options | {"transport": httpx.MockTransport(answer)})
    )
    words = ("ask", "softmax", "--server", "http://workings.example")
    answers += [httpx.Response(503, headers={"retry-after": "2"}), httpx.Response(200, json={"values": {}})]
    assert orjson.loads(call(*words, sent='{"x": [1]}').stdout) == {"values": {}}
    assert asked == [("http://workings.example/v1/softmax", b'{"x": [1]}')] * 2
    assert waits == [2]
    answers += [httpx.Response(502, text="<html>")]
    assert "answered with status 502" in call(*words, sent="{}").stderr
    answers += [httpx.Response(200, text="<html>")]
    assert "expected JSON of a service" in call(*words, sent="{}").stderr
    answers += [httpx.ConnectError("refused")] * 4
    assert "cannot be reached (ConnectError)" in call(*words, sent="{}").stderr
    assert not answers
    answers += [httpx.Response(422, json={"errors": [{"pointer": "/x", "message": "is required"}]})]
    assert "Error: /x: is required" in call(*words, sent="{}").stderr


def test_help_explains_files_and_exit_codes() -> None:
    text = call("grade", "--help").output
    assert "NDJSON" in text and "CSV" in text and "Exit codes: 0" in text
    for command in ("ask", "check", "grade", "mcp", "serve", "variants"):
        assert f"\n  {command} " in call("--help").output
