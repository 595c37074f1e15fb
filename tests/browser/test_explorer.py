"""The explorer in a browser: every example, each thing that a person can do there, and hostile text."""

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from service.document import load_examples
from service.explorer.index import describe_index
from tests.browser.accessibility import find_violations
from tests.browser.driver import Browser, Record
from tests.service.pages.documents import HOSTILE, grade_hostile

Show = Callable[..., None]
Ask = Callable[..., dict[str, Any]]

REFUSED = "the server responded with a status of 4"  # of a question that is meant to be refused
QUESTIONS = {example["name"]: example["request"] for example in load_examples()}
ENDPOINTS = {example["name"]: example["endpoint"] for example in describe_index()["examples"]}
EXAM = {"endpoint": "self_attention", "request": QUESTIONS["000_0_1_1"]}
PROGRAM = {
    "endpoint": "graph",
    "request": {
        "program": ["h = relu(x @ w)", "loss = sum(h ** 2)"],
        "inputs": {"x": [[1, 2]], "w": [[1, -1], [0, 3]]},
        "upstream": {"loss": 1},
    },
}
SHOWN = 'article[aria-label="Answer"] :is(table[data-value], table[data-gradient])'
TABLES = f"""[...document.querySelectorAll('{SHOWN}')].map(one =>
    [...one.querySelectorAll('tbody td')].map(cell => cell.textContent))"""


def write_fragment(question: dict[str, Any]) -> str:
    """Return a question as the fragment of an address."""
    packed = zlib.compress(json.dumps(question).encode(), wbits=-15)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_fragment(browser: Browser) -> dict[str, Any]:
    """Return the question in the address of the page."""
    fragment = browser.evaluate("location.hash")[1:]
    packed = base64.urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4))
    question: dict[str, Any] = json.loads(zlib.decompress(packed, wbits=-15))
    return question


@pytest.fixture
def show(browser: Browser, address: str) -> Show:
    """Return a function that opens a question in the explorer and waits for its answer or its refusal."""

    def show_it(question: dict[str, Any]) -> None:
        browser.open("about:blank")
        browser.open(f"{address}/#{write_fragment(question)}")
        wait_for_answer(browser)
        wait_for_address(browser, f"#{write_fragment(question)}")
        browser.wait_for("document.querySelector('.question .group')")

    return show_it


@pytest.fixture
def show_next(browser: Browser, address: str, show: Show) -> Show:
    """Return a function as `show` that goes on in the page that is open, as people who follow links do."""

    def show_it(question: dict[str, Any]) -> None:
        if browser.evaluate("location.origin + location.pathname") != f"{address}/":
            show(question)
            return
        browser.record = Record()
        act(browser, f"location.hash = '{write_fragment(question)}'")
        browser.wait_for("document.querySelector('.question .group')")

    return show_it


