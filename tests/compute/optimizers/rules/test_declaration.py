"""The declarations of all optimizers."""

from typing import Annotated, Any

import pytest

from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.declaration import Number, Setting, State, optimizer, settings_from_signature
from compute.optimizers.run.config import OptimizerConfig
from tests.compute.optimizers.asking import QUADRATIC, steps_of


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_is_documented(name: str) -> None:
    declared = OPTIMIZERS[name]
    assert declared.name == name
    assert declared.formulas and declared.source and declared.summary
    assert "\n" not in declared.summary and "  " not in declared.source
    assert any(char.isdigit() for char in declared.source)
    assert declared.learning_rate > 0
    for one in declared.settings.values():
        assert one.declared.meaning.endswith(".") or ":" in one.declared.meaning
        least, below = one.declared.least, one.declared.below
        if not one.choices and not one.is_switch:
            assert least is None or one.default >= least
            assert below is None or one.default < below
        else:
            assert one.is_switch or one.default in one.choices


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_buffers_have_the_names_that_are_declared(name: str) -> None:
    last = steps_of({"name": name}, {"x": 1.0, "y": 1.0}, QUADRATIC, steps=2)[-1]
    for kept in last.state.values():
        assert set(kept) <= set(OPTIMIZERS[name].buffers)
        assert [one for one in OPTIMIZERS[name].buffers if one in kept] == list(kept)


def test_defaults_are_those_of_pytorch_and_of_the_papers() -> None:
    rates = {name: one.learning_rate for name, one in OPTIMIZERS.items()}
    assert {name for name, rate in rates.items() if rate == 0.001} == {"adam", "adamw", "amsgrad", "radam"}
    assert (rates["adamax"], rates["nadam"], rates["adadelta"], rates["lion"]) == (0.002, 0.002, 1, 1e-4)
    assert (OPTIMIZERS["adamw"].weight_decay, OPTIMIZERS["adamw"].decay) == (0.01, "decoupled")
    assert OPTIMIZERS["amsgrad"].settings["amsgrad"].default is True
    assert OPTIMIZERS["adam"].settings["amsgrad"].default is False


def test_formulas_of_variants_show_their_differences() -> None:
    """AMSGrad divides by the largest mean so far; AdamW takes decay from the parameters."""
    assert any(r"\max" in one for one in OPTIMIZERS["amsgrad"].equations({}))
    assert not any(r"\max" in one for one in OPTIMIZERS["adam"].equations({}))
    assert r"\lambda" in OptimizerConfig("adamw").equations()[-1]
    for settings in ({}, {"centered": True}, {"momentum": 0.9}, {"centered": True, "momentum": 0.9}):
        *_, last = OPTIMIZERS["rmsprop"].equations(settings)
        assert (r"\bar g" in "".join(OPTIMIZERS["rmsprop"].equations(settings))) == ("centered" in settings)
        assert last.startswith("x_t")


def test_decay_of_lion_is_decoupled() -> None:
    """Chen et al. 2023, algorithm 2: theta - eta (sign(c) + lambda theta)."""
    assert OPTIMIZERS["lion"].decay == "decoupled"


def test_a_rule_has_to_name_its_source() -> None:
    def nameless(state: State) -> Any:
        """A rule."""

    with pytest.raises(ValueError, match="source"):
        optimizer("x", learning_rate=1, buffers={})(nameless)
    assert "nameless" not in OPTIMIZERS


def test_settings_have_to_be_annotated() -> None:
    def rule(state: State, *, one: float = 1) -> Any: ...

    with pytest.raises(ValueError, match="one"):
        settings_from_signature(rule)

    def right(state: State, *, one: Annotated[Number, Setting("It.", "a", least=0)] = 1) -> Any: ...

    assert settings_from_signature(right)["one"].declared.least == 0
