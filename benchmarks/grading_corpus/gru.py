"""A GRU, its reset gate on the product h W (as in PyTorch) or on h itself (as in the paper)."""

from dataclasses import dataclass

import numpy as np

from benchmarks.grading_corpus.in_time import (
    FormulaAt,
    Lookup,
    at,
    per_step,
    previous,
    question,
    sigmoid,
    stacks,
)
from benchmarks.grading_corpus.sheets import Array, Convention, Formula, Mistake, Sheet, Step, gradient, value

R, Z, N, S = "reset_gate", "update_gate", "candidate", "hidden"


def bent(v: Lookup, g: Lookup, name: str, t: int) -> Array:
    """Return the gradient before a gate's or the candidate's activation."""
    own = v[at(name, t)]
    return g[at(name, t)] * (1 - own**2 if name == N else own * (1 - own))


def all_bent(v: Lookup, g: Lookup, t: int) -> Array:
    return np.concatenate([bent(v, g, name, t) for name in (R, Z, N)])


@dataclass(frozen=True)
class Gru:
    """The formulas of a GRU with h units."""

    steps: int
    h: int
    reset_after: bool

    def part(self, matrix: Array, name: str) -> Array:
        """Return the third of the columns that belongs to a gate."""
        k = (R, Z, N).index(name)
        return matrix[..., k * self.h : (k + 1) * self.h]

    def from_input(self, v: Lookup, t: int, name: str) -> Array:
        return v["x"][t - 1] @ self.part(v["w_x"], name) + self.part(v["b"], name)

    def gate(self, weights: str) -> FormulaAt:
        return lambda t: (
            lambda v, g: sigmoid(
                self.from_input(v, t, weights) + previous(v, S, t) @ self.part(v["w_h"], weights)
            )
        )

    def candidate(self, after: bool, with_reset: bool = True) -> FormulaAt:
        def make(t: int) -> Formula:
            def formula(v: Lookup, g: Lookup) -> Array:
                reset = v[at(R, t)] if with_reset else 1.0
                before, w = previous(v, S, t), self.part(v["w_h"], N)
                term = reset * (before @ w) if after else (reset * before) @ w
                return np.tanh(self.from_input(v, t, N) + term)

            return formula

        return make

    def into_state(self, v: Lookup, g: Lookup, t: int) -> Array:
        """Return the gradient that step t sends back to the state before it."""
        found = g[at(S, t)] * v[at(Z, t)]
        for name in (R, Z):
            found = found + self.part(v["w_h"], name) @ bent(v, g, name, t)
        w, raw = self.part(v["w_h"], N), bent(v, g, N, t)
        return found + (w @ (raw * v[at(R, t)]) if self.reset_after else (w @ raw) * v[at(R, t)])

    def to_hidden(self, t: int) -> Formula:
        return lambda v, g: g["output"][t - 1] + (self.into_state(v, g, t + 1) if t < self.steps else 0.0)

    def to_reset(self, t: int) -> Formula:
        def formula(v: Lookup, g: Lookup) -> Array:
            before, w, raw = previous(v, S, t), self.part(v["w_h"], N), bent(v, g, N, t)
            return raw * (before @ w) if self.reset_after else (w @ raw) * before

        return formula

    def to_w_h(self, v: Lookup, g: Lookup) -> Array:
        columns = []
        for name in (R, Z):
            terms = [np.outer(previous(v, S, t), bent(v, g, name, t)) for t in self.times()]
            columns.append(sum(terms))
        if self.reset_after:
            terms = [np.outer(previous(v, S, t), bent(v, g, N, t) * v[at(R, t)]) for t in self.times()]
        else:
            terms = [np.outer(previous(v, S, t) * v[at(R, t)], bent(v, g, N, t)) for t in self.times()]
        return np.concatenate([*columns, sum(terms)], axis=1)

    def times(self) -> range:
        return range(1, self.steps + 1)

    def work(self) -> tuple[Step, ...]:
        found: list[Step] = []
        for t in self.times():
            found += [
                Step(value(at(R, t)), self.gate(R)(t)),
                Step(value(at(Z, t)), self.gate(Z)(t)),
                Step(value(at(N, t)), self.candidate(self.reset_after)(t)),
                Step(value(at(S, t)), hidden(t)),
            ]
        for t in reversed(self.times()):
            found += [
                Step(gradient(at(S, t)), self.to_hidden(t)),
                Step(gradient(at(Z, t)), to_update(t)),
                Step(gradient(at(N, t)), to_candidate(t)),
                Step(gradient(at(R, t)), self.to_reset(t)),
            ]
        return (
            *found,
            Step(
                gradient("w_x"),
                lambda v, g: sum(np.outer(v["x"][t - 1], all_bent(v, g, t)) for t in self.times()),
            ),
            Step(gradient("w_h"), self.to_w_h),
            Step(gradient("b"), lambda v, g: sum(all_bent(v, g, t) for t in self.times())),
            Step(gradient("x"), lambda v, g: np.stack([v["w_x"] @ all_bent(v, g, t) for t in self.times()])),
        )

    def mistakes(self) -> dict[str, Mistake]:
        only = tuple(value(at(name, t)) for t in self.times() for name in (R, Z, N, S))
        replaced = {
            "update_gate_turned_round": per_step(self.steps, value, S, turned),
            "reset_gate_left_out": per_step(
                self.steps, value, N, self.candidate(self.reset_after, with_reset=False)
            ),
            "gate_blocks_exchanged": per_step(self.steps, value, R, self.gate(Z))
            | per_step(self.steps, value, Z, self.gate(R)),
            "reset_on_the_other_side": per_step(self.steps, value, N, self.candidate(not self.reset_after)),
        }
        return {f"gru.{code}": Mistake(formulas, only=only) for code, formulas in replaced.items()}

    def sheet(self, rng: np.random.Generator, d: int) -> Sheet:
        draw, h = rng.standard_normal, self.h
        known = {
            "x": draw((self.steps, d)), "w_x": draw((d, 3 * h)), "w_h": draw((h, 3 * h)), "b": draw(3 * h),
            "start": np.zeros(h),
        }  # fmt: skip
        upstream = {"output": draw((self.steps, h))}
        settings = {} if self.reset_after else {"reset_after": False}
        mistakes = self.mistakes()
        other = Convention({"reset_after": not self.reset_after}, mistakes["gru.reset_on_the_other_side"])
        return Sheet(
            "gru",
            question("gru", known, upstream, **settings),
            known,
            upstream,
            self.work(),
            stacks(self.steps, (R, Z, N, S)),
            mistakes,
            (other,),
        )


def hidden(t: int) -> Formula:
    return lambda v, g: (1 - v[at(Z, t)]) * v[at(N, t)] + v[at(Z, t)] * previous(v, S, t)


def turned(t: int) -> Formula:
    return lambda v, g: v[at(Z, t)] * v[at(N, t)] + (1 - v[at(Z, t)]) * previous(v, S, t)


def to_update(t: int) -> Formula:
    return lambda v, g: g[at(S, t)] * (previous(v, S, t) - v[at(N, t)])


def to_candidate(t: int) -> Formula:
    return lambda v, g: g[at(S, t)] * (1 - v[at(Z, t)])
