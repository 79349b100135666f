"""With three brokers, the loss or the restart of any stops nothing: replication 3, two in sync, every lane goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.dev.cluster import DevCluster
from tests.chaos.steps import FIRST, Chaos, seed
from tests.deployment import Deployment
from tests.kafka import own_cluster

RECORDS = 8_000


@pytest.fixture
def three_brokers(tmp_path: Path) -> Iterator[DevCluster]:
    with own_cluster(tmp_path / "kafka", 3) as running:
        yield running


def test_brokers_killed_and_restarted_stop_nothing_and_a_worker_killed_beside_them_loses_nothing(
    three_brokers: DevCluster, tmp_path: Path
) -> None:
    with Deployment(three_brokers, tmp_path, FIRST) as panlock:
        chaos = Chaos(panlock, three_brokers, seed())
        chaos.run([chaos.lose_broker, chaos.kill, chaos.roll_brokers], RECORDS)
