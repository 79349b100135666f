"""The alert rules: promtool takes them, each fires when it should and not before, and each has its runbook."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.scraping import needs_promtool, promtool

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/metrics/panlock.rules.yaml"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
}
WORKER = {"job": "panlock-worker", "instance": "w1"}
SEALER = {"job": "panlock-sealer", "instance": "s1"}
EXPORT = {"job": "panlock-export", "instance": "e1"}
BROKERS = {"job": "panlock-broker-audit", "instance": "b1"}
LOG = {"log": "c/panlock.audit/0"}
INPUT = {"lane": "0", "topic": "quarantine.payments.checkout", "partition": "0"}
DECISIONS = {"lane": "0", "topic": "panlock.decisions", "partition": "0"}
RULE = {"flow": "payments", "rule": "large"}
INFO = ("panlock_worker_info", WORKER, "1x60")


class Case(NamedTuple):
    """`fires`, `quiet`: values of the first series, one a minute; `labels`: those that the alert keeps, and `at`: when
    it is looked at; `beside`: other series."""

    metric: str
    labels: dict[str, str]
    fires: str
    quiet: str
    at: str = "10m"
    beside: tuple[tuple[str, dict[str, str], str], ...] = ()
    kept: tuple[str, ...] | None = None  # None: all
    named: bool = True  # whether the alert keeps the metric's labels


def counter(metric: str, labels: dict[str, str], *kept: str) -> Case:
    return Case(metric, labels, "0 0 0 1x20", "7x20", "8m", kept=kept)


def rejected(reason: str, *kept: str) -> Case:
    labels = {**WORKER, "flow": "payments", "outcome": "rejected", "reason": reason}
    return counter("panlock_records_total", labels, *kept)


def pace(outcome: str) -> tuple[str, dict[str, str]]:
    return "panlock_records_total", {**WORKER, "flow": "payments", "outcome": outcome, "reason": ""}


CASES = {
    "PanlockWorkerGone": Case("up", WORKER, "0x20", "1x20", beside=(INFO,)),
    "PanlockWorkerWithoutKafka": Case("panlock_worker_kafka", WORKER, "0x20", "1 1 1 0 1x20", "4m"),
    "PanlockLaneClosed": Case("panlock_lane_closed", {**WORKER, "lane": "0", "reason": "input-lost"}, "1x20", "_x20"),
    "PanlockLaneNotOpening": Case(
        "panlock_lane_closed", {**WORKER, "lane": "0", "reason": "opening"}, "1x20", "1 1 stale", "5m"
    ),
    "PanlockLaneMissing": Case(
        "panlock_lanes",
        WORKER,
        "2x20",
        "1x20",
        kept=("job",),
        beside=(("panlock_lane_open", {**WORKER, "lane": "0"}, "1x20"),),
    ),
    "PanlockTransactionsFail": Case(
        "panlock_lane_closings_total",
        {**WORKER, "reason": "failed"},
        "0+1x20",
        "0 0 1x20",
        "15m",
        kept=("job", "instance"),
    ),
    "PanlockTransactionsSlow": Case(
        "panlock_transaction_seconds_bucket",
        {**WORKER, "le": "1"},
        "0+1x30",
        "0+9x30",
        "20m",
        kept=("job", "instance"),
        beside=tuple(("panlock_transaction_seconds_bucket", {**WORKER, "le": le}, "0+9x30") for le in ("2", "+Inf")),
    ),
    "PanlockLag": Case("panlock_lag_seconds", {**WORKER, **INPUT}, "61x20", "61 61 0 61x20", "6m"),
    "PanlockDecisionsNotRead": Case("panlock_lag_seconds", {**WORKER, **DECISIONS}, "61x20", "59x20"),
    "PanlockStoreCorrupt": counter(
        "panlock_audit_events_total", {**WORKER, "type": "store.corrupt"}, "job", "instance"
    ),
    "PanlockIdentityRefused": rejected("signature-invalid", "job", "flow", "reason"),
    "PanlockRejections": Case(
        *pace("rejected"), "0+6x40", "0+5x40", "20m", kept=("job", "flow"), beside=((*pace("released"), "0+100x40"),)
    ),
    "PanlockInternalError": rejected("internal-error", "job", "flow"),
    "PanlockPendingTooOld": Case(
        "panlock_pending_oldest_seconds",
        {**WORKER, **RULE},
        "0+60x60",
        "0+40x60",
        "50m",
        beside=(("panlock_rule_expires_seconds", {**WORKER, **RULE}, "3600x60"),),
    ),
    "PanlockQueueFull": rejected("queue-full", "job", "flow"),
    "PanlockDecisionsSuspicious": counter(
        "panlock_decisions_refused_total", {**WORKER, "reason": "wrong-hash"}, "job", "reason"
    ),
    "PanlockBreakGlass": Case(
        "panlock_break_glass_unreviewed", {**WORKER, "lane": "0"}, "1x20", "0x20", kept=("job", "lane")
    ),
    "PanlockIssuerUnreachable": Case("panlock_issuer_up", {**WORKER, "issuer": "corp"}, "0x20", "0 0 1 0x20", "6m"),
    "PanlockCardDataInLogs": counter("panlock_log_lines_withheld_total", WORKER, "job", "instance"),
    "PanlockCardDataInAudit": counter("panlock_sealer_card_data_found_total", SEALER, "job", "instance"),
    "PanlockSealerGone": Case("panlock_sealer_kafka", SEALER, "0x20", "1x20"),
    "PanlockLogRefused": Case("panlock_sealer_refused", {**SEALER, **LOG, "reason": "tombstone"}, "1x20", "_x20"),
    "PanlockUnsealed": Case("panlock_sealer_unsealed_seconds", {**SEALER, **LOG}, "61x20", "12x20"),
    "PanlockManifestOld": Case("panlock_sealer_manifest_age_seconds", SEALER, "301x20", "20x20"),
    "PanlockTwoHistories": Case("panlock_sealer_witness_refused", {**SEALER, **LOG, "witness": "w"}, "1x20", "_x20"),
    "PanlockWitnessGone": Case("panlock_sealer_witness_age_seconds", {**SEALER, "witness": "w"}, "901x20", "9x20"),
    "PanlockTimestampsFail": Case("panlock_sealer_timestamp_age_seconds", SEALER, "7201x20", "3600x20"),
    "PanlockExportLate": Case("panlock_export_unexported_seconds", {**EXPORT, **LOG}, "301x20", "10x20"),
    "PanlockExportShrank": Case("panlock_export_events", {**EXPORT, **LOG}, "9 9 9 9 8x20", "9x20", "12m"),
    "PanlockBrokerAuditGone": Case("panlock_broker_audit_kafka", BROKERS, "0x20", "1x20"),
    "PanlockBrokerSilent": Case("panlock_broker_audit_silent", {**BROKERS, "node": "1/broker"}, "1x20", "0x20"),
    "PanlockBrokerAuditGap": counter(
        "panlock_broker_audit_events_total", {**BROKERS, "type": "access.gap"}, "job", "type"
    ),
}


def written(series: tuple[str, dict[str, str], str]) -> dict[str, str]:
    name, labels, values = series
    return {
        "series": name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}",
        "values": values,
    }


def promtools_test(alert: str, case: Case, values: str, fires: bool) -> dict[str, Any]:
    kept = {key: value for key, value in case.labels.items() if case.kept is None or key in case.kept}
    expected = [{"exp_labels": {**kept, **ALERTS[alert]["labels"]}}] if fires else []
    return {
        "name": f"{alert} {'fires' if fires else 'is quiet'}",
        "interval": "1m",
        "input_series": [written((case.metric, case.labels, values)), *map(written, case.beside)],
        "alert_rule_test": [{"eval_time": case.at, "alertname": alert, "exp_alerts": expected}],
    }


@needs_promtool
def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", RULES)


@needs_promtool
def test_each_alert_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    rules = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]  # their templates are checked above; here labels say which it is
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    tests = [
        promtools_test(alert, case, values, fires)
        for alert, case in CASES.items()
        for values, fires in ((case.fires, True), (case.quiet, False))
    ]
    (tmp_path / "tests.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests})
    )
    promtool("test", "rules", tmp_path / "tests.yaml")


def test_each_alert_is_tested_and_says_how_bad_it_is_for_which_requirement_and_what_to_do() -> None:
    assert set(CASES) == set(ALERTS)
    titles = re.findall(r"^#+ (.+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in ("critical", "warning"), name
        assert re.fullmatch(r"\d+(\.\d+)+(, \d+(\.\d+)+)*", rule["labels"]["pci"]), name
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}", name
        assert rule["annotations"]["summary"] and rule["annotations"]["description"], name
        assert name in titles, f"docs/operations.md has no runbook for {name}"


def test_the_metrics_page_names_each_alert_and_only_those_there_are() -> None:
    named = set(re.findall(r"Panlock[A-Z][A-Za-z]+", (ROOT / "docs/metrics.md").read_text()))
    assert named <= set(ALERTS), named - set(ALERTS)


@pytest.mark.parametrize("path", sorted((ROOT / "deploy/metrics").iterdir()), ids=lambda path: path.name)
def test_what_is_deployed_names_no_host(path: Path) -> None:
    assert not re.search(r"https?://|localhost|127\.0\.0\.1", path.read_text())
