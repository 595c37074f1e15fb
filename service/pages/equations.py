"""Equations of an optimizer, solved: the unknowns, each solution with its check, and the convergence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compute.latex import matrix_latex, symbol_latex
from service.pages.blocks import (
    Block,
    Callout,
    Code,
    Equation,
    Facts,
    Inline,
    Listing,
    Math,
    Page,
    Paragraph,
    Section,
)
from service.pages.entries import show_tensor, write_entry
from service.pages.formulas import write_formula, write_relation
from service.pages.notes import join_names
from service.pages.questions import restate_optimization, show_rule
from service.pages.traces import show_short_steps

CONVERGES = {True: "yes", False: "no", None: "that depends on the symbols"}
RATES = {"best": "The best learning rate", "best_together": "The best learning rate and momentum together"}


def build_equations(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Page:
    """Return the solutions of a question: unknowns, equations, each solution with its check, convergence."""
    page = Page("Equations of an optimizer, solved")
    conventions = answer["conventions"]
    page.blocks.append(restate_optimization(request, conventions, _ask(request)))
    page.blocks.append(show_rule(answer["formulas"], conventions))
    if answer.get("kind") is not None:
        page.blocks.append(Section(["Equations"], list(_show_equations(answer, request.get("steps")))))
        page.blocks.append(Section(["Solutions"], list(_show_solutions(answer))))
    page.blocks.append(Section(["Convergence"], list(_show_convergence(answer["convergence"]))))
    return page


def _ask(request: Mapping[str, Any]) -> list[Block]:
    unknown = request.get("unknown")
    if not unknown:
        return [Paragraph(["Find where this converges, and how fast."])]
    blocks: list[Block] = [
        Paragraph(["Find ", *_join_symbols(unknown), " so that the last step ends at the target."])
    ]
    for name, tensor in request.get("target", {}).items():
        blocks += show_tensor([Code(name), " at the end"], tensor)
    return blocks


def _show_equations(answer: Mapping[str, Any], steps: Any) -> Iterator[Block]:
    after = " after one step" if steps == 1 else f" after {steps} steps" if steps else " after the last step"
    for equation in answer["equations"]:
        yield Paragraph([Code(equation["parameter"]), f"{after}, which has to be the target:"])
        yield from _show_equality(equation["expression"], equation["target"])
    if answer["factored"]:
        yield Paragraph(["In several unknowns, as products:"])
        for product in answer["factored"]:
            yield from _show_equality(product, "0")
    yield Paragraph([answer["how"]])
    if not answer["complete"]:
        yield Callout("warning", "Not complete.", ["There may be more real solutions."])


def _show_equality(left: str, right: str) -> list[Block]:
    sides = write_formula(left), write_formula(right)
    if isinstance(sides[0], Math) and isinstance(sides[1], Math):
        return [Equation([f"{sides[0].latex} = {sides[1].latex}"])]
    return [Paragraph([sides[0], " = ", sides[1]])]


def _show_solutions(answer: Mapping[str, Any]) -> Iterator[Block]:
    if answer["kind"] == "none":
        yield Callout("warning", "No solution.", ["No values of the unknowns reach the target."])
    elif answer["kind"] == "infinite":
        yield Callout("note", "Infinitely many.", ["The unknowns are not determined, but related."])
    solutions = answer["solutions"]
    for place, solution in enumerate(solutions):
        title = "The solution" if len(solutions) == 1 else f"Solution {place + 1}"
        yield Section([title], list(_show_solution(solution)))
    for place, family in enumerate(answer["families"]):
        title = "The relation" if len(answer["families"]) == 1 else f"Relation {place + 1}"
        blocks: list[Block] = [Paragraph([write_formula(text)]) for text in family["relations"]]
        if family["free"]:
            words = " may take any value that this allows."
            blocks.append(Paragraph([*_join_symbols(family["free"]), words]))
        yield Section([title], blocks)


def _join_symbols(names: Sequence[str]) -> list[Inline]:
    joined: list[Inline] = []
    for name in names:
        joined += [", "] * bool(joined) + [write_formula(name)]
    return joined


def _show_solution(solution: Mapping[str, Any]) -> Iterator[Block]:
    for name, latex in solution["latex"].items():
        yield Equation([f"{symbol_latex(name)} = {latex}"])
        near = solution["approximations"].get(name)
        written = "" if near is None else write_entry(near)
        if written and written != solution["values"][name]:
            yield Paragraph(["In decimals: ", written, "."])
    facts: list[list[Inline]] = []
    if not solution["exact"]:
        facts.append(["The values are floats, and not exact."])
    multiplicity = solution["multiplicity"]
    if multiplicity is not None and multiplicity > 1:
        facts.append([f"It is a root of multiplicity {multiplicity}."])
    if solution["conditions"]:
        facts.append(["It is one if ", write_relation(solution["conditions"]), "."])
    facts += [[f"{remark[:1].upper()}{remark[1:].rstrip('.')}."] for remark in solution["remarks"]]
    if facts:
        yield Listing(facts)
    yield _show_verdict(solution)
    if solution["trace"]:
        yield show_short_steps("Its own trace", solution["trace"])


def _show_verdict(solution: Mapping[str, Any]) -> Callout:
    if solution["arrives"] is None:
        return Callout("note", "Not checked.", ["Whether its trace ends at the target was not decided."])
    how = solution["verified"]
    if solution["arrives"]:
        words = f"With these values the trace ends at the target, checked {how}."
        return Callout("right", "Checked.", [words])
    return Callout("wrong", "Does not arrive.", [f"The trace does not end at the target, checked {how}."])


def _show_convergence(found: Mapping[str, Any]) -> Iterator[Block]:
    if not found["known"]:
        yield Callout("note", "Not known.", [found.get("why") or "Nothing is known about the convergence."])
        return
    iteration = found.get("iteration")
    if iteration is not None:
        yield Section(["The matrix of a step"], list(_show_iteration(iteration)))
    directions = found.get("directions", ())
    for direction in directions:
        title: list[Inline] = ["Along the eigenvalue ", write_formula(direction["eigenvalue"])]
        yield Section(title, list(_show_direction(direction)), is_folded=len(directions) > 1)
    outcome = list(_show_outcome(found))
    if outcome:
        yield Section(["In all"], outcome)
    for field, title_of_rate in RATES.items():
        if found.get(field) is not None:
            yield Section([title_of_rate], list(_show_best(found[field])))


def _show_iteration(iteration: Mapping[str, Any]) -> Iterator[Block]:
    yield Paragraph([
        "For any eigenvalue ", write_formula(iteration["curvature"]), " of the Hessian, a step multiplies ",
        *join_names(iteration["state"]), " by",
    ])  # fmt: skip
    entries = [[write_formula(entry) for entry in row] for row in iteration["matrix"]]
    if all(isinstance(entry, Math) for row in entries for entry in row):
        rows = ([entry.latex for entry in row if isinstance(entry, Math)] for row in entries)
        yield Equation([matrix_latex(rows).text])
    else:
        yield from show_tensor(["the matrix"], [[str(entry) for entry in row] for row in iteration["matrix"]])
    yield Paragraph(["with the characteristic polynomial ", write_formula(iteration["polynomial"]), "."])
    yield _state("Both eigenvalues of the matrix are below 1 in absolute value if ", iteration["conditions"])


def _state(words: str, conditions: Sequence[str]) -> Paragraph:
    """Return a sentence that ends in conditions, which never hold if one of them is `False`."""
    if "False" in conditions:
        return Paragraph(["It never contracts."])
    return Paragraph([words, write_relation(conditions), "."] if conditions else ["No condition is needed."])


def _show_direction(direction: Mapping[str, Any]) -> Iterator[Block]:
    count = direction["multiplicity"]
    if count > 1:
        yield Paragraph([f"This eigenvalue occurs {count} times."])
    yield _state("It contracts if ", direction["conditions"])
    yield from _show_rate(direction)
    if not direction["moves"]:
        yield Paragraph(["The parameters do not move along it."])
    if direction["note"]:
        yield Callout("note", "Note.", [direction["note"]])


def _show_rate(found: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the range of the learning rate, whether it converges, and the contraction factor."""
    facts: list[tuple[Inline, list[Inline]]] = []
    if found.get("learning_rate_range") is not None:
        facts.append(("learning rates", [write_formula(found["learning_rate_range"])]))
    facts.append(("converges", [CONVERGES[found.get("converges")]]))
    yield Facts(facts)
    factor = found.get("contraction_factor")
    if factor is not None:
        yield Paragraph(["In the long run each step shrinks the error by the factor"])
        yield from _show_expression(factor)


def _show_expression(text: str) -> list[Block]:
    written = write_formula(text)
    return [Equation([written.latex]) if isinstance(written, Math) else Paragraph([written])]


def _show_outcome(found: Mapping[str, Any]) -> Iterator[Block]:
    if len(found.get("directions", ())) != 1:  # which has said so
        yield _state("All directions together contract if ", found.get("conditions", []))
        yield from _show_rate(found)
    if not found.get("exact", True):
        yield Paragraph(["The eigenvalues are floats, and not exact."])
    if found.get("why"):
        yield Callout("note", "Not known.", [found["why"]])
    for note in found.get("notes", ()):
        yield Callout("note", "Note.", [note])


def _show_best(best: Mapping[str, Any]) -> Iterator[Block]:
    facts: list[tuple[Inline, list[Inline]]] = [("learning rate", [write_formula(best["learning_rate"])])]
    if best["momentum"] is not None:
        facts.append(("momentum", [write_formula(best["momentum"])]))
    yield Facts([*facts, ("contraction factor", [write_formula(best["contraction_factor"])])])
    yield Paragraph([f"Source: {best['source'].rstrip('.')}."])
