"""Keys, rates and budgets let requests in, or answer 401, 403 and 429 as problems."""

import asyncio
import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from fastapi.testclient import TestClient
from openapi_spec_validator import validate

from service.app import create_app
from service.guarding import keys as keys_module
from service.guarding import quotas as quotas_module
from service.guarding.keys import Keys, UnreadableKeys, make_key, read_keys
from service.guarding.quotas import DAY, Quotas
from service.settings import Settings
from service.settings_checks import parse_rate
from tests.conftest import EXAM
from tests.service.servers import free_port

PATH = "/v1/self_attention"
SECRET = "a-key-of-the-course"
NOON = 20_000 * DAY + DAY / 2  # seconds


def entry(secret: str = SECRET, name: str = "course", **options: Any) -> dict[str, Any]:
    return {"name": name, "hash": hashlib.sha256(secret.encode()).hexdigest(), **options}


def write(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(list(entries)), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "keys.yaml", entry())


def client_of(file: Path | None, **settings: Any) -> TestClient:
    return TestClient(create_app(Settings(key_file=file, workers=0, **settings)))


def bearer(secret: str = SECRET) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def ask(client: TestClient, headers: dict[str, str] | None = None) -> Any:
    return client.post(PATH, json=EXAM, headers=headers)


def check_refusal(response: Any, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"/problems/{kind}"
    assert response.headers["content-type"] == "application/problem+json"
    assert SECRET not in response.text
    return problem


def test_without_keys_everybody_may_ask() -> None:
    assert ask(client_of(None)).status_code == 200


@pytest.mark.parametrize(
    "headers", [bearer(), {"authorization": f"bearer   {SECRET} "}, {"x-api-key": SECRET},
                bearer() | {"x-api-key": SECRET}]
)  # fmt: skip
def test_a_known_key_may_ask(file: Path, headers: dict[str, str]) -> None:
    assert ask(client_of(file), headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {}, bearer("another"), bearer(""), {"authorization": SECRET}, {"authorization": f"Basic {SECRET}"},
        {"x-api-key": ""}, {"x-api-key": "k" * 100_000}, bearer() | {"x-api-key": "another"},
        {"x-api-key": SECRET + "\N{LATIN SMALL LETTER E WITH ACUTE}"}, {"cookie": f"key={SECRET}"},
    ],
)  # fmt: skip
def test_others_may_not(file: Path, headers: dict[str, str]) -> None:
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    response = client_of(file).post(PATH, json=EXAM, headers=sent)
    check_refusal(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="Workings"'
    assert response.headers["x-request-id"]


def test_two_keys_in_one_kind_of_header_are_refused(file: Path) -> None:
    sent = [("authorization", f"Bearer {SECRET}"), ("authorization", "Bearer another")]
    check_refusal(client_of(file).post(PATH, json=EXAM, headers=sent), 401, "unauthorized")


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/health/live", "/health/ready", "/problems/busy"]
)
def test_documentation_and_health_need_no_key(file: Path, path: str) -> None:
    assert client_of(file).get(path).status_code in (200, 503)


@pytest.mark.parametrize(
    "path", ["/metrics", "/v1/operations", "/v1/none", "/docsx", "/openapi.jsonx", "/evaluate"]
)
def test_everything_else_does(file: Path, path: str) -> None:
    check_refusal(client_of(file).get(path), 401, "unauthorized")


def test_a_mounted_application_looks_at_its_own_paths(file: Path) -> None:
    client = TestClient(create_app(Settings(key_file=file, workers=0)), root_path="/workings")
    assert client.get("/workings/health/live").status_code == 200
    response = client.post(f"/workings{PATH}", json=EXAM)
    assert response.status_code == 401
    assert response.json()["type"] == "/workings/problems/unauthorized"


def test_a_key_may_use_its_routes_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "keys", entry(routes=["self_attention", "grade*", "/metrics"]))
    client = client_of(file)
    assert ask(client, bearer()).status_code == 200
    assert client.get("/metrics", headers=bearer()).status_code == 200
    assert client.post("/v1/grade/batch", headers=bearer()).status_code != 403
    check_refusal(client.post("/v1/softmax", json={"x": [1]}, headers=bearer()), 403, "forbidden")