@pytest.fixture
def ask(address: str) -> Ask:
    """Return a function that asks the service without the explorer."""

    def ask_it(endpoint: str, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.post(f"{address}/v1/{endpoint}", json=request).json()
        return answer

    return ask_it


def act(browser: Browser, script: str) -> None:
    """Run a script that changes the question, and wait for the new answer or refusal."""
    mark_old(browser)
    before = browser.evaluate(f"(() => {{ {script} }})(), location.hash")
    wait_for_answer(browser)
    wait_for_address(browser, before)


def mark_old(browser: Browser) -> None:
    """Mark the answer or refusal that is shown, so that the next one can be told from it."""
    browser.evaluate(
        "document.querySelectorAll('article *, [role=alert]').forEach(one => one.dataset.old = '')"
    )


def wait_for_answer(browser: Browser) -> None:
    """Wait for an answer or a refusal that is not marked as old."""
    answers = "[aria-label=Answer] > :not([data-old]), [role=alert]:not([data-old])"
    browser.wait_for(f"document.querySelector('{answers}')")
    browser.settle()


def wait_for_address(browser: Browser, before: str) -> None:
    """Wait until the explorer has written the address, which it does when a question rests."""
    browser.evaluate(f"""new Promise(done => {{
        const look = () => location.hash === {json.dumps(before)} ? setTimeout(look, 5) : done();
        look();
    }})""")


def read_value(browser: Browser, name: str) -> Any:
    """Return the numbers of the table that shows a value."""
    rows = browser.evaluate(
        f"[...document.querySelectorAll('article[aria-label=Answer] table[data-value={name}] tbody tr')]"
        ".map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))"
    )
    return [[float(cell.replace("−", "-")) for cell in row] for row in rows]


def rounded(matrix: list[list[float]]) -> list[list[float]]:
    """Return the numbers of a matrix with the four digits that documents show."""
    return [[float(f"{entry:.4g}") for entry in row] for row in matrix]


def press_button(text: str) -> str:
    """Return a script that presses the first button with a text."""
    buttons = "[...document.querySelectorAll('button')]"
    return f"{buttons}.find(one => one.textContent === {json.dumps(text)}).click()"


def fill(label: str, text: str) -> str:
    """Return a script that writes a text into the control with a label."""
    return f"""const one = document.querySelector(`[aria-label=${{CSS.escape({json.dumps(label)})}}]`);
        one.focus(); one.value = {json.dumps(text)};
        one.dispatchEvent(new Event("input", {{bubbles: true}}));"""


@pytest.mark.parametrize("name", ENDPOINTS)
def test_each_example_opens(show_next: Show, browser: Browser, address: str, name: str) -> None:
    question = {"endpoint": ENDPOINTS[name], "request": QUESTIONS[name]}
    show_next(question)
    assert browser.record.messages == []
    assert all(one.startswith(f"{address}/") for one in browser.record.requests)
    assert browser.evaluate("document.querySelector('#time') !== null")
    shown = browser.evaluate(
        "[...document.querySelectorAll('.group > .field > .head code')].map(one => one.textContent)"
    )
    assert sorted(shown) == sorted(QUESTIONS[name])
    assert read_fragment(browser) == question
    for width in (1280, 360):
        browser.set_size(width, 800)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_alone_gets_through(show: Show, browser: Browser) -> None:
    """Search an operation, open it, change an entry with a slider and by typing, and read the answer."""
    show(PROGRAM)
    browser.evaluate("document.activeElement.blur()")

    def walk_to(condition: str) -> None:
        for _ in range(200):
            browser.press("Tab")
            if browser.evaluate(f"(one => {condition})(document.activeElement)"):
                return
        raise AssertionError(f"the keyboard does not reach {condition}")

    walk_to("one.type === 'search'")
    browser.write("torch.nn.Linear")
    browser.wait_for("document.querySelector('[aria-label=Found] button')")
    walk_to("one.textContent === 'linear'")
    browser.press("Enter")
    browser.wait_for("document.querySelector('.question h2').textContent === 'linear'")
    browser.wait_for("document.querySelector('#time')")
    walk_to("one.matches('td input.entry')")
    before = read_fragment(browser)["request"]
    mark_old(browser)
    address = browser.evaluate("location.hash")
    browser.press("ArrowUp")
    wait_for_answer(browser)
    wait_for_address(browser, address)
    raised = read_fragment(browser)["request"]
    name = browser.evaluate("document.activeElement.ariaLabel").partition("[")[0]
    assert raised[name][0][0] == before[name][0][0] + 0.1
    assert {**raised, name: before[name]} == before
    browser.press("a", "Control")
    mark_old(browser)
    address = browser.evaluate("location.hash")
    browser.write("log(7)")
    wait_for_answer(browser)
    wait_for_address(browser, address)
    assert read_fragment(browser)["request"][name][0][0] == "log(7)"
    walk_to("one.ariaLabel?.startsWith('slider of ')")
    mark_old(browser)
    address = browser.evaluate("location.hash")
    browser.press("ArrowRight")
    wait_for_answer(browser)
    wait_for_address(browser, address)
    assert read_fragment(browser)["request"][name][0][0] == "log(7)"
    assert read_fragment(browser)["request"][name] != raised[name]


def test_a_slider_redraws_the_answer(show: Show, browser: Browser, ask: Ask) -> None:
    """The weights harden with the scale: what is shown is what the service answers."""
    show(EXAM)
    act(browser, fill("slider of scale", "0.5"))
    soft = read_fragment(browser)
    assert soft["request"]["scale"] == 0.5
    assert read_value(browser, "weights") == rounded(ask(**soft)["values"]["weights"])
    act(browser, fill("slider of scale", "3"))
    hard = read_fragment(browser)
    assert hard["request"]["scale"] == 3
    assert read_value(browser, "weights") == rounded(ask(**hard)["values"]["weights"])
    assert max(map(max, read_value(browser, "weights"))) > 0.99


def test_the_ends_of_a_slider_can_be_set(show: Show, browser: Browser) -> None:
    show(EXAM)
    browser.evaluate(
        "(() => { const one = document.querySelector('[aria-label=\"largest scale\"]');"
        " one.value = '50'; one.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    act(browser, fill("slider of scale", "50"))
    assert read_fragment(browser)["request"]["scale"] == 50


def test_a_clicked_value_is_given_and_its_followers_change(show: Show, browser: Browser, ask: Ask) -> None:
    show(EXAM)
    browser.evaluate("document.querySelector('table[data-value=weights] tbody td').click()")
    browser.wait_for("document.querySelector('section.entry input.entry')")
    browser.evaluate(f"(() => {{ {fill('weights[0, 0]', '5')} }})()")
    act(browser, press_button("Take it as given"))
    question = read_fragment(browser)
    assert question["request"]["given"]["weights"][0][0] == 5
    output = ask(**question)["values"]["output"]
    assert output != ask(**EXAM)["values"]["output"]
    assert read_value(browser, "output") == rounded(output)


def test_a_value_is_substituted(show: Show, browser: Browser, ask: Ask) -> None:
    show(EXAM)
    browser.evaluate("""(() => { const one = document.querySelector(".tools select:has(option[value=''])");
        one.value = [...one.options].find(other => other.textContent === "value scores").value;
        one.dispatchEvent(new Event("change", {bubbles: true})); })()""")
    browser.wait_for("document.querySelector('section.entry input.entry')")
    browser.evaluate(f"(() => {{ {fill('scores[1, 0]', '-2')} }})()")
    act(browser, press_button("Put it in place and go on"))
    question = read_fragment(browser)
    [substitute] = question["request"]["substitute"]
    assert substitute["name"] == "scores" and substitute["value"][1][0] == -2
    assert read_value(browser, "weights") == rounded(ask(**question)["values"]["weights"])


def test_a_clicked_gradient_tells_its_contributions(show: Show, browser: Browser, ask: Ask) -> None:
    show(EXAM)
    browser.evaluate(
        "document.querySelector('table[data-gradient=x] tbody tr:last-child td:last-child').click()"
    )
    browser.wait_for("document.querySelector('section.entry li')")
    told = browser.evaluate("[...document.querySelectorAll('section.entry li')].map(one => one.textContent)")
    contributions = ask(**EXAM)["contributions"]["x"]
    found = {text.removeprefix("through ").split(": ")[0]: float(text.split(": ")[1]) for text in told}
    assert found == {consumer: gradient[-1][-1] for consumer, gradient in contributions.items()}


def test_kept_answers_are_compared(show: Show, browser: Browser) -> None:
    show(EXAM)
    before = browser.evaluate(TABLES)
    browser.evaluate(press_button("Keep for comparison"))
    browser.wait_for("document.querySelector('[aria-label=Kept] table')")
    act(browser, fill("slider of scale", "2"))
    after = browser.evaluate(TABLES)
    marked = browser.evaluate(TABLES.replace("cell.textContent", "cell.classList.contains('changed')"))
    differing = [
        [one != other for one, other in zip(*pair, strict=True)] for pair in zip(before, after, strict=True)
    ]
    assert any(map(any, differing))
    assert marked == differing
    browser.evaluate(press_button("Drop the kept one"))
    browser.settle()
    assert browser.evaluate("document.querySelectorAll('article').length") == 1


def test_an_answer_is_graded(show: Show, browser: Browser) -> None:
    show(EXAM)
    act(browser, press_button("Grade an answer"))
    assert read_fragment(browser)["endpoint"] == "grade"
    assert "Right" in browser.evaluate("document.querySelector('article').textContent")
    browser.evaluate(press_button("As JSON"))
    browser.settle()
    wrong = read_fragment(browser)["request"]
    wrong["answer"]["output"][0][0] += 1
    act(browser, fill("request", json.dumps(wrong)))
    assert "Not right" in browser.evaluate("document.querySelector('article').textContent")


def test_an_error_in_a_program_is_shown_at_its_place(show: Show, browser: Browser) -> None:
    show(PROGRAM)
    act(browser, fill("program", "h = relu(x @ w)\nloss = total(h ** 2)"))
    line, caret = browser.evaluate("document.querySelector('.caret pre').textContent").split("\n")
    assert line[len(caret) - 1 :].startswith("total")
    browser.evaluate(press_button("Go there"))
    area = "document.querySelector('textarea[aria-label=program]')"
    assert (
        browser.evaluate(f"{area}.value.slice({area}.selectionStart, {area}.selectionEnd)") == "total(h ** 2)"
    )
    act(browser, fill("program", "h = relu(x @ w)\nloss = sum(h)"))
    assert not browser.evaluate("document.querySelector('[role=alert]')")


def test_cells_of_a_spreadsheet_are_pasted(show: Show, browser: Browser) -> None:
    show(EXAM)
    act(
        browser,
        """const one = document.querySelector('[aria-label="x[0, 0]"]'); const data = new DataTransfer();
        data.setData("text", "0.5\\t1\\n2\\t-3"); one.focus();
        const event = {clipboardData: data, bubbles: true, cancelable: true};
        one.dispatchEvent(new ClipboardEvent("paste", event));""",
    )
    assert read_fragment(browser)["request"]["x"] == [[0.5, 1], [2, -3]]


def test_the_arithmetic_is_exact_on_request(show: Show, browser: Browser) -> None:
    show(EXAM)
    act(
        browser,
        """const one = [...document.querySelectorAll("select")].find(one => one.value === "float64");
        one.value = "exact"; one.dispatchEvent(new Event("change", {bubbles: true}));""",
    )
    assert read_fragment(browser)["request"]["arithmetic"] == "exact"
    assert (
        browser.evaluate("document.querySelectorAll('article table msqrt, article table mfrac').length") > 0
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_every_field(
    show_next: Show, browser: Browser, address: str, text: str
) -> None:
    """As an entry, a name, a line of a program, the name of an operation, and all of a grade."""
    attention = EXAM["request"]
    questions: list[tuple[str, dict[str, Any]]] = [
        ("self_attention", {**attention, "x": [[text, 1], [0, 1]]}),
        ("self_attention", {**attention, text: [[1]], "given": {text: 1}, "causal": text}),
        ("graph", {"program": [text, f"y = {text}"], "inputs": {text: [1], "x": text}}),
        ("compare", {"operation": text, "x": [1], "changes": {text: text}}),
        ("optimizer/trace", {"program": [text], "optimizer": {"name": text}, "start": {text: 1}}),
        ("grade", grade_hostile(text)),
    ]
    for endpoint, request in questions:
        show_next({"endpoint": endpoint, "request": request})
        assert [one for one in browser.record.messages if REFUSED not in one] == []
        assert all(one.startswith(f"{address}/") for one in browser.record.requests)
        assert browser.evaluate("document.querySelectorAll('script').length") == 1
        active = "img, iframe, object, [onerror], [onload], a[href^=java]"
        assert browser.evaluate(f"document.querySelectorAll('{active}').length") == 0
        assert browser.evaluate("[...document.querySelectorAll('h1')].length") <= 2
        assert read_fragment(browser)["request"] == request


@pytest.mark.parametrize("fragment", ["#nothing_of_this_name", "#%3Cscript%3E", "#AAAA", "#" + "x" * 5000])
def test_other_fragments_open_the_explorer_all_the_same(
    browser: Browser, address: str, fragment: str
) -> None:
    browser.open("about:blank")
    browser.open(f"{address}/{fragment}")
    browser.wait_for("document.querySelector('#time, [role=alert]')")
    assert [one for one in browser.record.messages if REFUSED not in one] == []


def test_the_explorer_is_accessible(show: Show, browser: Browser) -> None:
    """As it opens, with an answer kept and a value looked into, and with a refusal."""
    show(EXAM)
    browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert not (found := find_violations(browser)), json.dumps(found, indent=1)
    browser.evaluate(press_button("Keep for comparison"))
    browser.evaluate("document.querySelector('[aria-label=Answer] table[data-gradient=x] tbody td').click()")
    browser.wait_for("document.querySelector('section.entry li')")
    assert not (found := find_violations(browser)), json.dumps(found, indent=1)
    act(browser, fill("scale", "much"))
    assert browser.evaluate("document.querySelector('[role=alert]') !== null")
    assert not (found := find_violations(browser)), json.dumps(found, indent=1)


def test_what_is_alike_stays_in_its_place(show: Show, browser: Browser) -> None:
    """A redraw keeps what is unfolded and scrolled to, and ends with the page that the service writes."""
    show(EXAM)
    browser.evaluate("""(() => {
        document.querySelectorAll('article details').forEach(one => { one.open = true });
        document.querySelector('article table[data-value=weights]').scrollIntoView();
    })()""")
    browser.settle()
    top = "document.querySelector('article table[data-value=weights]').getBoundingClientRect().top"
    before = browser.evaluate(top)
    act(browser, fill("slider of scale", "3"))
    assert browser.evaluate("[...document.querySelectorAll('article details')].every(one => one.open)")
    assert abs(browser.evaluate(top) - before) < 40
    redrawn = browser.evaluate("document.querySelector('article').textContent")
    show(read_fragment(browser))
    assert browser.evaluate("document.querySelector('article').textContent") == redrawn
