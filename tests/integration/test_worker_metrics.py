"""/metrics of a real worker: what it counts, what waits, what is closed; and nothing of any record."""

import json
from collections.abc import Iterator

import pytest
from confluent_kafka import TopicPartition

from deploy.dev.cluster import DevCluster
from tests.deployment import Deployment, until
from tests.integration.engine_policy import CHECKOUT, LONG, PLAIN, POLICY, plain
from tests.scraping import Scrape, needs_promtool, promtool

PAN = "4111111111111111"
SECRET = "a-key-that-no-metric-may-show"


@pytest.fixture(scope="module")
def panlock(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path_factory.mktemp("metrics"), POLICY) as deployed:
        yield deployed


@pytest.fixture(scope="module")
def scrape(panlock: Deployment) -> Scrape:
    """After 20 plain records, one with a card number, one held with one behind it, and one that is malformed."""
    worker = panlock.worker().wait_ready(2)
    key = SECRET.encode()
    held = [(0, key, LONG), (0, key, PLAIN), (1, b"k", f'{{"number":"{PAN}"}}'.encode()), (1, key, b"{")]
    panlock.produce(CHECKOUT, [*plain(0, 10), *plain(1, 10), *held])

    def decided() -> Scrape | None:
        found = Scrape(worker)
        return found if (found.get("panlock_audit_events_total") or 0) >= 23 + 2 + 1 and all_read(found) else None

    return until("every outcome in the metrics", decided)


def all_read(found: Scrape) -> bool:
    return found.get("panlock_queued_records") == 1 and found.get("panlock_lag_records") == 0


def test_outcomes_and_findings_are_counted(scrape: Scrape) -> None:
    records = {
        ("released", ""): 21, ("held", "long"): 1, ("held", "short"): 0, ("waiting", ""): 1,
        ("rejected", "malformed-json"): 1, ("rejected", "signature-invalid"): 0,
    }  # fmt: skip
    for (outcome, reason), count in records.items():
        labels = {"flow": "payments", "outcome": outcome, "reason": reason}
        assert scrape.get("panlock_records_total", **labels) == count, labels
    assert scrape.get("panlock_findings_total", flow="payments", **{"class": "pan"}) == 1
    assert scrape.get("panlock_findings_total") == 1
    assert scrape.get("panlock_audit_events_total", type="record.released") == 21
    assert scrape.get("panlock_audit_events_total", type="lane.opened") == 2
    assert scrape.get("panlock_decisions_refused_total", reason="owner") == 0
    assert scrape.get("panlock_transaction_records_sum") == 24
    transactions = scrape.get("panlock_transaction_seconds_count") or 0
    assert transactions >= 3 and scrape.get("panlock_transaction_seconds_bucket", le="+Inf") == transactions


def test_what_waits_is_told_by_rule_with_its_age(scrape: Scrape) -> None:
    assert scrape.get("panlock_pending_records", flow="payments", rule="long") == 1
    assert scrape.get("panlock_pending_records", flow="payments", rule="short") == 0
    age = scrape.get("panlock_pending_oldest_seconds", flow="payments", rule="long")
    assert age is not None and 0 < age < 300
    assert scrape.get("panlock_rule_expires_seconds", flow="payments", rule="long") == 3600
    assert scrape.get("panlock_queued_records", flow="payments") == 1


def test_lanes_their_lag_and_what_they_run_are_told(panlock: Deployment, scrape: Scrape) -> None:
    for lane in ("0", "1"):
        assert scrape.get("panlock_lane_open", lane=lane) == 1
        assert scrape.get("panlock_lag_seconds", lane=lane, topic=CHECKOUT, partition=lane) == 0
        assert scrape.get("panlock_lag_records", lane=lane, topic="panlock.decisions", partition=lane) == 0
        assert scrape.get("panlock_lane_restore_remaining_records", lane=lane) == 0
    assert scrape.get("panlock_lane_closed") is None
    assert scrape.get("panlock_lanes") == 2
    assert scrape.get("panlock_worker_kafka") == scrape.get("panlock_worker_joined") == 1
    assert scrape.get("panlock_worker_info", policy=panlock.policy.hash, application=panlock.policy.application) == 1


def test_no_metric_has_anything_of_a_record(scrape: Scrape) -> None:
    assert SECRET not in scrape.text and PAN not in scrape.text and "4111" not in scrape.text
    names = {name for sample in scrape.samples for name in sample.labels}
    assert names == {
        "application", "class", "flow", "lane", "le", "outcome", "partition", "policy", "policy_version", "reason",
        "rule", "topic", "type", "version",
    }  # fmt: skip


@needs_promtool
def test_promtool_finds_nothing_to_mend(scrape: Scrape) -> None:
    promtool("check", "metrics", given=scrape.text)


def test_its_log_is_lines_of_json_with_their_lane(panlock: Deployment, scrape: Scrape) -> None:
    (worker,) = panlock.workers
    text = worker.log.read_text().splitlines()
    assert [line for line in text if not line.startswith("{")] == []
    lines = [json.loads(line) for line in text]
    assert lines and all({"event", "level", "logger", "timestamp"} <= line.keys() for line in lines)
    assert scrape.get("panlock_log_lines_withheld_total") == 0
    assert scrape.get("panlock_log_lines_scanned_total") is not None


def test_a_closed_lane_says_why_and_how_far_it_is_behind(panlock: Deployment, scrape: Scrape) -> None:
    (worker,) = panlock.workers
    assert worker.stop() == 0
    last = max(panlock.produce(CHECKOUT, plain(0, 5)))
    for future in panlock.admin.delete_records([TopicPartition(CHECKOUT, 0, last)]).values():
        future.result(30)
    again = panlock.worker()

    def closed() -> Scrape | None:
        found = Scrape(again)
        lost = found.get("panlock_lane_closed", lane="0", reason="input-lost")
        return found if lost and found.get("panlock_lane_open", lane="1") else None

    found = until("the lane closed", closed)
    assert found.get("panlock_lane_open", lane="0") == 0 and found.get("panlock_lane_closed") == 1
    assert found.get("panlock_lag_records", lane="0", topic=CHECKOUT) == 5
    assert found.get("panlock_pending_records", rule="long") == 1
    assert found.get("panlock_audit_events_total", type="records.lost") == 1
    lines = [json.loads(line) for line in again.log.read_text().splitlines()]
    assert [line["lane"] for line in lines if "input was lost" in line["event"]] == [0]
