"""The user and the time of an LTI score: taken from the request, validated, and never made up."""

from typing import Any

import pytest
from httpx import Response
from jsonschema import Draft202012Validator

from tests.conftest import Client, errors
from tests.service.grading.envelopes.grades import PROGRAM
from tests.service.grading.envelopes.schemas import LTI_AGS

GRADE: dict[str, Any] = {"question": PROGRAM, "answer": {"z": [2, 4]}, "marks": {"z": 2}}
USER = "https://platform.example/users/5323497"
TIME = "2026-01-31T12:00:00.000+01:00"
TYPE = "application/vnd.workings.lti-ags+json"


def ask(client: Client, envelope: str = "lti_ags", **fields: Any) -> Response:
    return client.post(f"/v1/grade?envelope={envelope}", json={**GRADE, **fields})


def test_a_score_has_the_user_and_the_time_of_the_request(client: Client) -> None:
    score = ask(client, user_id=USER, timestamp=TIME).json()
    assert score == {
        "userId": USER, "timestamp": TIME, "activityProgress": "Completed", "gradingProgress": "FullyGraded",
        "scoreGiven": 2, "scoreMaximum": 2, "comment": "z: Right.",
    }  # fmt: skip
    required = ["userId", "timestamp", "activityProgress", "gradingProgress"]
    Draft202012Validator({**LTI_AGS, "required": required}).validate(score)
    by_type = client.post(
        "/v1/grade", json={**GRADE, "user_id": USER, "timestamp": TIME}, headers={"accept": TYPE}
    )
    assert by_type.json() == score


@pytest.mark.parametrize("fields", [{}, {"user_id": None}, {"user_id": USER}, {"timestamp": TIME}])
def test_what_the_request_does_not_name_is_not_filled_in(client: Client, fields: dict[str, Any]) -> None:
    whole = ask(client, user_id=USER, timestamp=TIME).json()
    kept = {"user_id": "userId", "timestamp": "timestamp"}
    left_out = {kept[name] for name in kept if fields.get(name) is None}
    assert ask(client, **fields).json() == {name: one for name, one in whole.items() if name not in left_out}


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-01-31T12:00:00Z", "2024-02-29T23:59:59.999999999Z", "2026-01-31T12:00:00.5-23:59",
        "2026-01-31T00:00:00+00:00",
    ],
)  # fmt: skip
def test_times_are_answered_as_they_are_written(client: Client, timestamp: str) -> None:
    assert ask(client, timestamp=timestamp).json()["timestamp"] == timestamp


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timestamp", "2026-01-31T12:00:00"),  # no time zone
        ("timestamp", "2026-01-31"), ("timestamp", "2026-02-30T12:00:00Z"),
        ("timestamp", "0000-01-01T00:00:00Z"),
        ("timestamp", "2026-01-31T24:00:00Z"), ("timestamp", "2026-01-31 12:00:00Z"), ("timestamp", ""),
        ("timestamp", "2026-01-31T12:00:00Z\n"),
        ("timestamp", "٢026-01-31T12:00:00Z"), ("timestamp", 1769857200),
        ("user_id", ""), ("user_id", "a" * 256), ("user_id", "é"), ("user_id", "a\n"), ("user_id", 7),
        ("user_id", ["zzqy"]),
    ],
)  # fmt: skip
def test_others_are_refused_where_they_are(client: Client, field: str, value: Any) -> None:
    response = ask(client, **{field: value})
    assert response.status_code == 422
    assert errors(response).keys() == {f"/{field}"}
    assert "zzqy" not in response.text


def test_errors_of_the_grade_stay_where_they_are(client: Client) -> None:
    assert errors(ask(client, user_id=USER, marks={"zz": 1})).keys() == {"/marks/zz"}
    assert errors(ask(client, user_ids=USER)).keys() == {"/user_ids"}


@pytest.mark.parametrize("path", ["/v1/grade", "/v1/grade?envelope=gradescope", "/v1/grade/check"])
@pytest.mark.parametrize("field", ["user_id", "timestamp"])
def test_only_this_envelope_takes_them(client: Client, path: str, field: str) -> None:
    response = client.post(path, json={**GRADE, field: TIME})
    assert errors(response).keys() == {f"/{field}"}
