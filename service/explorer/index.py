"""The index of the explorer: everything that can be asked, by family, and the examples of each."""

import re
from typing import Any

from compute.names.foreign_names import ELSEWHERE, SYNONYMS
from compute.names.suggestions import split_names
from service.document import TAGS, load_examples, url_of
from service.endpoints import ENDPOINTS
from service.pages.formats import FORMATS

COURSE = re.compile(r"(?:Final exam|Exam document|Exam|Homework|Exercise sheet) \d+")


def describe_index() -> dict[str, Any]:
    """Return the families of endpoints that answer with documents, and the examples of them.

    An endpoint has the names that other libraries and courses have for it. An example has the question sheet
    that it comes from, if any.
    """
    foreign = _list_foreign_names()
    asked = [endpoint for endpoint in ENDPOINTS.values() if FORMATS.keys() <= endpoint.variants.keys()]
    families = [
        {
            "name": tag["name"],
            "meaning": tag["description"],
            "endpoints": [
                {
                    "name": endpoint.name,
                    "summary": endpoint.summary,
                    "elsewhere": foreign.get(endpoint.name, []),
                }
                for endpoint in asked
                if endpoint.tag == tag["name"]
            ],
        }
        for tag in TAGS
    ]
    names = {endpoint.path: endpoint.name for endpoint in asked}
    examples = [
        {
            "name": example["name"],
            "endpoint": names[url_of(example)],
            "summary": example["summary"],
            "source": example["source"],
            "sheet": found.group() if (found := COURSE.match(example["source"])) else "",
        }
        for example in load_examples()
        if url_of(example) in names
    ]
    return {"families": [family for family in families if family["endpoints"]], "examples": examples}


def _list_foreign_names() -> dict[str, list[str]]:
    """Return the names that other libraries and courses have, by our name."""
    found: dict[str, list[str]] = {}
    for ours, foreign in (*SYNONYMS.items(), *ELSEWHERE.items()):
        for name in split_names(ours):
            found.setdefault(name, []).extend(foreign.split())
    return found
