"""Moments of every line of a program, in the order of computing, and of the gradients backward.

Inputs are random, with entries independent of one another; what each rule assumes beyond that is noted.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from compute.arithmetic.expressions import ExpressionError
from compute.budgets.planning import look_through
from compute.dimensions import Shape, product, symbols
from compute.errors import QuestionError, QuestionErrors, at, unknown_name
from compute.graph.graph import Graph, Value
from compute.readings.moments.distributions import Distribution, Moments, start_moments
from compute.readings.moments.quantities import Floats, Letters, Number, Numbers
from compute.readings.moments.rules import UPSTREAM, NoRule, Rules, count_terms

KERNEL_AXES = 3  # weights with as many axes are those of convolutions: filters, channels, extents


class Row(NamedTuple):
    """The moments of every entry of one value, or of its gradient.

    line: the number of the line that computes it, from 1; None for an input.
    second_moment: the mean of the square.
    rules: the rules that they follow from. assumptions: what these need, in words.
    """

    name: str
    line: int | None
    shape: Shape
    mean: Number
    variance: Number
    second_moment: Number
    rules: list[str]
    assumptions: list[str]


class Propagated(NamedTuple):
    """The moments of inputs and lines, and of the gradients from the last line back to the inputs."""

    values: list[Row]
    gradients: list[Row]


def choose_numbers(graph: Graph, has_letters: bool) -> Numbers:
    """Return floats, or exact expressions if a size or a distribution is in letters."""
    in_letters = any(symbols(size) for value in graph.values for size in value.shape)
    return Letters() if has_letters or in_letters else Floats()


def propagate(
    graph: Graph,
    distributions: Mapping[str, Distribution],
    numbers: Numbers,
    upstream: Distribution | None,
    linearize: bool,
) -> Propagated:
    """Return the moments of all lines and gradients.

    distributions: those of the inputs, by name.
    upstream: that of the gradient of the last line, whose entries are independent of everything; by default 1
        for a single number, and otherwise normal with mean 0 and variance 1.
    linearize: whether functions are replaced by their tangents at 0.
    Raises QuestionErrors for an input without a distribution, and for a step that has no rule.
    """
    if graph.repeats:
        raise at(("program",), "repeats layers in letters", "a number of layers", "a letter")
    return _Propagation(graph, distributions, Rules(numbers, linearize)).run(upstream)


class _Propagation:
    def __init__(self, graph: Graph, distributions: Mapping[str, Distribution], rules: Rules) -> None:
        self.graph, self.distributions, self.rules = graph, distributions, rules
        self.moments: dict[int, Moments] = {}

    def run(self, upstream: Distribution | None) -> Propagated:
        """Return all rows. Raises QuestionErrors."""
        self._check_inputs()
        values = [*self._start()]
        steps: list[Value] = []
        for name in self.graph.lines:
            value = self.graph.names[name]
            for one in self._list_new(value):
                self._follow(one)
                steps.append(one)
            values.append(self._row(value, name, self.moments[value.index]))
            self._clear()
        gradients = [*self._go_back(steps, upstream)]
        return Propagated(values, gradients)

    def _list_new(self, value: Value) -> list[Value]:
        """Return the values that one is computed from and that no line before it needs, in order."""
        found: dict[int, Value] = {}
        pending = [value]
        while pending:
            one = pending.pop()
            if one.index not in self.moments and one.index not in found:
                found[one.index] = one
                pending.extend(one.inputs)
        return sorted(found.values(), key=_index)

    def _check_inputs(self) -> None:
        """Raise QuestionErrors for inputs without distributions and distributions without inputs."""
        inputs = {str(value.name): value for value in self.graph.values if value.applied is None}
        missing = [name for name in inputs if name not in self.distributions]
        errors = [
            QuestionError(
                ("random", name), "an input has no distribution", "mean and variance, or a distribution",
                "nothing",
            )
            for name in missing
        ]  # fmt: skip
        errors += [
            unknown_name(("random", name), "input", name, inputs)
            for name in self.distributions
            if name not in inputs
        ]
        if errors:
            raise QuestionErrors(errors)

    def _start(self) -> Iterator[Row]:
        for value in self.graph.values:
            if value.applied is not None:
                continue
            name = str(value.name)
            distribution, numbers = self.distributions[name], self.rules.numbers
            one = numbers.make(1)
            fans = self._find_fans(value) if distribution.is_initializer else (one, one)
            try:
                found, rule = start_moments(distribution, name, fans, numbers)
            except ExpressionError as error:
                raise at(
                    ("random", name), f"the number {error}", "a distribution with moments", distribution.name
                ) from None
            self.moments[value.index] = found
            self.rules.words[rule] = None
            yield self._row(value, name, found)
            self._clear()

    def _find_fans(self, weights: Value) -> tuple[Number, Number]:
        """Return fan_in and fan_out of weights. Raises QuestionErrors if they are in no product."""
        numbers = self.rules.numbers
        look_through(len(self.graph.values))
        moved = {weights.index}
        for value in self.graph.values:
            if value.applied is None or not any(operand.index in moved for operand in value.inputs):
                continue
            word = value.applied.primitive.moments
            if word == "moved":
                moved.add(value.index)
            elif word == "product" and value.applied.cost.multiply_adds != 0:
                fan_in = numbers.size(count_terms(value.applied))
                if weights.rank >= KERNEL_AXES:
                    return fan_in, numbers.size(product((weights.shape[0], *weights.shape[2:])))
                return fan_in, numbers.apply("divide", [numbers.size(product(weights.shape)), fan_in])
        raise at(
            ("random", str(weights.name)), "an initializer needs the fan of weights, which are in no product",
            "weights of a product or a convolution, or mean and variance", "weights of no product",
        )  # fmt: skip

    def _follow(self, value: Value) -> None:
        """Find the moments of one value."""
        if value.index in self.moments or value.applied is None:
            return
        operands = [self.moments[operand.index] for operand in value.inputs]
        try:
            self.moments[value.index] = self.rules.forward(value, operands)
        except (NoRule, ExpressionError) as error:
            raise self._refuse(value, error) from None

    def _go_back(self, steps: list[Value], upstream: Distribution | None) -> Iterator[Row]:
        """Yield the moments of gradients from the last line back to the inputs."""
        rules = self.rules
        output = self.graph.names[list(self.graph.lines)[-1]]
        if not self.moments[output.index].sources or output.kind != "real":
            return
        one = rules.numbers.make(1)
        if upstream is None and not output.shape:
            upstream = Distribution("constant", {"value": one})
        elif upstream is None:
            upstream = Distribution("normal", {"mean": rules.zero, "variance": one})
        start, rule = start_moments(upstream, UPSTREAM, (one, one), rules.numbers)
        gradients: dict[int, list[Moments]] = {output.index: [start]}
        ordered = sorted(steps, key=_index)
        named = {value.index for value in self.graph.values if value.name in self.graph.lines}
        notes: dict[int, tuple[dict[str, None], dict[str, None]]] = {
            output.index: ({f"the upstream gradient, independent of everything; {rule}": None}, {})
        }
        inputs = [value for value in self.graph.values if value.applied is None and value.kind == "real"]
        depends = {value.index for value in inputs}
        for value in ordered:
            if value.applied is not None and any(
                value.inputs[place].index in depends for place in value.applied.differentiable
            ):
                depends.add(value.index)
        for value in [*(one for one in reversed(ordered) if one.applied is not None), *reversed(inputs)]:
            if value.index not in gradients:
                continue
            rules.words, rules.assumptions = notes.setdefault(value.index, ({}, {}))
            g = gradients[value.index][0]
            for path in gradients[value.index][1:]:
                g = rules.add(g, path, 1, "the gradients along different paths")
            words, assumptions = dict(rules.words), dict(rules.assumptions)
            if value.index in named or value.applied is None:
                yield self._row(value, str(value.name), g)
                words, assumptions = {}, {}
            if value.applied is None:
                continue
            operands = [self.moments[operand.index] for operand in value.inputs]
            for place in value.applied.differentiable:
                operand = value.inputs[place]
                if operand.index not in depends:
                    continue
                rules.words, rules.assumptions = dict(words), dict(assumptions)
                try:
                    passed = rules.backward(value, place, g, operands)
                except (NoRule, ExpressionError) as error:
                    raise self._refuse(value, error) from None
                gradients.setdefault(operand.index, []).append(passed)
                kept = notes.setdefault(operand.index, ({}, {}))
                kept[0].update(rules.words)
                kept[1].update(rules.assumptions)

    def _row(self, value: Value, name: str, found: Moments) -> Row:
        rules = self.rules
        line = self.graph.lines.get(name)
        return Row(
            name, None if line is None else line + 1, value.shape, found.mean, found.variance,
            rules.second(found), list(rules.words), list(rules.assumptions),
        )  # fmt: skip

    def _clear(self) -> None:
        self.rules.words, self.rules.assumptions = {}, {}

    def _refuse(self, value: Value, error: Exception) -> QuestionErrors:
        """Return the error about a step that moments do not pass through."""
        assert value.primitive is not None
        line = self.graph.lines[self.graph.line_of(value.index)]
        return at(
            ("program", line), f"line {line + 1}: {value.primitive.name} {error}",
            "steps that expectations pass through: sums, products of independent values, convolutions, means,"
            " activations and dropout",
            value.primitive.name,
        )  # fmt: skip


def _index(value: Value) -> int:
    return value.index
