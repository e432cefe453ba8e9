"""Prometheus, Grafana, the trace collector and the proxy: files checked by the programs that read them, and against the code."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared import metrics
from tests.deploy.compose import ROOT, SERVICES, containers, filled
from tests.deploy.tools import tool

DEPLOY = ROOT / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
_NAME = re.compile(r"\brecours_[a-z_]+")


def ran(*command: str, **environment: str) -> str:
    """Everything the program said; fails with it."""
    outcome = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parent, env={**os.environ, **environment}
    )
    said = outcome.stdout + outcome.stderr
    assert outcome.returncode == 0, said
    return said


def test_prometheus_reads_its_configuration_and_rules() -> None:
    ran(tool("promtool"), "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))


def test_each_alert_fires_when_it_should_and_only_then() -> None:
    ran(tool("promtool"), "test", "rules", "alerts.test.yml")


def test_every_alert_has_a_test() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    cases = yaml.safe_load((Path(__file__).parent / "alerts.test.yml").read_text(encoding="utf-8"))
    judged = [one for case in cases["tests"] for one in case["alert_rule_test"]]
    assert {one["alertname"] for one in judged if one["exp_alerts"]} == alerts, "each fires in a test"
    assert {one["alertname"] for one in judged if not one["exp_alerts"]} == alerts, "each stays silent in a test"


def expressions() -> Iterator[tuple[str, str]]:
    """Where an expression stands, and the expression."""
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for dashboard in DASHBOARDS:
        for panel in panels(json.loads(dashboard.read_text(encoding="utf-8"))):
            for target in panel.get("targets", []):
                yield panel["title"], target["expr"]


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def test_rules_and_dashboards_name_metrics_and_labels_of_the_code() -> None:
    declared = {metric.name: set(metric.labels) for metric in metrics.DECLARED}
    for where, expression in expressions():
        labels = {"instance", "job", "le"}
        for name in _NAME.findall(expression):
            histogram = re.sub(r"_(bucket|count|sum)$", "", name)
            known = name if name in declared else histogram if histogram in declared else None
            assert known is not None, f"{where}: {name} is not a metric of shared/metrics.py"
            labels |= declared[known]
        used = re.findall(r"by \(([^)]*)\)", expression) + re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"", expression)
        assert {label.strip() for group in used for label in group.split(",")} <= labels, where


def test_each_query_of_the_dashboards_parses(tmp_path: Path) -> None:
    rules = [{"record": f"check:{number}", "expr": expression} for number, (_, expression) in enumerate(expressions())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    ran(tool("promtool"), "check", "rules", str(file))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_only_data_sources_that_are_provisioned(path: Path) -> None:
    provisioned = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text(encoding="utf-8"))
    known = {(source["uid"], source["type"]) for source in provisioned["datasources"]}
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    asked = {(panel["datasource"]["uid"], panel["datasource"]["type"]) for panel in panels(dashboard) if panel["type"] != "row"}
    assert asked and asked <= known
    identifiers = [panel["id"] for panel in panels(dashboard)]
    assert len(identifiers) == len(set(identifiers))


def test_what_is_provisioned_answers_in_the_compose_file() -> None:
    running = containers(filled())
    sources = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text(encoding="utf-8"))["datasources"]
    assert {re.sub(r"http://([a-z-]+):\d+", r"\1", source["url"]) for source in sources} <= set(running)
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/recours.yaml").read_text(encoding="utf-8"))["providers"][0]
    assert any(volume.split(":")[1] == provider["options"]["path"] for volume in running["grafana"].volumes)


def test_prometheus_scrapes_the_second_address_of_every_service() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    targets = {target for job in config["scrape_configs"] for static in job["static_configs"] for target in static["targets"]}
    running = containers(filled())
    assert targets == {f"{name}:{running[name].environment[f'RECOURS_{name.upper()}_OPS_PORT']}" for name in SERVICES}


def test_the_collector_uses_what_it_declares_and_listens_where_services_send() -> None:
    config = yaml.safe_load((DEPLOY / "otel" / "collector.yaml").read_text(encoding="utf-8"))
    pipeline = config["service"]["pipelines"]["traces"]
    for part in ("receivers", "processors", "exporters"):
        assert set(pipeline[part]) == set(config[part]), f"{part}: each is declared, and used"
    assert pipeline["processors"][0] == "memory_limiter", "it refuses before the batch fills"
    running = containers(filled())
    sent_to = running["intake"].environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
    listens = config["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    assert sent_to == f"http://otel-collector:{listens}"
    assert config["exporters"]["otlp/jaeger"]["endpoint"].split(":")[0] in running


def test_the_proxy_reads_its_file() -> None:
    said = ran(
        tool("caddy"), "validate", "--config", str(DEPLOY / "proxy" / "Caddyfile"), "--adapter", "caddyfile",
        RECOURS_HOSTNAME="recours.localhost",
    )  # fmt: skip
    assert "Valid configuration" in said
