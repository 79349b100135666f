"""Clusters for all tests: real brokers, started once where tests can share them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from deploy.dev.clients import Cluster
from deploy.dev.cluster import DevCluster
from tests.kafka import any_cluster, own_cluster

# The same examples at every run: what a new one finds belongs into a change, not into somebody else's test run.
# --hypothesis-profile=default draws new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile("repeatable")


def _say(text: str) -> None:
    print(f"  {text}", file=sys.__stderr__, flush=True)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for the whole run. Name topics, groups and principals so that tests do not meet."""
    with any_cluster(_directory(tmp_path_factory), _say) as running:
        yield running


@pytest.fixture(scope="module")
def fresh_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """One broker for one module: for tests that restart it or need an empty cluster."""
    with own_cluster(_directory(tmp_path_factory), 1, _say) as running:
        yield running


def _directory(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("kafka")
