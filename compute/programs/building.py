"""Builds the graph of a program: names become values, lines become steps.

A name without a value has not even a shape. Everything computed from it is unknown too, up to a line whose
name is given.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache

from compute.budgets.planning import spend
from compute.errors import QuestionError, QuestionErrors, place_in_program, unknown_name
from compute.graph.graph import Graph, MissingPolicy, Replacement, Value, apply
from compute.graph.spec import Tensor, ValueSpec
from compute.latex import symbol_latex
from compute.operations import CATALOGUE
from compute.operations.framework.build import call
from compute.operations.framework.submodules import MissingInputs, unknown_input_error, unused_error
from compute.programs.claims import Claim, ClaimBuilder, ToleratedClaim
from compute.programs.language import Assignment, parse_program
from compute.programs.shape_accidents import SOFTMAXES, note_softmax
from compute.programs.syntax import ProgramFault
from compute.programs.terms import Term, Terms, Unknown

LINE = 1  # units for a line, in addition to its values


def build_program(
    lines: tuple[str, ...],
    inputs: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    parameters: Collection[str] | None,
    data: Collection[str],
    claims: Sequence[str | ToleratedClaim] = (),
    requested: Collection[str] = (),
    everything: bool = True,
    symbolic: bool = False,
    replacement: Replacement | None = None,
    missing_policy: MissingPolicy | None = None,
) -> tuple[Graph, list[Claim]]:
    """Build the graph of a program for inputs and given values of these shapes, and its claims.

    Raises QuestionErrors.

    parameters: the names of trainable inputs; None for all inputs except `data` and indices.
    data: the names of inputs that are data.
    requested, everything, symbolic, replacement: as for `Graph`.
    missing_policy: as for `Graph`; by default, weights of submodules are refused unless values are given.
    """
    try:
        assignments, used = parse_program(lines, (*inputs, *given))
        builder = _Builder(assignments, used, inputs, given)
        builder.graph.requested = frozenset(requested) | given.keys()
        builder.graph.everything, builder.graph.symbolic = everything, symbolic
        builder.graph.replacement = replacement
        builder.graph.missing_policy = missing_policy or builder.graph.missing_policy
        builder.check_roles(parameters, data)
        try:
            spend(LINE * len(assignments))
            for assignment in assignments:
                builder.assign(assignment)
        except MissingInputs as first:
            second = _Builder(assignments, used, inputs, given)
            raise QuestionErrors(second.all_missing(assignments, first)) from None
        claim_builder = ClaimBuilder(builder)
        built_claims = [claim_builder.build(claim, at) for at, claim in enumerate(claims)]
        builder.used |= claim_builder.used
        builder.check_inputs()
    except QuestionError as error:
        raise QuestionErrors([error]) from None
    graph = builder.graph
    untrained = _find_indices(graph) if parameters is None else ()
    for name in builder.inputs:
        value = graph.names.get(name)
        if value is not None:
            usual = name not in data and value.index not in untrained
            value.is_parameter = name in parameters if parameters is not None else usual
    return graph, built_claims


def _find_indices(graph: Graph) -> set[int]:
    """Return the values whose entries a step uses as indices, as they are or moved."""
    found: set[int] = set()
    for value in reversed(graph.values):
        if value.primitive is None:
            continue
        if value.primitive.kind == "same" and value.index in found:
            found.update(operand.index for operand in value.inputs)
        elif kinds := value.primitive.operand_kinds:
            pairs = zip(value.primitive.operands, value.inputs, strict=False)
            found.update(operand.index for name, operand in pairs if "index" in kinds.get(name, ()))
    return found


@lru_cache(maxsize=64)
@cache
def _axes(rank: int) -> str:
    """Return the names of the axes of a line's value."""
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
        shapes = {name: tensor.shape for name, tensor in given.items()}
        super().__init__(assignments, Graph(declared=self.declared, given=shapes))
        self.inputs, self.given = inputs, given
        self.used = set(used).difference(self.lines)
        calls = {line.name: line.value.text for line in assignments if line.value.head == "call"}
        self.called = {
            name: CATALOGUE[operation]
            for name, operation in calls.items()
            if operation in CATALOGUE and CATALOGUE[operation].parts
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
        """Return whether a name is that of an input of a line's submodules: `h.attention.w_q`."""
        line, _, inner = name.partition(".")
        return "." in inner and line in self.called and self.called[line].find_input(inner) is not None

    def check_roles(self, parameters: Collection[str] | None, data: Collection[str]) -> None:
        """Raise QuestionError for inputs that lines assign, and for roles of names that are not inputs."""
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
        """Raise QuestionError for an unused input or given value, QuestionErrors for missing values."""
        self._check_supply()
        for name in self.inputs:
            if name not in self.used and name not in self.graph.sent_inputs:
                line, _, inner = name.partition(".")
                if inner and line in self.called:
                    raise unknown_input_error(("inputs", name), self.called[line], inner, f"{line}.")
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
        """Return the errors of free names that have no value."""
        return [
            QuestionError(
                ("inputs", name), f"{name} is required, unless values that take its place are given",
                "a tensor", "nothing",
            )
            for name in self.free
            if name not in self.given
        ]  # fmt: skip

    def all_missing(self, assignments: list[Assignment], first: QuestionErrors) -> list[QuestionError]:
        """Return the errors of all missing inputs, from a build that assumes them.

        first: the errors of the first build.
        """
        self.graph.missing_policy, self.graph.missing_errors = "unknown", []
        with suppress(
            QuestionError, QuestionErrors
        ):  # other errors are reported once the inputs are complete
            for assignment in assignments:
                self.assign(assignment)
        errors = [*self._missing(), *first.errors, *map(self._at_input, self.graph.missing_errors)]
        return [*{error.path: error for error in errors}.values()]

    def _check_supply(self) -> None:
        """Raise QuestionError for a weight that no submodule of its line takes."""
        for name, tensor in self.graph.sent_inputs.items():
            if isinstance(self.terms[name.partition(".")[0]], Unknown):
                self._input(name, tensor)
            elif name not in self.graph.names:
                raise self._at_input(unused_error(name, "nothing here takes it"))

    def _at_input(self, error: QuestionError) -> QuestionError:
        """Re-point an error of a submodule's input to the request field, `given` or `inputs`."""
        return error.within("given" if error.path[0] in self.given else "inputs")

    def assign(self, assignment: Assignment) -> None:
        """Build one line and name its value."""
        name, line = assignment.name, assignment.line
        if self.lines[name] != line:
            fault = ProgramFault(
                assignment.column,
                f"{name} cannot be assigned: it is assigned in line {self.lines[name] + 1} already",
                "a name of its own for each line",
                "an assigned name",
            )
            raise fault.at("program", line)
        self.line, noted = name, len(self.graph.static_notes)
        self.column = assignment.value.column
        try:
            term = self._build_call(assignment) or self.build(assignment.value)
            if not isinstance(term, Value):
                term = self.one(term, assignment.value)
        except ProgramFault as fault:
            raise fault.at("program", line) from None
        except QuestionError as error:
            raise self._at_line(error, assignment) from None
        except QuestionErrors as errors:
            kind = MissingInputs if isinstance(errors, MissingInputs) else QuestionErrors
            raise kind(self._at_line(error, assignment) for error in errors.errors) from None
        self.terms[name] = self._named(name, term, line)
        self.graph.lines[name] = line
        self.line = ""
        if len(self.graph.static_notes) > noted or self.old_names:
            self._complete_notes(name, noted)

    def _complete_notes(self, name: str, noted: int) -> None:
        """Let the notes of a line name its value, and note old names of functions. noted: earlier notes."""
        for place, (code, at, message) in enumerate(self.graph.static_notes[noted:], noted):
            if at not in self.graph.names:  # an operation inside the line, without a name
                self.graph.static_notes[place] = code, name, message
        for old, new in self.old_names.items():
            message = f"{old} is called {new} now; the old name is understood for one more version"
            self.graph.add_note("renamed", name, message)
        self.old_names.clear()

    def _at_line(self, error: QuestionError, assignment: Assignment) -> QuestionError:
        """Re-point an error of a called operation to the line."""
        if error.path[:1] in (("program",), ("given",)):
            return error
        if error.path and self._is_supplied(str(error.path[0])):
            return self._at_input(error)
        argument = str(error.path[-1]) if error.path else ""
        message = place_in_program(assignment.line, self.column, error.message, argument)
        return type(error)(("program", assignment.line), message, error.expected, error.received)

    def _named(self, name: str, term: Term, line: int) -> Term:
        """Name a term; an unknown term whose name is given becomes that input."""
        if isinstance(term, Unknown):
            if name in self.given:
                return self._input(name, self.given[name])
            self.graph.unnamed.append(name)
            return term
        assert isinstance(term, Value)
        if term.name is not None:  # a second name for the same value
            term = apply("identity", term)
        axes = _axes(len(self.graph.given.get(name, term.shape)))
        self.declared[name] = ValueSpec(name, axes, axes, f"Line {line + 1}.", symbol_latex(name))
        return term.named(name)

    def _build_call(self, assignment: Assignment) -> Term | None:
        """Build a line that is a single call of an operation; its inner values are named `line.value`."""
        node = assignment.value
        if node.head != "call" or node.text not in CATALOGUE:
            return None
        operation = CATALOGUE[node.text]
        first = len(self.graph.values)
        arguments = self.arguments(operation, node)
        if arguments is None:
            return Unknown()
        self.column = node.column
        output = call(operation, assignment.name, self.graph, **arguments)
        self.locate(node, first)
        if operation.name in SOFTMAXES:
            note_softmax(self.graph, self.line, operation.name, output)
        if output.name == f"{assignment.name}.output":
            del self.graph.names[output.name]
            output.name = None
        else:  # the line's name replaces that of the output
            self.graph.on_request.add(f"{assignment.name}.output")
        return output
