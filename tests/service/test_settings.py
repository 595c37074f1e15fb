"""Settings are checked at the start: names, bounds, and contradictions."""

from typing import Any

import pytest
from pydantic import ValidationError

from service.settings import Settings


def refusals(**values: Any) -> dict[str, str]:
    """Return the message for each invalid setting."""
    with pytest.raises(ValidationError) as caught:
        Settings(**values)
    return {str(one["loc"][0]): one["msg"] for one in caught.value.errors()}


@pytest.mark.parametrize(
    ("variable", "field", "message"),
    [
        ("WORKINGS_INLINE_BITES", "inline_bites", "; did you mean WORKINGS_INLINE_BYTES?"),
        ("WORKINGS_max_body_byte", "max_body_byte", "; did you mean WORKINGS_MAX_BODY_BYTES?"),
        ("workings_MaxBodyBytes", "maxbodybytes", "; did you mean WORKINGS_MAX_BODY_BYTES?"),
        ("WORKINGS_PORT", "port", "; `workings serve` takes it as --port"),
        ("WORKINGS_SOMETHING_ELSE", "something_else", ""),
        ("WORKINGS_", "", ""),
    ],
)
def test_unknown_names(monkeypatch: pytest.MonkeyPatch, variable: str, field: str, message: str) -> None:
    monkeypatch.setenv(variable, "8000")
    assert refusals() == {field: f"there is no setting of this name{message}"}


def test_all_errors_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKINGS_QUEU", "3")
    monkeypatch.setenv("WORKINGS_WORKERS", "many")
    monkeypatch.setenv("WORKINGS_CORS_ORIGINS", '["*", 1]')
    assert refusals(exact_seconds=0) == {
        "queu": "there is no setting of this name",
        "workers": "Input should be a valid integer, unable to parse string as an integer",
        "cors_origins": "Input should be a valid string",
        "exact_seconds": "Input should be greater than 0",
    }


def test_variables_of_an_orchestrator_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "tcp://10.0.0.1:8000"
    variables = {
        "WORKINGS_SERVICE_HOST": "10.0.0.1", "WORKINGS_SERVICE_PORT": "8000",
        "WORKINGS_SERVICE_PORT_HTTP": "8000", "WORKINGS_PORT": address, "WORKINGS_PORT_8000_TCP": address,
        "WORKINGS_PORT_8000_TCP_PROTO": "tcp", "WORKINGS_PORT_8000_TCP_ADDR": "10.0.0.1",
        "WORKINGS_EXAMS_SERVICE_HOST": "10.0.0.2", "WORKINGS_EXAMS_PORT": address,
    }  # fmt: skip
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("workings_queue", "5")
    assert Settings().queue == 5


NUMBERS = [name for name, field in Settings.model_fields.items() if field.annotation in (int, float)]


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_bounds(name: str) -> None:
    assert set(refusals(**{name: -1})) == {name}
    assert set(refusals(**{name: 10**20})) == {name}
    assert set(refusals(**{name: "nan"})) == {name}


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        (
            {"inline_bytes": 8_192, "max_body_bytes": 4_096},
            "inline_bytes",
            "WORKINGS_MAX_BODY_BYTES, which is",
        ),
        ({"inline_work": 100, "max_work": 99}, "inline_work", "WORKINGS_MAX_WORK, which is 99"),
        ({"inline_values": 11, "max_values": 10}, "inline_values", "WORKINGS_MAX_VALUES, which is 10"),
        ({"max_answer_entries": 3, "max_entries": 2}, "max_answer_entries", "an answer is held before"),
        ({"max_body_bytes": 2**30}, "max_body_bytes", "raise WORKINGS_HELD_BYTES or lower this"),
        ({"held_bytes": 2**20}, "max_body_bytes", "WORKINGS_HELD_BYTES, which is 1048576"),
        ({"max_answer_entries": 30_000_000, "held_bytes": 2**29}, "max_answer_entries", "at most 21474836"),
    ],
)
def test_contradictions_are_explained(values: dict[str, int], field: str, words: str) -> None:
    found = refusals(**values)
    assert set(found) == {field} and words in found[field]


@pytest.mark.parametrize(
    "values",
    [
        {"max_body_bytes": 1024}, {"max_work": 1}, {"max_entries": 1}, {"max_values": 1}, {"workers": 0},
        {"queue": 0}, {"inline_bytes": 0, "inline_work": 0, "inline_values": 0},
        {"max_body_bytes": 2**30, "held_bytes": 2**30},
    ],
)  # fmt: skip
def test_a_default_does_not_contradict_a_setting(values: dict[str, int]) -> None:
    settings = Settings(**values)  # type: ignore[arg-type]
    assert all(getattr(settings, name) == value for name, value in values.items())
