"""A policy onto a cluster in one call, for whoever starts from nothing: the demo and the tests."""

from collections.abc import Mapping

from deploy.admin import connect
from deploy.apply import apply
from deploy.desired import desired
from deploy.observed import count_brokers
from pipeline.policy.models import Policy


def provision(kafka: Mapping[str, str], policy: Policy) -> None:
    """Apply, and return when the metadata shows all of it. Raises like `apply`."""
    admin = connect(kafka)
    apply(admin, desired(policy, count_brokers(admin)))
