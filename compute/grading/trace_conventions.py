"""Other settings of an optimizer that a student may have used."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from compute.grading.traces import TraceComputation
from compute.optimizers.rules.declaration import OPTIMIZERS, SettingField
from compute.optimizers.run.config import OptimizerConfig

DECAY_FORMS = ("coupled", "decoupled", "post")
FIRST_STEPS = (0, 1)  # numbers that courses give to the first step
FORMS_OF_MOMENTUM = ("momentum", "nesterov", "nesterov_lookahead")


def other_settings(config: OptimizerConfig) -> list[dict[str, Any]]:
    """Return the changes of one setting with a closed set of choices, each as `{setting: value}`.

    The `name` of the optimizer is one where rules are forms of each other.
    """
    return list(_other_settings(config))


def with_settings(config: OptimizerConfig, change: Mapping[str, Any]) -> OptimizerConfig:
    """Return a configuration with a change, without settings that have no use then."""
    name = change.get("name", config.name)
    declared = OPTIMIZERS[name].settings
    settings = {**config.settings, **{key: value for key, value in change.items() if key in declared}}
    groups = tuple(
        replace(one, settings={key: value for key, value in one.settings.items() if key in declared})
        for one in config.groups
    )
    own = {key: settings[key] for key in settings.keys() & declared}
    changed = replace(config, name=name, settings=own, groups=groups)
    if "decay" in change:
        changed = replace(changed, decay=change["decay"])
    used = changed.conventions()
    return replace(changed, settings={key: settings[key] for key in settings if key in used})


def under_settings(
    computation: TraceComputation, config: OptimizerConfig, change: Mapping[str, Any]
) -> TraceComputation:
    """Return the computation of the same values under other settings. Raises QuestionErrors."""
    return computation.with_optimizer(with_settings(config, change))


def _other_settings(config: OptimizerConfig) -> Iterator[dict[str, Any]]:
    used = config.conventions()
    for name, setting in OPTIMIZERS[config.name].settings.items():
        if name in used:
            yield from ({name: value} for value in _choices(setting) if value != used[name])
    if "decay" in used:
        yield from ({"decay": form} for form in DECAY_FORMS if form != used["decay"])
    if config.name in FORMS_OF_MOMENTUM:
        yield from ({"name": name} for name in FORMS_OF_MOMENTUM if name != config.name)


def _choices(setting: SettingField) -> tuple[Any, ...]:
    if setting.is_switch:
        return (True, False)
    return FIRST_STEPS if setting.is_whole else setting.choices
