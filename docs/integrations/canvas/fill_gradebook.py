"""Fill in the scores of an assignment in an export of Canvas's gradebook, for an import.

workings grade rubric.json answers.csv | python fill_gradebook.py export.csv "Homework 1" > import.csv

Only the columns about students and the one of the assignment are written, so that an import changes nothing
else. A cell stays as it was exported if a person has to look at the answer, if there is none, and if the
student is excused. Standard error lists these students; the exit code is then 1.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NOT_ASSIGNED = ("EX", "N/A")  # excused, and not assigned to this student
WITH_ID = re.compile(r"(.*) \(\d+\)")  # the title of an assignment and its id in Canvas


def read_grades(lines: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the grades that `workings grade` writes, by the id of the student."""
    grades: dict[str, dict[str, Any]] = {}
    for line in filter(str.strip, lines):
        grade = json.loads(line)
        if grade["id"] in grades:
            raise SystemExit(f"expected one answer of each student; received two of {grade['id']}")
        grades[grade["id"]] = grade
    return grades


def find_assignment(header: list[str], assignment: str) -> int:
    """Return the place of the only column with this title, with or without its id in brackets."""
    places = []
    for place, title in enumerate(header):
        match = WITH_ID.fullmatch(title)
        if assignment in (title, match and match[1]):
            places.append(place)
    if len(places) != 1:
        raise SystemExit(f"expected one column {assignment!r} in the export; found {len(places)}")
    return places[0]


def fill(
    rows: list[list[str]], assignment: str, grades: dict[str, dict[str, Any]]
) -> tuple[list[list[str]], dict[str, str]]:
    """Return the rows for an import, and the reasons why students have no new score, by id."""
    header = rows[0] if rows else []
    if not {"ID", "Section"} <= {*header}:
        raise SystemExit("expected an export of Canvas's gradebook, with columns ID and Section")
    student, section, column = (
        header.index("ID"),
        header.index("Section"),
        find_assignment(header, assignment),
    )
    reasons = dict.fromkeys(grades, "not in the export")
    filled = []
    for row in rows:
        id_, cell = row[student], row[column]
        if row[0].strip() == "Points Possible":
            check_points(cell, grades)
        elif id_ and row is not header:  # a row without an id says which assignments are hidden
            reasons[id_] = find_reason(cell, grades.get(id_))
            cell = cell if reasons[id_] else str(grades[id_]["score"])
        filled.append([*row[: section + 1], cell])
    return filled, {id_: reason for id_, reason in reasons.items() if reason}


def find_reason(cell: str, grade: dict[str, Any] | None) -> str:
    """Return the reason why a cell stays as it is; empty if the score is written."""
    if grade is None:
        return "no grade"
    if cell.strip() in NOT_ASSIGNED:
        return f"marked {cell.strip()} in the gradebook"
    return "" if grade["gradable"] else "a person has to look"


def check_points(cell: str, grades: dict[str, dict[str, Any]]) -> None:
    """Raise SystemExit unless the assignment has as many points as the rubric."""
    try:
        points = float(cell.replace(",", "."))
    except ValueError:
        points = None
    for grade in grades.values():
        if points != grade["max_score"]:
            raise SystemExit(
                f"expected {grade['max_score']} possible points in the export; found {cell or 'none'}"
            )


def main() -> None:
    """Read an export, and grades from standard input, and write the file for the import."""
    if len(sys.argv) != 3:
        raise SystemExit("expected an export of the gradebook, and the title of an assignment")
    text = Path(sys.argv[1]).read_text(encoding="utf-8-sig")
    first = text.partition("\n")[0]
    # Canvas separates by semicolons where numbers have a comma.
    separator = ";" if first.count(";") > first.count(",") else ","
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    filled, reasons = fill(rows, sys.argv[2], read_grades(sys.stdin))
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator).writerows(filled)
    sys.stdout.buffer.write(written.getvalue().encode())
    for id_, reason in reasons.items():
        print(f"{id_}: {reason}", file=sys.stderr)
    sys.exit(1 if reasons else 0)


if __name__ == "__main__":
    main()