def test_a_rate_is_kept_for_each_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "keys", entry(rate="2/hour"), entry("other", "other", rate="2/hour"))
    client = client_of(file)
    assert [ask(client, bearer()).status_code for _ in range(3)] == [200, 200, 429]
    response = ask(client, bearer())
    problem = check_refusal(response, 429, "too_many_requests")
    assert 3_500 < int(response.headers["retry-after"]) <= 3_601
    assert "2 per 1 hour" in problem["detail"]
    assert ask(client, bearer("other")).status_code == 200


def test_a_rate_is_kept_for_each_address() -> None:
    app = create_app(Settings(address_rate="1/day", workers=0))
    one, other = (TestClient(app, client=(host, 1)) for host in ("192.0.2.1", "192.0.2.2"))
    assert [ask(one).status_code, ask(one).status_code, ask(other).status_code] == [200, 429, 200]
    assert one.get("/health/live").status_code == 200


def test_work_of_a_day_is_charged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [NOON]
    monkeypatch.setattr(quotas_module, "time", lambda: now[0])
    client = client_of(write(tmp_path / "keys", entry(daily_work=400_000)))
    answered = 0
    while (response := ask(client, bearer())).status_code == 200:
        answered += 1
    assert answered == 2  # of 295,604 operations each: the second began with work left
    problem = check_refusal(response, 429, "too_many_requests")
    assert "400000 elementary operations" in problem["detail"]
    assert int(response.headers["retry-after"]) == DAY / 2
    now[0] += DAY / 2
    assert ask(client, bearer()).status_code == 200


def test_refused_questions_cost_nothing(tmp_path: Path) -> None:
    client = client_of(write(tmp_path / "keys", entry(daily_work=1)))
    for _ in range(3):
        assert client.post(PATH, json={}, headers=bearer()).status_code == 422
    assert ask(client, bearer()).status_code == 200
    assert ask(client, bearer()).status_code == 429


class Broken(Exception):
    pass


def test_requests_are_let_in_if_redis_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    quotas = Quotas()

    async def fail(*_: Any, **__: Any) -> Any:
        raise Broken

    monkeypatch.setattr(type(quotas._storage), "base_exceptions", Broken)
    for name in ("get", "incr", "acquire_entry"):
        monkeypatch.setattr(quotas._storage, name, fail)

    async def scenario() -> list[int]:
        await quotas.spend("course", 5)
        return [await quotas.hit(parse_rate("1/day"), "course"), await quotas.overspent("course", 1)]

    assert asyncio.run(scenario()) == [0, 0]
    assert [record.getMessage() for record in caplog.records] == [
        "Rates and budgets are not counted: Redis fails (Broken)."
    ]


def test_a_changed_file_is_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(keys_module, "monotonic", lambda: now[0])
    keys = Keys(file, [PATH])
    assert keys.find(SECRET) is not None
    write(file, entry("new one", "new"))
    assert keys.find(SECRET) is not None  # it is looked at once a second
    now[0] += 1
    assert keys.find(SECRET) is None
    found = keys.find("new one")
    assert found is not None and found.name == "new"


