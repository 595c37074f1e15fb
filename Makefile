# Two commands on a bare machine with Python 3.11+, pip, venv and make:
#   make serve    set up and serve on http://127.0.0.1:8000 (PORT and HOST change it)
#   make test     set up and run every check
# make attack tries to take a server down in every way known; make soak asks one for ten minutes (DURATION changes it).
# make schemathesis asks thousands of generated questions, for half an hour.
# make screenshots compares pages with stored pictures of them, and make tex compiles documents, where there are
# Chromium and LaTeX.
# make clients generates clients in Python and TypeScript and asks through them: it needs Node.js and Java.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
DURATION ?= 600
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: serve test check format attack soak openapi clients schemathesis screenshots tex clean

serve: $(VENV)/serves
	exec $(VENV)/bin/workings serve --host $(HOST) --port $(PORT)

test: check
	$(VENV)/bin/python -m pytest --numprocesses auto --dist worksteal

check: $(VENV)/tests
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format: $(VENV)/tests
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# Attacks on servers of their own, each with its figures and their bounds; ATTACKS="NAME ..." chooses some.
attack: $(VENV)/tests
	$(VENV)/bin/python -m tests.attacks $(ATTACKS)

# A realistic mixture for so many seconds, after which memory is what it was and no request is lost.
soak: $(VENV)/tests
	$(VENV)/bin/python -m tests.attacks.soak $(DURATION)

# The OpenAPI document and the responses of the examples, written anew from the code.
openapi: $(VENV)/serves
	$(VENV)/bin/python -m service.export

# Clients generated from the document, with their types checked, each asking a running service.
clients: $(VENV)/clients
	$(VENV)/bin/python -m tests.clients

# Questions generated from the document, each answered or refused for a reason that no schema can say.
schemathesis: $(VENV)/schemathesis
	$(VENV)/bin/python -m tests.strictness

# Documents as Chromium draws them, beside the stored pictures; OPTIONS=--write stores them anew.
screenshots: $(VENV)/screenshots
	$(VENV)/bin/python -m tests.browser $(OPTIONS)

# The documents of all examples, compiled; OPTIONS="--keep FOLDER" keeps the PDFs.
tex: $(VENV)/tests
	$(VENV)/bin/python -m tests.tex $(OPTIONS)

$(VENV)/serves: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/tests: $(VENV)/serves
	$(PIP) install -c constraints.txt -e '.[test]'
	$(PIP) install -c constraints.txt --no-deps axe-playwright-python  # for its axe-core alone, without a browser
	@touch $@

$(VENV)/clients: $(VENV)/tests
	$(PIP) install -c constraints.txt -e '.[clients]'
	@touch $@

$(VENV)/schemathesis: $(VENV)/tests
	$(PIP) install -c constraints.txt -e '.[schemathesis]'
	@touch $@

$(VENV)/screenshots: $(VENV)/tests
	$(PIP) install -c constraints.txt -e '.[screenshots]'
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build *.egg-info
