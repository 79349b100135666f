"""The logs of an audit: one a lane, and one for each other emitter; who signs in each."""

from typing import NamedTuple

from pipeline.audit.origin import origin
from pipeline.audit.signature import Keys, keys_of
from pipeline.policy.models import Policy
from pipeline.policy.topics import AUDIT, BROKER_AUDIT, SEALER_AUDIT


class LogPlace(NamedTuple):
    """`partition` is also what the log's events call their lane."""

    topic: str
    partition: int
    keys: Keys

    def origin(self, cluster: str) -> str:
        return origin(cluster, self.topic, self.partition)


def audit_logs(policy: Policy) -> list[LogPlace]:
    """In the order of a manifest: the sealer's own is the last."""
    workers, sealer = keys_of(policy.audit.worker_keys), keys_of(policy.audit.sealer_keys)
    brokers = keys_of(policy.audit.broker_keys)
    logs = [LogPlace(AUDIT, lane, workers) for lane in range(policy.lanes)]
    others = (LogPlace(BROKER_AUDIT, 0, brokers), LogPlace(SEALER_AUDIT, 0, sealer))
    return [*logs, *(each for each in others if each.keys)]
