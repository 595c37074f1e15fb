"""From syntax to a graph: names become values, lines become steps.

A name that nothing says anything about has not even a shape; what is made of it is as unknown, until a line
assigns a name that is given.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from compute.arithmetic.expressions import Expression
from compute.budgets.planning import spend
from compute.dimensions import show
from compute.errors import QuestionError, QuestionErrors, unknown_name
from compute.graph.graph import Graph
from compute.graph.spec import ValueSpec
from compute.graph.value import Tensor, Value, apply
from compute.latex import symbol_latex
from compute.operations import CATALOGUE
from compute.operations.framework.build import call
from compute.operations.framework.submodules import MissingInputs, unknown_input, unused
from compute.programs.functions import FUNCTIONS
from compute.programs.language import Assignment, parse_claim, parse_program
from compute.programs.syntax import ProgramFault
from compute.programs.terms import Term, Terms, Unknown

LINE = 1  # units for a line, beside its values


@dataclass(frozen=True, slots=True)
class Claim:
    """An equation to verify: its two sides, or None where they depend on what is unknown."""

    sides: tuple[Value, Value] | None


def build_program(
    lines: tuple[str, ...],
    inputs: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    parameters: Collection[str] | None,
    data: Collection[str],
    claims: Sequence[str] = (),
    requested: Collection[str] = (),
    everything: bool = True,
    symbolic: bool = False,
) -> tuple[Graph, list[Claim]]:
    """The graph of a program for inputs and given values of these shapes, and its claims.

    parameters: names of the inputs that are trainable; where they are not said, all but the data. requested,
    everything, symbolic: as for `Graph`.
    """
    try:
        assignments, used = parse_program(lines)
        builder = _Builder(assignments, used, inputs, given)
        builder.graph.requested = frozenset(requested) | given.keys()
        builder.graph.everything, builder.graph.symbolic = everything, symbolic
        builder.check_roles(parameters, data)
        try:
            for assignment in assignments:
                builder.assign(assignment)
        except MissingInputs as first:
            again = _Builder(assignments, used, inputs, given)
            raise QuestionErrors(again.all_missing(assignments, first)) from None
        found = [builder.claim(text, at) for at, text in enumerate(claims)]
        builder.check_inputs()
    except QuestionError as error:
        raise QuestionErrors([error]) from None
    graph = builder.graph
    for name in builder.inputs:
        value = graph.names.get(name)
        if value is not None:
            value.is_parameter = name in parameters if parameters is not None else name not in data
    return graph, found


@lru_cache(maxsize=64)
def _axes(rank: int) -> str:
    """What the axes of a line's value are called."""
    return " ".join(f"axis_{at}" for at in range(rank))


