"""Speaking to Kafka from a command: what its errors mean for a person."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import errors

from agents.cluster import identify
from agents.settings import Kafka
from cli.config import Settings
from deploy.admin import KafkaDeniedError, KafkaFilesError, KafkaUnreachableError
from pipeline.errors import PanlockError

TIMEOUT_MS = 20_000  # a broker under load is slow; one that is not there is refused at once
_DENIED = (
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
)

for _name in ("aiokafka", "asyncio"):  # a broken connection is told once, by the error
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False


class TopicMissingError(PanlockError):
    """A topic that the cluster does not have."""


def cluster_id(settings: Settings) -> str:
    """Raises KafkaUnreachableError, KafkaDeniedError, KafkaFilesError."""
    with told(settings.kafka, "say which cluster it is"):
        return asyncio.run(identify(settings.kafka, ())).cluster_id


@contextmanager
def told(kafka: Kafka, what: str) -> Iterator[None]:
    """Turn what aiokafka raises in here into KafkaDeniedError, KafkaUnreachableError, KafkaFilesError or
    TopicMissingError."""
    try:
        yield
    except _DENIED as error:
        raise KafkaDeniedError(
            f"Kafka refuses to {what} under the certificate {kafka.certificate}: "
            "the policy must name this person, or you need another certificate"
        ) from error
    except errors.UnknownTopicOrPartitionError as error:
        raise TopicMissingError(f"cannot {what}: the topic is not there; `panlock deploy apply` makes it") from error
    except errors.MessageSizeTooLargeError as error:
        raise TopicMissingError(f"cannot {what}: the record is larger than its topic takes") from error
    except (ssl.SSLError, FileNotFoundError, PermissionError) as error:
        raise KafkaFilesError(f"kafka: cannot use its PEM files ({error}): check ca, certificate and key") from error
    except (errors.KafkaError, TimeoutError, OSError) as error:
        raise KafkaUnreachableError(
            f"no answer from {kafka.bootstrap} ({type(error).__name__}): check that Kafka runs there, "
            "and that the certificate is by a CA that the brokers trust"
        ) from error
