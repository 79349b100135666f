"""Whatever dies, stops, moves or restarts: every input has exactly one fate, in order, and the audit tells it whole.

Two workers and a spare take two lanes of 100,000 records and more, while workers are killed (-9), stopped until their
lanes have moved and then continued, restarted one by one under a policy with one more producer, and the broker
restarts. PANLOCK_SEED repeats the choices of a run, which prints it.
"""

import time
from pathlib import Path

import pytest

from deploy.dev.cluster import DevCluster
from tests.chaos.steps import FIRST, Chaos, seed
from tests.deployment import Deployment

RECORDS = 102_000
SINGLE_KILLS, DOUBLE_KILLS, FREEZES = 11, 2, 2  # 15 kills
LIMIT = 240  # seconds


@pytest.mark.timeout(LIMIT + 30)
def test_each_record_has_exactly_one_fate(fresh_cluster: DevCluster, tmp_path: Path) -> None:
    began = time.monotonic()
    with Deployment(fresh_cluster, tmp_path, FIRST) as panlock:
        chaos = Chaos(panlock, fresh_cluster, seed())
        steps = [chaos.kill] * SINGLE_KILLS + [chaos.kill_both] * DOUBLE_KILLS + [chaos.freeze] * FREEZES
        chaos.run([*steps, chaos.roll, chaos.restart_broker], RECORDS)
    assert chaos.traffic.count >= RECORDS
    assert time.monotonic() - began < LIMIT
