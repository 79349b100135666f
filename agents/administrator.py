"""The worker's one administrative client of confluent-kafka.

One for the life of the process: destroying an AdminClient (confluent-kafka 2.12) whose background thread still serves
an answer corrupts memory, and the process dies of it some time later.
"""

import logging
from functools import cache

from confluent_kafka.admin import AdminClient

from agents.settings import Kafka

_log = logging.getLogger("panlock.agents.librdkafka")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # a broken connection is told once, by the exception


@cache
def administrator(kafka: Kafka) -> AdminClient:
    """The same client for the same identity."""
    return AdminClient(kafka.librdkafka(), logger=_log)
