"""The consumer `ledger`: reads the clean topic as a member of its group, read_committed, while the story goes on."""

import threading
from collections.abc import Callable, Iterable
from types import TracebackType

import orjson
from confluent_kafka import KafkaError, Message

from deploy.demo.clients import Kafka, consumer
from deploy.demo.told import PATIENCE, NotAsToldError


class Ledger:
    """`records` grows as they come. Use as a context manager."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._kafka, self._topic = kafka, topic
        self._stop, self._came = threading.Event(), threading.Condition()
        self._error: str | None = None
        self.records: list[Message] = []
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def __enter__(self) -> "Ledger":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        client = consumer(self._kafka, "ledger-demo")
        try:
            client.subscribe([self._topic])
            while not self._stop.is_set():
                message = client.poll(0.2)
                if message is None or (message.error() and message.error().code() == KafkaError._PARTITION_EOF):
                    continue
                with self._came:
                    if message.error():
                        self._error = str(message.error().str())
                    else:
                        self.records.append(message)
                    self._came.notify_all()
        finally:
            client.close()

    def wait(self, what: str, there: Callable[[list[Message]], bool], patience: float = PATIENCE) -> None:
        """Until the records are as wished. Raises NotAsToldError."""
        with self._came:
            come = self._came.wait_for(lambda: self._error is not None or there(self.records), patience)
        if self._error is not None:
            raise NotAsToldError(f"ledger cannot read {self._topic}: {self._error}")
        if not come:
            raise NotAsToldError(f"ledger has not seen {what} in {self._topic} within {patience:.0f} s")

    def wait_for(self, ids: Iterable[str]) -> list[Message]:
        """The records with these `id`s, once all are there."""
        wanted = set(ids)
        self.wait(f"all of {len(wanted)} records", lambda records: wanted <= {id_of(each) for each in records})
        return [each for each in self.records if id_of(each) in wanted]


def id_of(message: Message) -> str | None:
    """Field `id` of a payment or refund."""
    found = orjson.loads(message.value()).get("id")
    return found if isinstance(found, str) else None
