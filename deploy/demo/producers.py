"""Producers: kcat (else confluent-kafka), which knows nothing of Panlock, and aiokafka under the kit, which signs."""

import asyncio
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple

from aiokafka.errors import KafkaError as AIOKafkaError
from confluent_kafka import Producer

from deploy.demo.clients import Kafka, librdkafka
from deploy.demo.told import NotAsToldError
from panlock_producer import Identity, Recipient
from panlock_producer.aio import SignedProducer


class Sent(NamedTuple):
    """A record as a producer hands it to its client."""

    key: str
    value: bytes


class Line:
    """Writes as one principal through kcat where it is installed, else through confluent-kafka."""

    def __init__(self, kafka: Kafka) -> None:
        self._settings = librdkafka(kafka) | {"enable.idempotence": "true"}  # a retry must not double a record
        self._kcat = shutil.which("kcat") or shutil.which("kafkacat")
        self.client = "kcat" if self._kcat else "confluent-kafka"

    def write(self, topic: str, records: Sequence[Sent], headers: Mapping[str, str] | None = None) -> str | None:
        """Returns when the brokers have them all, or what the client says of the first that they refuse."""
        if self._kcat is None:
            return self._confluent(topic, records, headers or {})
        command = [self._kcat, "-F", "none", "-P", "-t", topic, "-K", "\t"]
        for name, value in self._settings.items():
            command += ["-X", f"{name}={value}"]
        for name, value in (headers or {}).items():
            command += ["-H", f"{name}={value}"]
        lines = b"".join(b"%b\t%b\n" % (record.key.encode(), record.value) for record in records)
        done = subprocess.run(command, input=lines, capture_output=True, timeout=60)
        said = done.stderr.decode(errors="replace").strip()
        return None if done.returncode == 0 and "failed" not in said else (said or f"exit code {done.returncode}")

    def _confluent(self, topic: str, records: Sequence[Sent], headers: Mapping[str, str]) -> str | None:
        refused: list[str] = []
        producer = Producer(self._settings)
        for record in records:
            producer.produce(
                topic,
                record.value,
                record.key.encode(),
                headers=list(headers.items()),
                on_delivery=lambda error, _: refused.append(error.str()) if error else None,
            )
        if producer.flush(60):
            raise NotAsToldError(f"{topic}: not all records were acknowledged within 60 s")
        return refused[0] if refused else None


def write_all(kafka: Kafka, topic: str, records: Iterable[Sent], seal_to: Recipient) -> list[str]:
    """Write signed and sealed; returns the record ids."""

    async def go() -> list[str]:
        async with _producer(kafka, seal_to) as producer:
            sent = [await producer.send(topic, each.value, each.key.encode()) for each in records]
            places = [await delivery for delivery in sent]
        return [f"{place.topic}/{place.partition}/{place.offset}" for place in places]

    return asyncio.run(go())


class Traffic:
    """Signed records one after another, in a thread, until the block ends; `written` is what was acked."""

    def __init__(self, kafka: Kafka, topic: str, records: Iterable[Sent], seal_to: Recipient, rate: float) -> None:
        self._kafka, self._topic, self._records, self._pause = kafka, topic, iter(records), 1 / rate
        self._seal_to = seal_to
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self.written: list[Sent] = []
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(60)
        if kind is None and self._error is not None:
            raise NotAsToldError(f"{self._topic} could not be written: {self._error!r}")

    def _run(self) -> None:
        try:
            asyncio.run(self._write())
        except (AIOKafkaError, OSError) as error:
            self._error = error

    async def _write(self) -> None:
        async with _producer(self._kafka, self._seal_to) as producer:
            while not self._stop.is_set():
                record = next(self._records)
                await producer.send_and_wait(self._topic, record.value, record.key.encode())
                self.written.append(record)
                await asyncio.sleep(self._pause)


def _producer(kafka: Kafka, seal_to: Recipient) -> SignedProducer:
    context = ssl.create_default_context(cafile=os.fspath(kafka["ca"]))
    context.load_cert_chain(kafka["certificate"], kafka["key"])
    return SignedProducer(
        Identity.from_files(kafka["certificate"], kafka["key"]),
        seal_to=seal_to,
        bootstrap_servers=kafka["bootstrap"],
        security_protocol="SSL",
        ssl_context=context,
    )
