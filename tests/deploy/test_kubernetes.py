"""deploy/kubernetes rendered by kustomize, valid against Kubernetes' own schemas, and the same platform as docker-compose.yml."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.compose import JOBS, ROOT, SERVICES, containers, filled
from tests.deploy.tools import tool

FOLDERS = ("base", "overlays/example")
SECRET = filled()
Resource = dict[str, Any]


@cache
def _text(folder: str) -> str:
    source = ROOT / "deploy" / "kubernetes" / folder
    outcome = subprocess.run([tool("kustomize"), "build", str(source)], capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def rendered(folder: str) -> list[Resource]:
    """Every resource that `kubectl apply -k` would send."""
    return list(yaml.safe_load_all(_text(folder)))


def of_kind(kind: str, resources: list[Resource]) -> dict[str, Resource]:
    return {one["metadata"]["name"]: one for one in resources if one["kind"] == kind}


def workloads(resources: list[Resource]) -> dict[str, Resource]:
    """Pod specs by name."""
    found = {**of_kind("Deployment", resources), **of_kind("Job", resources)}
    return {name: one["spec"]["template"]["spec"] for name, one in found.items()}


def environment(pod: Resource, config: Mapping[str, str]) -> dict[str, str]:
    """A container's variables as the kubelet computes them: `$(NAME)` only sees what stands before it."""
    values = dict(config)
    for variable in pod["containers"][0].get("env", []):
        if "valueFrom" in variable:
            reference = variable["valueFrom"]["secretKeyRef"]
            assert reference["name"] == "recours"
            values[variable["name"]] = SECRET[reference["key"]]
        else:
            values[variable["name"]] = re.sub(r"\$\(([A-Z_]+)\)", lambda found: values[found[1]], variable["value"])
    return values


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_rendered_is_valid_for_kubernetes(folder: str, tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(rendered(folder)))
    validate = Path(sys.executable).parent / "kubernetes-validate"
    for version in ("1.37.0", "1.32.0"):
        command = [str(validate), "--strict", "--kubernetes-version", version, str(file)]
        outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_the_validator_refuses_a_field_that_does_not_exist(tmp_path: Path) -> None:
    resources = rendered("base")
    next(iter(of_kind("Deployment", resources).values()))["spec"]["replica"] = 2
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(resources))
    validate = Path(sys.executable).parent / "kubernetes-validate"
    assert subprocess.run([str(validate), "--strict", str(file)], capture_output=True, timeout=60, check=False).returncode != 0


def test_every_container_gets_the_variables_and_the_command_of_the_compose_file() -> None:
    resources = rendered("base")
    config = of_kind("ConfigMap", resources)["recours"]["data"]
    pods = workloads(resources)
    compose = containers(SECRET)
    assert set(pods) == {*SERVICES, *JOBS, "recours"}
    for name, pod in pods.items():
        given = environment(pod, config)
        only_to_build_others = {variable for variable in given if variable.endswith("_PASSWORD")}
        assert {key: value for key, value in given.items() if key not in only_to_build_others} == compose[name].environment, name
        if name != "recours":  # waits for `kubectl exec` there, runs one command in compose
            assert pod["containers"][0]["args"] == compose[name].command


def test_no_container_sees_a_secret_of_another() -> None:
    allowed = {"REDIS_PASSWORD", "RECOURS_TOKEN_PUBLIC_KEY"}
    sealed, console = {"RECOURS_MASTER_KEY"}, {"RECOURS_TOKEN_PRIVATE_KEY", "RECOURS_CONSOLE_PUBLIC_URL"}
    own = {"intake": sealed, "regulation": sealed, "console": console}
    pods = workloads(rendered("base"))
    for name in SERVICES:
        asked = {one["valueFrom"]["secretKeyRef"]["key"] for one in pods[name]["containers"][0]["env"] if "valueFrom" in one}
        assert asked == allowed | {f"{name.upper()}_PASSWORD"} | own.get(name, set())


def test_no_secret_stands_in_a_manifest() -> None:
    for folder in FOLDERS:
        assert not of_kind("Secret", rendered(folder)), "it is made from deploy/make-env, never committed"


def test_services_listen_where_the_others_and_prometheus_look() -> None:
    resources = rendered("base")
    compose = containers(SECRET)
    for name in SERVICES:
        deployment, service = of_kind("Deployment", resources)[name], of_kind("Service", resources)[name]
        ports = {port["name"]: port["containerPort"] for port in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]}
        listening = {"http": f"RECOURS_{name.upper()}_PORT", "ops": f"RECOURS_{name.upper()}_OPS_PORT"}
        assert ports == {port: int(compose[name].environment[variable]) for port, variable in listening.items()}
        assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == ports
        annotations = deployment["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(ports["ops"])
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()


def test_every_pod_runs_without_rights_on_a_read_only_file_system() -> None:
    for folder in FOLDERS:
        for name, pod in workloads(rendered(folder)).items():
            container = pod["containers"][0]
            assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001, name
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert pod["automountServiceAccountToken"] is False
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }  # fmt: skip
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"], name


def test_a_database_that_is_away_takes_traffic_away_and_kills_nobody() -> None:
    for name, pod in workloads(rendered("base")).items():
        container = pod["containers"][0]
        if name not in SERVICES:
            assert "livenessProbe" not in container
            continue
        assert container["readinessProbe"]["httpGet"] == {"path": "/health", "port": "ops"}
        assert container["livenessProbe"]["httpGet"] == {"path": "/metrics", "port": "ops"}, "/health says 503 without the database"
        assert pod["terminationGracePeriodSeconds"] >= 3 + 4 + 15, "until nobody calls, HTTP, handlers in flight"


def test_a_node_may_be_drained_and_someone_still_answers() -> None:
    resources = rendered("base")
    budgets = of_kind("PodDisruptionBudget", resources)
    for name in SERVICES:
        several = of_kind("Deployment", resources)[name]["spec"]["replicas"] > 1
        assert (name in budgets) == several, "a budget over a single pod would forbid every drain"


def allowed(resources: list[Resource], name: str) -> Iterator[tuple[str, str]]:
    """Who (a component or a namespace) may reach which port of a service."""
    labels = of_kind("Deployment", resources)[name]["spec"]["template"]["metadata"]["labels"]
    for policy in of_kind("NetworkPolicy", resources).values():
        selector = policy["spec"]["podSelector"].get("matchLabels", {})
        if selector.items() <= labels.items():
            for rule in policy["spec"].get("ingress", []):
                for peer in rule["from"]:
                    (matched,) = (one["matchLabels"] for one in peer.values())
                    for port in rule["ports"]:
                        yield next(iter(matched.values())), port["port"]


def test_only_the_console_calls_the_services_and_only_the_ingress_the_console() -> None:
    resources = rendered("base")
    assert of_kind("NetworkPolicy", resources)["nobody-else"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    watching = {("monitoring", "ops"), ("recours", "ops"), ("console", "ops")}
    for name in SERVICES:
        through_http = {("ingress-nginx", "http"), ("console", "http")} if name == "console" else {("console", "http")}
        assert set(allowed(resources, name)) == watching | through_http


def test_the_image_is_named_in_one_place() -> None:
    for folder, image in (("base", "recours:local"), ("overlays/example", "registry.example.org/recours:0.1.0")):
        assert {pod["containers"][0]["image"] for pod in workloads(rendered(folder)).values()} == {image}