class _Builder(Terms):
    def __init__(
        self,
        assignments: list[Assignment],
        used: Collection[str],
        inputs: Mapping[str, Tensor],
        given: Mapping[str, Tensor],
    ) -> None:
        self.declared: dict[str, ValueSpec] = {}
        taken = {name: one.shape for name, one in given.items()}
        super().__init__(assignments, Graph(declared=self.declared, given=taken))
        self.inputs, self.given = inputs, given
        self.used = set(used).difference(self.lines)
        self.called = {
            one.name: CATALOGUE[one.value.text]
            for one in assignments
            if one.value.head == "call" and one.value.text in CATALOGUE and CATALOGUE[one.value.text].parts
        }
        self.graph.sent_inputs = {
            name: tensor for name, tensor in {**inputs, **given}.items() if self._is_supplied(name)
        }
        self.graph.missing_policy = "unknown" if given else "refused"
        for name, tensor in {**inputs, **given}.items():
            if name not in self.lines and "." not in name:
                self.terms[name] = self._input(name, tensor)

    def _input(self, name: str, tensor: Tensor) -> Value:
        axes = tuple(f"axis_{at}" for at in range(len(tensor.shape)))
        return self.graph.input(name, tensor.shape, symbol=symbol_latex(name), axes=axes, kind=tensor.kind)

    def _is_supplied(self, name: str) -> bool:
        """Whether a name is that of an input of a line's parts: `h.attention.w_q`."""
        line, _, inner = name.partition(".")
        return "." in inner and line in self.called and self.called[line].accepts(inner) is not None

    def check_roles(self, parameters: Collection[str] | None, data: Collection[str]) -> None:
        """Refuse inputs that are assigned, and roles of names that are no inputs."""
        for name in self.inputs:
            if name in self.lines:
                raise QuestionError(
                    ("inputs", name), f"{name} is assigned in line {self.lines[name] + 1}",
                    "a name that no line assigns; or put it under given", "an input of this name",
                )  # fmt: skip
        for field, names in (("parameters", parameters or ()), ("data", data)):
            for at, name in enumerate(names):
                if name in self.lines:
                    raise QuestionError(
                        (field, at), f"{name} is assigned in line {self.lines[name] + 1}",
                        "a name that no line assigns", "an assigned name",
                    )  # fmt: skip
                if name not in self.used and name not in self.graph.sent_inputs:
                    raise unknown_name(
                        (field, at), "input", name, [*sorted(self.used), *self.graph.sent_inputs]
                    )

    def check_inputs(self) -> None:
        """Refuse inputs that the program does not use, and free names where nothing takes their place."""
        self._check_supply()
        for name in self.inputs:
            if name not in self.used and name not in self.graph.sent_inputs:
                line, _, inner = name.partition(".")
                if inner and line in self.called:
                    raise unknown_input(("inputs", name), self.called[line], inner, f"{line}.")
                raise unknown_name(("inputs", name), "input", name, sorted(self.used))
        for name in self.given:
            if name not in self.used and name not in self.lines and "." not in name:
                known = [*sorted(self.used), *self.lines]
                raise unknown_name(("given", name), "name in the program", name, known)
        for name, tensor in self.given.items():
            value = self.graph.names.get(name)
            if value is not None and tensor.kind == "boolean" != value.kind:
                raise QuestionError(("given", name), f"{name} holds numbers", "numbers", "booleans")
        if not self.given and (missing := self._missing()):
            raise QuestionErrors(missing)

    def _missing(self) -> list[QuestionError]:
        """The faults of free names that have no value."""
        return [
            QuestionError(
                ("inputs", name), f"{name} is required, unless values that take its place are given",
                "a tensor", "nothing",
            )
            for name in self.free
            if name not in self.given
        ]  # fmt: skip

    def all_missing(self, assignments: list[Assignment], first: QuestionErrors) -> list[QuestionError]:
        """The faults of all inputs that did not come, from lines that are built on assumed ones.

        first: those that were found before.
        """
        self.graph.missing_policy, self.graph.missing_errors = "unknown", []
        with suppress(QuestionError, QuestionErrors):  # what else is wrong is told once these are there
            for assignment in assignments:
                self.assign(assignment)
        errors = [*self._missing(), *first.errors, *map(self._supplied, self.graph.missing_errors)]
        return [*{error.path: error for error in errors}.values()]

    def _check_supply(self) -> None:
        """Refuse what no part took, of a line that could be built."""
        for name, tensor in self.graph.sent_inputs.items():
            if isinstance(self.terms[name.partition(".")[0]], Unknown):
                self._input(name, tensor)
            elif name not in self.graph.names:
                raise self._supplied(unused(name, "nothing here takes it"))

    def _supplied(self, error: QuestionError) -> QuestionError:
        """A fault of what a line's parts take, at the field that it came in, or is to come in."""
        return error.within("given" if error.path[0] in self.given else "inputs")

    def assign(self, assignment: Assignment) -> None:
        """Build one line and name what it gives."""
        spend(LINE)
        name, line = assignment.name, assignment.line
        if self.lines[name] != line or name in FUNCTIONS or name in CATALOGUE:
            first = f"it is assigned in line {self.lines[name] + 1} already"
            taken = "it is the name of a function"
            fault = ProgramFault(
                assignment.column,
                f"{name} cannot be assigned: " + (first if self.lines[name] != line else taken),
                "a name of its own for each line",
                "a name that is taken",
            )
            raise fault.at("program", line)
        try:
            term = self._whole_call(assignment) or self.build(assignment.value)
            term = self.value(term) if isinstance(term, Expression) else term
        except ProgramFault as fault:
            raise fault.at("program", line) from None
        except QuestionError as error:
            raise self._within(error, assignment) from None
        except QuestionErrors as errors:
            kind = MissingInputs if isinstance(errors, MissingInputs) else QuestionErrors
            raise kind(self._within(one, assignment) for one in errors.errors) from None
        self.terms[name] = self._named(name, term, line)

    def _within(self, error: QuestionError, assignment: Assignment) -> QuestionError:
        """A fault of what a line calls, at the line."""
        if error.path[:1] in (("program",), ("given",)):
            return error
        if error.path and self._is_supplied(str(error.path[0])):
            return self._supplied(error)
        where = "".join(f" at {one}" for one in error.path[-1:])
        message = f"line {assignment.line + 1}{where}: {error.message}"
        return type(error)(("program", assignment.line), message, error.expected, error.received)

    def _named(self, name: str, term: Term, line: int) -> Term:
        """The term under its name; where only its name is given, that."""
        if isinstance(term, Unknown):
            if name in self.given:
                return self._input(name, self.given[name])
            self.graph.unnamed.append(name)
            return term
        assert isinstance(term, Value)
        if term.name is not None:  # the same value by another name
            term = apply("identity", term)
        axes = _axes(len(self.graph.given.get(name, term.shape)))
        self.declared[name] = ValueSpec(name, axes, axes, f"Line {line + 1}.", symbol_latex(name))
        return term.named(name)

    def _whole_call(self, assignment: Assignment) -> Term | None:
        """A line that is one call of an operation names the values inside it too, behind its own name."""
        node = assignment.value
        if node.head != "call" or node.text not in CATALOGUE:
            return None
        operation = CATALOGUE[node.text]
        arguments = self.arguments(operation, node)
        if arguments is None:
            return Unknown()
        output = call(operation, assignment.name, self.graph, **arguments)
        if output.name == f"{assignment.name}.output":
            del self.graph.names[output.name]
            output.name = None
        else:  # the line's own name is what the output is called
            self.graph.on_request.add(f"{assignment.name}.output")
        return output

    def claim(self, text: str, at: int) -> Claim:
        """The two sides of an equation as values of one shape."""
        spend(2 * LINE)
        try:
            sides, names = parse_claim(text)
            self.used |= names - self.lines.keys()
            left, right = (self.operand(self.build(one)) for one in sides)
            if isinstance(left, Unknown) or isinstance(right, Unknown):
                return Claim(None)
            if left.kind == "boolean" or right.kind == "boolean":
                raise QuestionError(("claims", at), "a side holds booleans", "sides of numbers", "booleans")
            difference = left - right
            if difference.shape not in (left.shape, right.shape):
                shapes = f"{show(left.shape)} and {show(right.shape)}"
                raise QuestionError(("claims", at), "the sides differ in shape", "sides of one shape", shapes)
        except ProgramFault as fault:
            raise fault.at("claims", at) from None
        except QuestionError as error:
            raise type(error)(("claims", at), error.message, error.expected, error.received) from None
        assert difference.inputs == (left, right)
        return Claim((left, right))
