"""The files for operators agree with the service: settings, memory, paths, ports and times."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.app import create_app, list_paths
from service.server import KILLING
from service.settings import Settings
from service.settings_checks import PREFIX
from service.version import VERSION
from tests.docs.blocks import ROOT

FOLDER = ROOT / "docs" / "operations"
RESOURCES = {
    one["kind"]: one
    for one in yaml.safe_load_all((FOLDER / "kubernetes" / "workings.yaml").read_text("utf-8"))
}
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
POD = RESOURCES["Deployment"]["spec"]["template"]
[CONTAINER] = POD["spec"]["containers"]
MIB = 2**20
MB = 10**6


def settings_of(environment: dict[str, str]) -> Settings:
    names = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items()}
    return Settings.model_validate(names, strict=False)


def most_memory(settings: Settings) -> int:
    """Return the bytes that docs/settings.md tells to plan for."""
    server = 150 * MB + settings.plan_bytes + 2 * settings.held_bytes
    worker = 350 * MB + settings.plan_bytes + settings.kept_bytes + settings.worker_memory
    return server + settings.workers * worker + settings.exact_workers * (256 * MIB + settings.exact_memory)


def environment() -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in CONTAINER["env"]}


@pytest.mark.parametrize("sent", [environment(), COMPOSE["services"]["workings"]["environment"]])
def test_variables_are_settings(sent: dict[str, str]) -> None:
    assert all(name.startswith(PREFIX) for name in sent)
    assert {name.removeprefix(PREFIX).lower() for name in sent} <= set(Settings.model_fields)
    settings_of(sent)


def test_the_memory_of_a_pod_is_that_of_its_settings() -> None:
    limit = CONTAINER["resources"]["limits"]["memory"]
    assert limit.endswith("Mi")
    needed = most_memory(settings_of(environment()))
    assert needed <= int(limit[:-2]) * MIB < 1.1 * needed + 64 * MIB


def test_the_memory_of_the_container_is_that_of_its_settings() -> None:
    service = COMPOSE["services"]["workings"]
    assert most_memory(settings_of(service["environment"])) <= int(service["mem_limit"][:-1]) * 2**30


def test_probes_and_scrapes_ask_for_paths_that_exist() -> None:
    paths = list_paths(create_app())
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = CONTAINER[probe]["httpGet"]
        assert asked["path"] in paths and asked["port"] == "http"
    notes = POD["metadata"]["annotations"]
    assert notes["prometheus.io/path"] in paths
    [port] = CONTAINER["ports"]
    assert int(notes["prometheus.io/port"]) == port["containerPort"] == 8000
    [rule] = RESOURCES["NetworkPolicy"]["spec"]["ingress"]
    assert [entry["port"] for entry in rule["ports"]] == [8000]


def test_a_pod_has_time_to_stop() -> None:
    [waiting] = re.findall(r"sleep\((\d+)\)", CONTAINER["lifecycle"]["preStop"]["exec"]["command"][-1])
    needed = int(waiting) + Settings().stop_seconds + KILLING
    assert POD["spec"]["terminationGracePeriodSeconds"] > needed
    assert int(COMPOSE["services"]["workings"]["stop_grace_period"][:-1]) > needed - int(waiting)


def test_resources_select_the_pods() -> None:
    labels = POD["metadata"]["labels"]
    assert RESOURCES["Service"]["spec"]["selector"] == labels
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert RESOURCES[kind]["spec"]["selector"]["matchLabels"] == labels
    assert RESOURCES["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    target = RESOURCES["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", RESOURCES["Deployment"]["metadata"]["name"])


def test_pods_run_without_privileges_and_write_nothing() -> None:
    assert POD["spec"]["securityContext"]["runAsNonRoot"] is True
    [user] = re.findall(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert POD["spec"]["securityContext"]["runAsUser"] == int(user)
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert COMPOSE["services"]["workings"]["read_only"] is True
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert str(Path(environment()["WORKINGS_KEY_FILE"]).parent) in mounts


def test_the_autoscaler_asks_for_a_metric_that_exists() -> None:
    metrics: list[dict[str, Any]] = RESOURCES["HorizontalPodAutoscaler"]["spec"]["metrics"]
    [asked] = [metric["pods"]["metric"]["name"] for metric in metrics if metric["type"] == "Pods"]
    assert f"| `{asked}` |" in (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_image_is_of_this_version() -> None:
    assert CONTAINER["image"] == f"workings:{VERSION}"


def test_files_that_are_mounted_exist() -> None:
    for name in ("prometheus", "grafana"):
        sources = [volume.partition(":")[0] for volume in COMPOSE["services"][name]["volumes"]]
        for source in sources:
            assert (FOLDER / source).exists() or source in COMPOSE["volumes"], source
    [target] = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))[
        "scrape_configs"
    ][0]["static_configs"][0]["targets"]
    assert target == "workings:8000"  # the name of the service in the compose file
