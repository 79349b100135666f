"""aiokafka's administrative client, for as long as it is needed.

Not confluent-kafka's, in a worker: its AdminClient (2.12) corrupted the memory of workers when it was destroyed, and
aborted them when an answer came late. `deploy` uses it where it alone can: for ACLs.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient

from agents.closing import hang_up
from agents.settings import Kafka


@asynccontextmanager
async def administration(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """Raises KafkaError where no broker answers."""
    admin = AIOKafkaAdminClient(**kafka.client())
    try:
        await admin.start()
        yield admin
    finally:
        await hang_up(admin._client, admin._client.close())
