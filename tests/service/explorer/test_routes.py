"""The page of the explorer loads only from the service, and everything that it loads is there."""

import re
from importlib.resources import files

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.document import load_examples
from service.explorer.routes import POLICY, STATIC

client = TestClient(create_app())
FOLDER = files("service.explorer").joinpath("static")


def test_the_page_forbids_scripts_and_addresses_of_others() -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|https?://", response.text)


def test_what_the_page_names_is_served() -> None:
    for address in re.findall(r'(?:src|href)="([^"]+)"', client.get("/").text):
        assert client.get(f"/{address}").status_code == 200, address


def test_every_script_is_served_and_imports_only_served_scripts() -> None:
    stored = {
        entry.name if folder is FOLDER else f"vendor/{entry.name}"
        for folder in (FOLDER, FOLDER.joinpath("vendor"))
        for entry in folder.iterdir()
        if entry.name.endswith((".js", ".css"))
    }
    assert stored == set(STATIC)
    for name in STATIC:
        response = client.get(f"/explorer/{name}")
        assert response.headers["content-type"] == STATIC[name]
        folder = name.rpartition("/")[0]
        for imported in re.findall(r'from ?"\./([^"]+)"', response.text):
            assert f"{folder}/{imported}".lstrip("/") in STATIC


def test_the_requests_of_all_examples_are_served() -> None:
    for example in load_examples():
        assert client.get(f"/explorer/examples/{example['name']}.json").json() == example["request"]


@pytest.mark.parametrize(
    "path",
    [
        "explorer.html", "nothing.js", "../app.py", "vendor/README.md", "%2e%2e/routes.py",
        "forms/nothing.json", "examples/nothing.json",
    ],
)  # fmt: skip
def test_nothing_else_is_served(path: str) -> None:
    response = client.get(f"/explorer/{path}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_the_page_and_all_that_it_loads_stay_below_a_hundred_kilobytes() -> None:
    paths = ["", *(f"explorer/{name}" for name in STATIC), "explorer/document.css", "explorer/index.json"]
    sizes = [int(client.get(f"/{path}").headers["content-length"]) for path in paths]  # compressed
    assert sum(sizes) < 100_000


def test_a_mounted_service_has_the_page_below_its_own_path() -> None:
    assert client.get("/", headers={"accept": "text/html"}).text.count('="/') == 0
