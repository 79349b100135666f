"""The administrator's connection: confluent-kafka's AdminClient over mTLS, and its errors in plain words."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import cache, partial
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.errors import PanlockError

REACH = 5.0  # seconds until a person is told that no broker answers
TIMEOUT = 8.0  # seconds that a broker which answers may take
T = TypeVar("T")

_DENIED = {
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
}
_UNREACHABLE = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError.REQUEST_TIMED_OUT,
}

_log = logging.getLogger("panlock.deploy.kafka")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # librdkafka's troubles are told once, in the error


class KafkaUnreachableError(PanlockError):
    """No broker answers, or none under these certificates."""


class KafkaDeniedError(PanlockError):
    """The certificate may not do what was asked."""


class KafkaFilesError(PanlockError):
    """The certificate, key or CA cannot be used."""


class KafkaRefusedError(PanlockError):
    """Kafka takes the call for impossible; `code` is KafkaError's."""

    def __init__(self, message: str, code: int) -> None:
        self.code = code
        super().__init__(message)


def librdkafka(kafka: Mapping[str, str]) -> dict[str, Any]:
    """`kafka` as in a configuration file, as confluent-kafka's clients take it."""
    return {
        "bootstrap.servers": kafka["bootstrap"],
        "security.protocol": "SSL",
        "ssl.ca.location": kafka["ca"],
        "ssl.certificate.location": kafka["certificate"],
        "ssl.key.location": kafka["key"],
    }


def connect(kafka: Mapping[str, str]) -> AdminClient:
    """`kafka` as in a configuration file: bootstrap, ca, certificate, key. Raises KafkaFilesError.

    The same client for the same identity, and never destroyed: that corrupts memory (confluent-kafka 2.12).
    """
    return _client(kafka["bootstrap"], kafka["ca"], kafka["certificate"], kafka["key"])


@cache
def _client(bootstrap: str, ca: str, certificate: str, key: str) -> AdminClient:
    try:
        return AdminClient(
            {
                **librdkafka({"bootstrap": bootstrap, "ca": ca, "certificate": certificate, "key": key}),
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 500,
            },
            logger=_log,
        )
    except KafkaException as error:
        raise KafkaFilesError(f"kafka: {_reason(error)}: check the PEM files ca, certificate and key") from None


def ask(what: str, call: Callable[[], T]) -> T:
    """Run one administrator's call. Raises KafkaUnreachableError, KafkaDeniedError, KafkaRefusedError."""
    try:
        return call()
    except KafkaException as error:
        code = error.args[0].code()
        if code in _DENIED:
            raise denied(what) from error
        if code in _UNREACHABLE:
            raise KafkaUnreachableError(
                f"no broker answered in time (asked to {what}): check bootstrap, that Kafka runs, "
                "and that the certificate is by a CA that the brokers trust"
            ) from error
        raise KafkaRefusedError(f"Kafka refused to {what}: {_reason(error)}", code) from error


def denied(what: str) -> KafkaDeniedError:
    return KafkaDeniedError(
        f"Kafka denies this certificate to {what}: add its CN to roles.deployers (operators, to look only) "
        "and let an administrator run `panlock deploy apply` once"
    )


def settle(what: str, futures: Mapping[object, "Future[object]"]) -> None:
    """Wait for all of a call's futures; raises like `ask`, for the first that failed."""
    for future in futures.values():
        ask(what, partial(future.result, TIMEOUT))


def _reason(error: KafkaException) -> str:
    return str(error.args[0].str() if isinstance(error.args[0], KafkaError) else error)
