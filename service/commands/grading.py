"""Grade the answers of a class, and show statistics."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import orjson

from compute.errors import QuestionErrors
from service.arrays import pack_arrays
from service.commands.asking import Asker, choose_asker
from service.commands.documents import Submission
from service.exceptions import Problem
from service.grading.batches.statistics import Summary
from service.grading.envelopes.catalogue import CLASS_ENVELOPES, ENVELOPES
from service.grading.envelopes.declaration import write_table
from service.grading.protocols.submissions import fill

FOUND, PROBLEMS = 0, 1  # exit codes
BAR = 20  # characters of the longest bar of a histogram


def check_envelope(name: str) -> None:
    """Raise BadParameter unless an envelope has this name."""
    known = [*ENVELOPES, *CLASS_ENVELOPES]
    if name and name not in known:
        raise click.BadParameter(f"expected one of: {', '.join(known)}", param_hint="'--envelope'")


def grade_class(
    rubric: dict[str, Any],
    submissions: Iterable[Submission],
    *,
    envelope: str,
    output: Path | None,
    server: str,
    statistics: bool,
) -> int:
    """Grade submissions and write their grades. Returns the exit code.

    envelope: the name of a platform's form; empty for the grades themselves.
    output: a folder for one file a student; None for lines on standard output.
    """
    check_envelope(envelope)
    listed, summary = list(submissions), Summary()
    graded: list[tuple[str, Mapping[str, Any]]] = []
    exit_code = FOUND
    with _progress(listed) as bar:
        for submission, grade, problem in _grade_all(choose_asker(server), rubric, bar):
            if grade is None:
                exit_code, summary.failed = PROBLEMS, summary.failed + 1
                click.echo(f"{submission.id}: {problem}", err=True)
                continue
            exit_code = exit_code if grade["gradable"] else PROBLEMS
            summary.add(submission.id, grade)
            if envelope in CLASS_ENVELOPES:
                graded.append((submission.id, grade))
            else:
                document = ENVELOPES[envelope].render(grade) if envelope else grade
                _write(submission.id, document, output)
    if graded:
        _write_table(envelope, graded, output)
    if statistics:
        click.echo(format_statistics(summary.describe()), err=True)
    return exit_code


def _progress(listed: list[Submission]) -> AbstractContextManager[Iterable[Submission]]:
    if not sys.stderr.isatty():
        return nullcontext(listed)
    return click.progressbar(listed, label="Grading", show_pos=True, file=sys.stderr)


def _grade_all(
    ask: Asker, rubric: dict[str, Any], submissions: Iterable[Submission]
) -> Iterator[tuple[Submission, dict[str, Any] | None, str]]:
    """Yield each submission with its grade, or with the reason why it has none."""
    for submission in submissions:
        try:
            body = orjson.dumps(pack_arrays(_fill(rubric, submission)))
            yield submission, ask("grade", body), ""
        except (Problem, QuestionErrors) as problem:
            yield submission, None, str(problem)


def _fill(rubric: dict[str, Any], submission: Submission) -> dict[str, Any]:
    """Return a rubric with a student's answers; those of an exam are by the name of a question.

    Raises QuestionErrors if text is submitted to a rubric that has answers itself.
    """
    if submission.text is not None:
        return fill(rubric, submission.text.strip())  # a blank answer is none
    answers, questions = submission.fields.get("questions"), rubric.get("questions")
    if not isinstance(answers, dict) or not isinstance(questions, list):
        return {**rubric, **submission.fields}
    return {**rubric, "questions": [{**each, **answers.get(each.get("name"), {})} for each in questions]}


def _write(name: str, document: Any, output: Path | None) -> None:
    if output is None:
        line = {"id": name, **document} if isinstance(document, dict) else {"id": name, "grade": document}
        click.echo(orjson.dumps(line).decode())
        return
    output.mkdir(parents=True, exist_ok=True)
    # An id is a name of a file, and never a path.
    file = output / f"{quote(name, safe=' ').replace('.', '%2E')}.json"
    file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _write_table(envelope: str, graded: list[tuple[str, Mapping[str, Any]]], output: Path | None) -> None:
    text = write_table(CLASS_ENVELOPES[envelope], "Workings", graded)
    if output is None:
        click.echo(text, nl=False)
        return
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{envelope}.csv").write_text(text, encoding="utf-8", newline="")


def format_statistics(summary: Mapping[str, Any]) -> str:
    """Return the statistics of a class as a table for a terminal."""
    scores = summary["scores"]
    lines = [
        f"{summary['count']} graded, {summary['ungradable']['count']} for a person to look at,"
        f" {summary['failed']} refused"
    ]
    if scores["count"]:
        lines += [f"mean {scores['mean']:.2f}, median {_format(scores['median'])}", "", "marks"]
        most = max(scores["histogram"])
        for place, count in enumerate(scores["histogram"]):
            bar = "#" * round(BAR * count / most)
            lines.append(f"{10 * place:4} to {10 * place + 10:3} %  {count:6}  {bar}".rstrip())
        width = max(len(item["name"]) for item in summary["items"])
        lines += ["", f"{'item':{width}}    mean  of marks  discrimination"]
        for item in summary["items"]:
            lines.append(
                f"{item['name']:{width}}  {item['mean']:6.2f}  {item['max_score']:8.2f}"
                f"  {_format(item['discrimination']):>14}"
            )
    if summary["misconceptions"]:
        lines += ["", "mistakes"]
        lines += [f"{one['count']:6}  {one['code']}" for one in summary["misconceptions"]]
    return "\n".join(lines)


def _format(number: float | None) -> str:
    return "-" if number is None else f"{number:.2f}"
