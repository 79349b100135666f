"""/metrics of a worker, for Prometheus: docs/metrics.md names each of them and what to do.

What a label says comes from the policy, from topics' names and from codes: never from a record. Gathered on the loop,
one lane after another, so that no lane waits for it, and written out in a thread.
"""

import asyncio
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from faust.types import TP
from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.lag import shut_ends
from agents.lane_metrics import LaneMetrics
from agents.logs import LogMetrics
from agents.tally import Tally
from pipeline.policy.models import Policy
from pipeline.source import Source

if TYPE_CHECKING:
    from agents.app import Worker

_PROCESS = ProcessCollector(registry=None)


class _Gathered(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


async def rendered(worker: "Worker") -> bytes:
    lanes = LaneMetrics()
    ends: Mapping[TP, int] = await shut_ends(worker)
    for lane in list(worker.lanes.values()):
        lanes.add(worker, lane, ends)
        await asyncio.sleep(0)
    families = [*_worker(worker), *_tally(worker.services.tally), *lanes.families(worker.policy)]
    families += [_findings(worker.sources), *_issuers(worker), *_rules(worker.policy), *LogMetrics().collect()]
    return await asyncio.to_thread(generate_latest, _Gathered([*families, *_PROCESS.collect()]))


def _worker(worker: "Worker") -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "panlock_worker_info", "1: what it runs", labels=["version", "application", "policy", "policy_version"]
    )
    policy = worker.policy
    info.add_metric([version("panlock"), policy.application, policy.hash, str(policy.version)], 1)
    yield info
    yield GaugeMetricFamily("panlock_worker_kafka", "1 while Kafka answers", float(worker.kafka_answers))
    yield GaugeMetricFamily("panlock_worker_joined", "1 once it is a member of its group", float(worker.joined))
    yield GaugeMetricFamily("panlock_lanes", "That the policy has, on all workers together", policy.lanes)


def _tally(tally: Tally) -> Iterator[Metric]:
    records = CounterMetricFamily(
        "panlock_records", "Outcomes, by rule where held", labels=["flow", "outcome", "reason"]
    )
    for outcome, count in tally.outcomes.items():
        records.add_metric(outcome, count)
    events = CounterMetricFamily("panlock_audit_events", "Written to the lanes' audit", labels=["type"])
    for type_, count in tally.events.items():
        events.add_metric([type_.value], count)
    refusals = CounterMetricFamily("panlock_decisions_refused", "What people said in vain", labels=["reason"])
    for reason, count in tally.refusals.items():
        refusals.add_metric([reason.value], count)
    closings = CounterMetricFamily("panlock_lane_closings", "How often a lane was closed", labels=["reason"])
    for closed, count in tally.closings.items():
        closings.add_metric([closed.value], count)
    yield from (records, events, refusals, closings)
    yield from (*tally.seconds.collect(), *tally.records.collect())


def _findings(sources: Mapping[str, Source]) -> Metric:
    """Counted by the kernel, flow by flow."""
    found = CounterMetricFamily("panlock_findings", "Places that were masked", labels=["flow", "class"])
    for flow, source in {source.flow: source for source in sources.values()}.items():
        for class_, count in source.masker.findings():
            if class_ != "clear":  # declared, and never masked
                found.add_metric([flow, class_], count)
    return found


def _issuers(worker: "Worker") -> Iterator[Metric]:
    up = GaugeMetricFamily("panlock_issuer_up", "1: it told its keys when it was last asked", labels=["issuer"])
    for alias, answered in worker.services.issuers.answered().items():
        up.add_metric([alias], float(answered))
    yield up


def _rules(policy: Policy) -> Iterator[Metric]:
    expires = GaugeMetricFamily("panlock_rule_expires_seconds", "That a hold may wait", labels=["flow", "rule"])
    for name, flow in policy.flows.items():
        for rule in flow.hold:
            expires.add_metric([name, rule.id], rule.expires_ms / 1000)
    yield expires
