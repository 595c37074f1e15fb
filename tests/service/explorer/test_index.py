"""The index lists everything that can be asked as a page, with its names elsewhere and its examples."""

from service.document import load_examples
from service.endpoints import ENDPOINTS
from service.explorer.index import describe_index

INDEX = describe_index()
LISTED = {one["name"]: one for family in INDEX["families"] for one in family["endpoints"]}


def test_every_endpoint_with_documents_is_listed_once() -> None:
    with_pages = {name for name, endpoint in ENDPOINTS.items() if endpoint.page is not None}
    names = [one["name"] for family in INDEX["families"] for one in family["endpoints"]]
    assert sorted(names) == sorted(with_pages)


def test_names_of_other_libraries_lead_to_ours() -> None:
    assert "dense" in LISTED["linear"]["elsewhere"]
    assert "scaled_dot_product_attention" in LISTED["attention"]["elsewhere"]
    for pool in ("max_pool1d", "max_pool2d"):  # of an entry that joins two names
        assert "max_pooling" in LISTED[pool]["elsewhere"]


def test_every_listed_endpoint_opens_with_an_example() -> None:
    examples = {example["endpoint"] for example in INDEX["examples"]}
    assert examples == set(LISTED)


def test_the_course_questions_are_found_by_their_sheet() -> None:
    sheets = {example["name"]: example["sheet"] for example in INDEX["examples"]}
    for example in load_examples():
        is_course = example["source"].startswith(("Exam ", "Homework ", "Exercise sheet ", "Final exam "))
        if example["name"] in sheets:
            assert bool(sheets[example["name"]]) == is_course, example["source"]
    numbers = {sheet.rsplit(" ", 1)[1] for sheet in sheets.values() if sheet}
    assert numbers == {"000", "001", "002", "003", "004"}
