"""Which Kafka the integration tests run on: `PANLOCK_KAFKA`.

embedded    brokers are processes of this machine (the default)
docker      brokers are containers, of the image PANLOCK_KAFKA_IMAGE (apache/kafka:4.3.1)
FILE        the cluster that this YAML file names (tests/existing.py); tests that need brokers of their own skip
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.dev.cache import Say
from deploy.dev.clients import Cluster
from deploy.dev.cluster import DevCluster, dev_cluster
from deploy.dev.java import Java
from deploy.dev.oauth import OAuthListener
from deploy.dev.reports import AccessReports
from tests.existing import ExistingClusterError, existing_cluster

KAFKA = os.environ.get("PANLOCK_KAFKA", "embedded")
IMAGE = os.environ.get("PANLOCK_KAFKA_IMAGE", "apache/kafka:4.3.1")


@contextmanager
def any_cluster(directory: Path, say: Say | None = None) -> Iterator[Cluster]:
    """For tests that need no more than topics and ACLs: a cluster of one broker, or the one that exists."""
    if KAFKA in ("embedded", "docker"):
        with own_cluster(directory, 1, say) as running:
            yield running
        return
    if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
        pytest.exit(f"on one cluster ({KAFKA}) the tests run one after the other: pytest -n 0", returncode=4)
    try:
        yield existing_cluster(Path(KAFKA), directory)
    except ExistingClusterError as error:
        pytest.exit(str(error), returncode=4)


@contextmanager
def own_cluster(
    directory: Path,
    brokers: int = 1,
    say: Say | None = None,
    oauth: OAuthListener | None = None,
    reports: AccessReports | None = None,
    proxies: Sequence[int] = (),
) -> Iterator[DevCluster]:
    """Brokers of the test's own, which it may stop and kill, and whose disks it may read."""
    if KAFKA not in ("embedded", "docker"):
        pytest.skip(f"needs brokers of its own, and PANLOCK_KAFKA names {KAFKA}")
    with dev_cluster(directory, brokers, say, oauth, reports, _java(), proxies) as running:
        yield running


def directory_of(cluster: Cluster) -> Path:
    """Of the brokers' disks and logs, for a test that looks into them."""
    if not isinstance(cluster, DevCluster):
        pytest.skip(f"looks into the brokers' files, and PANLOCK_KAFKA names {KAFKA}")
    return cluster.directory


def _java() -> Java | None:
    if KAFKA == "embedded":
        return None
    from tests.containers import ContainerJava  # asks for a Docker engine

    return ContainerJava(IMAGE)
