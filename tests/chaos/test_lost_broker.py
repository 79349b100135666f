"""With three brokers, the loss of any stops nothing that has a replica elsewhere, and loses nothing.

One cluster for all: replication 3, two in sync. A broker that is killed is down until the others have decided
everything. One worker reaches the brokers through proxies, which can be cut. PANLOCK_SEED repeats the choices of a run.
They may take ten minutes in all.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic

from deploy.dev.cluster import DevCluster
from deploy.provision import provision
from tests.chaos.proxy import Proxies, proxies
from tests.chaos.steps import FIRST, Chaos, seed
from tests.chaos.traffic import PARTITIONS
from tests.deployment import Deployment, until
from tests.kafka import own_cluster


@pytest.fixture(scope="module")
def between() -> Iterator[Proxies]:
    with proxies(3) as running:
        yield running


@pytest.fixture(scope="module")
def three_brokers(between: Proxies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    with own_cluster(tmp_path_factory.mktemp("kafka"), 3, proxies=between.ports) as running:
        between.targets = running.proxied
        yield running


@pytest.mark.timeout(420)
def test_any_broker_and_the_network_of_a_worker_may_go_and_all_is_decided_once(
    three_brokers: DevCluster, between: Proxies, tmp_path: Path
) -> None:
    with Deployment(three_brokers, tmp_path, FIRST) as panlock:
        chaos = Chaos(panlock, three_brokers, seed(), between)
        steps = [chaos.lose_coordinator, chaos.lose_state, chaos.kill, chaos.cut_off, chaos.roll_brokers]
        chaos.run(steps, 2_000 * len(steps))


@pytest.mark.timeout(180)
def test_a_lane_whose_only_replica_of_a_clean_partition_is_down_waits_and_the_others_go_on(
    three_brokers: DevCluster, tmp_path: Path
) -> None:
    with Deployment(three_brokers, tmp_path, FIRST) as panlock:
        place_alone(panlock, "clean.payments")
        chaos = Chaos(panlock, three_brokers, seed())
        chaos.run([chaos.lose_only_replica], 1_500)


def place_alone(panlock: Deployment, topic: str) -> None:
    """The topic anew, each partition on one broker, and the second one has partition 1 alone."""
    panlock.admin.delete_topics([topic])[topic].result(30)
    until(f"{topic} gone", lambda: topic not in panlock.admin.list_topics(timeout=30).topics)
    replicas = [[2] if partition == 1 else [1 if partition % 2 else 3] for partition in range(PARTITIONS)]
    made = NewTopic(topic, PARTITIONS, replica_assignment=replicas, config={"min.insync.replicas": "1"})
    panlock.admin.create_topics([made])[topic].result(30)
    provision(panlock.cluster.config("admin"), panlock.policy)
