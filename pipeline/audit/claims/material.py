"""What claims are verified with: the sealed events of a proof, and the policies that they name."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pipeline.approval.issuer_keys import IssuerKeys, IssuerKeysError
from pipeline.audit.events import EventType
from pipeline.errors import PanlockError
from pipeline.policy.bundle import Bundle

Event = Mapping[str, Any]


class NotProvenError(PanlockError):
    """What a proof does not prove, and why."""


class Claim(NamedTuple):
    """`event`: id of the event that says it; `by`: whose key or word it rests on."""

    event: str
    what: str
    by: str
    proven: bool


@dataclass(frozen=True, slots=True)
class Material:
    """`events` of one lane, all of them sealed, in its order; `trusted`: the policy that whoever checks brought."""

    cluster: str
    record: str
    events: Sequence[Event]
    bundles: Sequence[Bundle]
    trusted: Bundle

    def of_type(self, *types: EventType) -> Iterator[Event]:
        return (event for event in self.events if event["type"] in types)

    def event(self, id_: object, type_: EventType, why: str) -> Event:
        """Raises NotProvenError."""
        found = next((event for event in self.of_type(type_) if event["id"] == id_), None)
        if found is None:
            raise NotProvenError(f"{why}: the proof lacks the event {id_} ({type_.value})")
        return found

    def bundle(self, event: Event) -> Bundle:
        """The policy that the worker ran. Raises NotProvenError."""
        found = next((each for each in self.bundles if each.policy.hash == event["policy"]), None)
        if found is None:
            raise NotProvenError(f"event {event['id']}: the proof lacks its policy {event['policy']}")
        return found

    def bundle_of_hash(self, hash_: object) -> Bundle | None:
        return next((each for each in self.bundles if each.hash == hash_), None)

    def chain(self, event: Event, x5t: str) -> list[bytes]:
        """Of a certificate, in DER, the leaf first. Raises NotProvenError."""
        for each in self.of_type(EventType.CERTIFICATE_SEEN):
            if member(each, "actor", "certificate") == x5t:
                return [b64decode(der) for der in each["certificate"]["chain"]]
        raise NotProvenError(f"event {event['id']}: the proof lacks the certificate {x5t} (certificate.seen)")

    def keys(self, event: Event, sha256: str) -> tuple[Event, IssuerKeys]:
        """Of an issuer, as a worker observed them, and the event. Raises NotProvenError."""
        for each in self.of_type(EventType.APPROVER_KEYS_OBSERVED):
            if member(each, "resource", "sha256") == sha256:
                return each, _keys(each, sha256)
        raise NotProvenError(
            f"event {event['id']}: the proof lacks the issuer's keys {sha256} (approver.keys-observed)"
        )

    def topic_ids(self, topic: str) -> list[str]:
        """UUIDs that the topic has had."""
        opened = (member(event, "topics", topic) for event in self.of_type(EventType.LANE_OPENED))
        return sorted({each for each in opened if isinstance(each, str)})


def member(event: Event, name: str, inner: str) -> object:
    """Of an object in an event; None where there is none."""
    found = event.get(name)
    return found.get(inner) if isinstance(found, dict) else None


def milliseconds(time: str) -> int:
    """Of a time as events write it."""
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def _keys(event: Event, sha256: str) -> IssuerKeys:
    try:
        found = IssuerKeys.of(event["keys"])
    except (IssuerKeysError, TypeError) as error:
        raise NotProvenError(f"event {event['id']}: {error}") from error
    if found.sha256 != sha256:
        raise NotProvenError(f"event {event['id']}: its keys do not have the hash that it names")
    return found
