"""What the steps of the story share."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from deploy.demo.clients import Kafka, headers, read_all
from deploy.demo.commands import Commands
from deploy.demo.ledger import Ledger
from deploy.demo.narrator import Narrator
from deploy.demo.people import Person
from deploy.demo.place import Place
from deploy.demo.producers import Line, Sent
from deploy.demo.reckoning import Batch, Clean, Event
from deploy.demo.told import until
from deploy.demo.workers import WorkerProcess
from deploy.dev.clients import Cluster
from deploy.dev.java import Process
from panlock_producer import Recipient
from pipeline.policy import Policy
from pipeline.policy.topics import AUDIT, quarantine_topic, rejections_topic

FLOW = "payments"
CHECKOUT, REFUNDS = quarantine_topic(FLOW, "checkout"), quarantine_topic(FLOW, "refunds")
IDENTITY = "panlock-identity", "refunds"  # what refunds says of itself, and nobody else may


@dataclass(slots=True)
class Run:
    """`closing` ends, in the reverse order, whatever has been started; `written` is what producers handed over.

    `others`: batches of flows that are not JSON, with their quarantine topic and what became clean.
    """

    directory: Path
    narrator: Narrator
    closing: ExitStack
    place: Place
    commands: Commands = field(default_factory=Commands)
    batches: list[Batch] = field(default_factory=list)
    others: list[tuple[Batch, str, list[Clean]]] = field(default_factory=list)
    written: list[Sent] = field(default_factory=list)
    workers: dict[str, WorkerProcess] = field(default_factory=dict)
    cluster: Cluster = field(init=False)
    people: dict[str, Person] = field(init=False)
    signed_in: dict[str, Person] = field(init=False)  # the same people, under their sessions
    policy: Policy = field(init=False)
    genesis: str = field(init=False)
    issuer: str = field(init=False)  # its URL
    ledger: Ledger = field(init=False)
    checkout: Line = field(init=False)
    refused: Batch = field(init=False)
    sealer: Process = field(init=False)
    broker_audit: Process = field(init=False)
    tsa: str = field(init=False)  # URL of the time stamp authority
    witness: str = field(init=False)  # the same of the witness
    seal_to: Recipient = field(init=False)  # the workers' public key

    @property
    def kafka_directory(self) -> Path:
        """Of the brokers' files, and of their authority."""
        return self.directory / "kafka"

    @property
    def policy_file(self) -> Path:
        return self.directory / "policy.yaml"

    def note(self, text: str) -> None:
        self.narrator.note(text)

    def kafka(self, name: str) -> Kafka:
        """Connection under the certificate CN=`name`."""
        spiffe = self.policy.principals[name].spiffe if name in self.policy.principals else None
        leaf = self.cluster.issue(name, spiffe)
        connection = {"bootstrap": self.cluster.bootstrap, "ca": str(self.cluster.ca)}
        return {**connection, "certificate": str(leaf.certificate), "key": str(leaf.key)}

    def events(self) -> list[Event]:
        """The audit topic, as its auditor reads it."""
        found = read_all(self.kafka("panlock-auditor"), AUDIT, "panlock-auditor-demo")
        return [orjson.loads(message.value()) for message in found]

    def wait_event(self, what: str, wanted: Callable[[Event], bool]) -> Event:
        """Raises NotAsToldError."""
        return until(f"an audit event: {what}", lambda: next(filter(wanted, self.events()), None))

    def rejections(self, principal: str) -> dict[str, str]:
        """Record id → reason, as the producer itself reads them."""
        found = read_all(self.kafka(principal), rejections_topic(principal), f"{principal}-demo")
        told = [orjson.loads(message.value()) for message in found]
        return {each["record"]: each["reason"] for each in told}

    def wait_rejection(self, principal: str, reason: str) -> str:
        """Record id of a record that its producer was told of. Raises NotAsToldError."""

        def look() -> str | None:
            return next((record for record, why in self.rejections(principal).items() if why == reason), None)

        return until(f"{principal} told of {reason}", look)

    def clean(self) -> list[Clean]:
        """What the consumer `ledger` has read."""
        found = []
        for message in self.ledger.records:
            head = headers(message)
            name = orjson.loads(message.value())["id"]
            waited = "panlock-produced-at" in head
            found.append(Clean(name, head["panlock-record-id"], head["panlock-principal"], waited))
        return found
