"""The functions of programs over HTTP: the list, its documentation, and programs in the catalogue."""

from compute.programs.functions import FUNCTIONS
from service.functions import list_functions
from tests.conftest import Client


def test_every_function_is_listed_once_with_signature_sentence_and_example(client: Client) -> None:
    response = client.get("/v1/functions")
    assert response.status_code == 200
    assert response.headers["etag"]
    entries = [entry for family in response.json()["families"] for entry in family["functions"]]
    assert sorted(entry["name"] for entry in entries) == sorted(FUNCTIONS)
    for entry in entries:
        assert entry["signature"].startswith(entry["name"])
        assert entry["meaning"].endswith(".")
        assert entry["name"] in entry["example"]
    assert "cat" in next(entry["synonyms"] for entry in entries if entry["name"] == "concat")


def test_the_page_of_the_interface_lists_them_too(client: Client) -> None:
    described = client.get("/openapi.json").json()["paths"]["/v1/functions"]["get"]["description"]
    assert list_functions() in described
    assert "`topk(a, k, axis=-1, largest=True)`" in described


def test_programs_are_in_the_catalogue(client: Client) -> None:
    entry = client.get("/v1/operations/graph").json()
    assert entry["name"] == "graph"
    assert "/v1/functions" in entry["description"]
