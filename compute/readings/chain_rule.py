r"""The chain rule of each gradient, by the consumers of its value.

A term such as `\frac{\partial L}{\partial S} K` is written by the gradient rules of the primitives, run on
arrays of formulas. Where a rule works on single entries, the term is the transposed Jacobian times the
consumer's gradient.
"""

from collections.abc import Callable
from typing import Any

from compute.graph.graph import Value
from compute.graph.primitive import KEPT, REGISTRY, RESULT
from compute.graph.steps import step_values
from compute.latex import SUM, Formula
from compute.readings.formulas import scope_of, write_step, write_symbol
from compute.readings.reverse_mode import ROWS, UPSTREAM, Differentiation, Source, bind_rule, numeric_shape
from compute.readings.written_arrays import FormulaWriter, NotWritten, WrittenArray

WRITER: Any = FormulaWriter()
INVERSES = {"split_axis": "concat", "merge_axis": "split"}
Symbol = Callable[[Value], Formula]


def gradient_of(symbol: Formula) -> Formula:
    """Return the gradient of the final scalar L with respect to a symbol."""
    return Formula(rf"\frac{{\partial L}}{{\partial {symbol.text}}}", scalar=symbol.scalar)


def write_terms(plan: Differentiation, value: Value) -> dict[Source, Formula]:
    """Return the terms of a value's gradient, by source."""
    terms: dict[Source, Formula] = {}
    for source in plan.cotangents[value.index].sources:
        scope = scope_of(value)
        if source == UPSTREAM:
            terms[source] = Formula(r"\text{upstream}")
        elif source == ROWS:
            row = Formula(write_symbol(value, scope).scripted("_", "t"))
            terms[source] = Formula(rf"\left[{gradient_of(row).text}\right]_{{t}}")
        else:
            consumer = plan.evaluation.graph.values[int(source)]

            def symbol(other: Value, scope: list[str] = scope) -> Formula:
                return write_symbol(other, scope)

            try:
                terms[source] = pull_back(consumer, value, symbol, lambda other: gradient_of(symbol(other)))
            except NotWritten:
                jacobian = rf"\frac{{\partial {symbol(consumer).text}}}{{\partial {symbol(value).text}}}"
                passed = gradient_of(symbol(consumer)).text
                terms[source] = Formula(rf"\left({jacobian}\right)^{{\top}} {passed}", SUM)
    return terms


def pull_back(consumer: Value, target: Value, write_value: Symbol, write_gradient: Symbol) -> Formula:
    """Return the contribution of a consumer's gradient to the gradient of one of its operands.

    write_value, write_gradient: write a named value, and the gradient of one.

    Raises NotWritten if a gradient rule on the way works on single entries.
    """
    inside = {consumer.index: WrittenArray(write_gradient(consumer), _shape(consumer))}
    values = step_values(consumer)
    passing = {target.index}
    for inner in values:
        if any(operand.index in passing for operand in inner.inputs):
            passing.add(inner.index)
    for inner in reversed(values):
        if inner.applied is None or inner.index not in inside:
            continue
        for place in inner.applied.differentiable:
            operand = inner.inputs[place]
            if operand.index == target.index or (operand.name is None and operand.index in passing):
                passed = _pull_through(inner, place, inside[inner.index], write_value)
                before = inside.get(operand.index)
                inside[operand.index] = passed if before is None else WRITER.add(before, passed)
    return inside[target.index].formula


def _pull_through(inner: Value, place: int, incoming: WrittenArray, write_value: Symbol) -> WrittenArray:
    """Apply the gradient rule of one operand."""
    assert inner.applied is not None
    rule = inner.applied.rules[place]
    assert rule is not None
    if inner.applied.primitive.is_row_select:
        raise NotWritten
    if inner.applied.primitive.name in INVERSES:
        inverse = INVERSES[inner.applied.primitive.name]
        moved = Formula(rf"\operatorname{{{inverse}}}\left({incoming.formula.text}\right)")
        return WrittenArray(moved, _shape(inner.inputs[place]))
    arguments = [_write_need(inner, need, write_value) for need in rule.needs]
    passed: Any = bind_rule(WRITER, inner.applied, place)(incoming, *arguments)
    shape = _shape(inner.inputs[place])
    is_broadcast = inner.applied.primitive.broadcasts and passed.shape != shape
    result: WrittenArray = passed.sum_to(shape) if is_broadcast else passed
    return result


def _write_need(inner: Value, need: int, write_value: Symbol) -> WrittenArray:
    if need == KEPT:
        assert inner.primitive is not None
        if inner.primitive.keeping is None:
            raise NotWritten
        operands = [_write(operand, write_value) for operand in inner.inputs]
        kept: WrittenArray = inner.primitive.keeping(WRITER, *operands, **inner.attributes)[1]
        return kept
    return _write(inner if need == RESULT else inner.inputs[need], write_value)


def _write(value: Value, write_value: Symbol) -> WrittenArray:
    if value.name is None and value.primitive is REGISTRY["transpose"]:
        return _write(value.inputs[0], write_value).T
    written = write_value(value) if value.name is not None else write_step(value, write_value)
    return WrittenArray(written, _shape(value))


def _shape(value: Value) -> tuple[int, ...]:
    shape = numeric_shape(value.shape)
    if shape is None:
        raise NotWritten
    return shape
