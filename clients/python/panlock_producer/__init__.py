"""Signed and sealed records for Panlock; docs/envelope.md of Panlock specifies every byte.

`panlock_producer.aio` wraps aiokafka, `panlock_producer.confluent` confluent-kafka. This package shares no code with
Panlock's workers: what they verify, they have not written themselves.
"""

from panlock_producer.errors import IdentityError, ProducerError, RecordError
from panlock_producer.identity import Identity
from panlock_producer.seal import Recipient

__all__ = ["Identity", "IdentityError", "ProducerError", "Recipient", "RecordError"]