def test_keys_stay_if_a_changed_file_is_wrong(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    monkeypatch.setattr(keys_module, "monotonic", lambda: now[0])
    keys = Keys(file, [PATH])
    for spoil in (lambda: file.write_text("- name: [", encoding="utf-8"), lambda: file.unlink()):
        spoil()
        now[0] += 1
        assert keys.find(SECRET) is not None
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    write(file, entry("late", "late"))
    now[0] += 1
    assert keys.find("late") is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a list of entries"),
        ("name: course", "expected a list of entries"),
        ("- [", "line 1: expected YAML or JSON"),
        ("- {}", "entry 0.name: Field required"),
        ("- {name: a, hash: secret}", "entry 0.hash: String should match pattern"),
        ("- {name: '', hash: HASH}", "entry 0.name: String should match pattern"),
        ("- {name: a, hash: HASH, rate: often}", 'entry 0.rate: expected a rate such as "60/minute"'),
        ("- {name: a, hash: HASH, daily_work: 0}", "entry 0.daily_work: Input should be greater than 0"),
        ("- {name: a, hash: HASH, daily_work: true}", "entry 0.daily_work: Input should be a valid integer"),
        ("- {name: a, hash: HASH, budget: 1}", "entry 0.budget: Extra inputs are not permitted"),
        ("- {name: a, hash: HASH, routes: []}", "entry 0.routes: List should have at least 1 item"),
        ("- {name: a, hash: HASH, routes: [self_atention]}", "did you mean self_attention?"),
        ("- {name: a, hash: HASH}\n- {name: a, hash: HASH}", "expected each name once; a comes twice"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_without_its_values(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text(text.replace("HASH", "0f" * 32), encoding="utf-8")
    with pytest.raises(UnreadableKeys) as refused:
        read_keys(file, [PATH, "/v1/softmax"])
    assert message in str(refused.value)
    assert str(file) in str(refused.value)
    assert "secret" not in str(refused.value) and "0f0f" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableKeys, match="cannot be read"):
        read_keys(tmp_path / "none", [])
    with pytest.raises(UnreadableKeys, match="cannot be read"):
        read_keys(tmp_path, [])


def test_a_made_key_may_ask(tmp_path: Path) -> None:
    secret, text = make_key("course-230")
    assert len(secret) >= 43 and secret not in text
    file = tmp_path / "keys.yaml"
    file.write_text(text, encoding="utf-8")
    assert ask(client_of(file), bearer(secret)).status_code == 200


def test_the_document_asks_for_a_key_where_one_is_needed(file: Path) -> None:
    guarded, plain = (client_of(keys).get("/openapi.json").json() for keys in (file, None))
    validate(guarded)
    assert guarded["security"] == [{"bearer": []}, {"header": []}]
    assert guarded["paths"]["/health/live"]["get"]["security"] == []
    assert "security" not in guarded["paths"][PATH]["post"]
    assert {"401", "403", "429"} <= set(guarded["paths"][PATH]["post"]["responses"])
    assert plain["security"] == []
    assert "securitySchemes" not in plain["components"]
    assert not {"401", "403", "429"} & set(plain["paths"][PATH]["post"]["responses"])


@pytest.mark.parametrize("path", ["/", "/health/live", "/v1/operations", "/none", "/metrics"])
def test_every_response_protects_browsers(path: str) -> None:
    headers = client_of(None).get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in headers["permissions-policy"]


@pytest.fixture
def redis_address(tmp_path: Path) -> Iterator[str]:
    """Yield the address of a Redis server of this test."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = [program, "--port", str(port), "--save", "", "--dir", str(tmp_path), "--bind", "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            with redis.Redis(port=port) as connection:
                while True:
                    try:
                        connection.ping()
                        break
                    except redis.ConnectionError:
                        assert process.poll() is None
                        time.sleep(0.02)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_an_application_counts_in_redis(redis_address: str) -> None:
    for is_last in (False, True):
        with TestClient(create_app(Settings(address_rate="2/day", redis=redis_address, workers=0))) as client:
            expected = 429 if is_last else 200
            assert [ask(client).status_code for _ in range(2)] == [expected, expected]


def test_redis_that_cannot_be_reached_lets_requests_in(caplog: pytest.LogCaptureFixture) -> None:
    address = f"redis://127.0.0.1:{free_port()}"
    with TestClient(create_app(Settings(address_rate="1/day", redis=address, workers=0))) as client:
        assert [ask(client).status_code for _ in range(2)] == [200, 200]
    assert [record.getMessage() for record in caplog.records if record.name == "workings"] == [
        "Rates and budgets are not counted: Redis fails (ConnectionError)."
    ]


def test_redis_counts_for_several_processes(redis_address: str) -> None:
    async def scenario() -> list[int]:
        one, other = Quotas(redis_address), Quotas(redis_address)
        rate = parse_rate("2/hour")
        hits = [await quotas.hit(rate, "course") for quotas in (one, other, one)]
        await one.spend("course", 7)
        await other.spend("course", 5)
        left = [await other.overspent("course", budget) for budget in (12, 13)]
        await one.close()
        await other.close()
        return [bool(wait) for wait in (*hits, *left)]

    assert asyncio.run(scenario()) == [False, False, True, True, False]
