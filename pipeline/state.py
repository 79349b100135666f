"""What a lane knows: its keys and values in the changelog `panlock.state`, and how `decide` reads and changes it.

Every value starts with the version byte 0x01. Keys are UTF-8.

    topic/<name>                       UUID of the topic as Kafka writes it (base64)
    next/<topic>/<partition>           u64: next offset to read
    chain                              u64 next sequence number, 32 bytes hash of the last event
    owner                              JSON {worker, policy}: who opened the lane last, under which policy
    bundle                             JSON {version, bundle}: the approved policy the lane was last opened under
    stopped                            JSON: why the lane's inputs are closed until an operator resumes (Stopped)
    pending/<record id>                JSON: the held record (pipeline.approval.pending)
    queue/<flow>/<sha256 of key>       u64 head, u64 tail: a masked key that waits behind a hold
    queue/<flow>/<sha256 of key>/<n>   JSON: the n-th record that waits
    mark/<topic>/<partition>/<stream>  which sequences of a producer's stream were seen (pipeline.identity.marks)
    certificate/<x5t>                  u64 broker time (ms) it was seen at, its chain: the header that brought it
    sealed/<topic>/<partition>/<hash>  16 bytes stream, u64 time (ms), the header that holds a data key, sealed
    denied/<kind>/<value>              JSON {effect, event, person, iat, jti}: the last word on a certificate, serial or
                                       principal; effect: deny or allow
    grant/<id>                         JSON: a grant that is not long over (pipeline.approval.grant)
    glass/<record id>                  JSON: an alarm of break-glass, until its review (pipeline.approval.glass)
    issuer/<alias>                     hex SHA-256 of the issuer's keys that the audit knows (pipeline.observing)
    key/<kind>/<id>                    id of the event that told of the key's first use (pipeline.first_use)
    drain/<flow>/<sha256 of key>       u64 broker time (ms) when the hold ended: its queue is being worked off
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import orjson

from pipeline.approval.grant import Grant
from pipeline.approval.pending import Pending
from pipeline.errors import PanlockError
from pipeline.identity.proof import Sealed

VERSION = b"\x01"
CHAIN, OWNER, BUNDLE, STOPPED = b"chain", b"owner", b"bundle", b"stopped"
PENDING_PREFIX, QUEUE_PREFIX, DRAIN_PREFIX = b"pending/", b"queue/", b"drain/"
CERTIFICATE_PREFIX, SEALED_PREFIX = b"certificate/", b"sealed/"
GRANT_PREFIX, GLASS_PREFIX = b"grant/", b"glass/"
GRANTS = 100  # that a lane knows at a time
_POSITION, _PAIR, _SEALED = struct.Struct(">Q"), struct.Struct(">QQ"), struct.Struct(">16sQ")


class StateError(PanlockError):
    """A value of the changelog that this version cannot read."""


class Queue(NamedTuple):
    """Records [head, tail) of one masked key wait."""

    head: int
    tail: int


class Loss(NamedTuple):
    """Records [from_, to) of one input were removed before they were read."""

    topic: str
    partition: int
    from_: int
    to: int


class Recreation(NamedTuple):
    """A topic is not the one that the lane knows."""

    topic: str
    from_: str
    to: str


class Standing(NamedTuple):
    """The approved bundle that a lane was last opened under."""

    version: int
    bundle: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why a lane's quarantine inputs are closed; `event` is the alarm that an operator acknowledges."""

    event: str
    losses: tuple[Loss, ...]
    recreations: tuple[Recreation, ...]


class State(Protocol):
    """A lane's committed state. Reads only."""

    def get(self, key: bytes) -> bytes | None: ...

    def keys(self, prefix: bytes, limit: int) -> list[bytes]:
        """The first keys with the prefix, in order."""

    def due(self, until: int, limit: int) -> list[str]:
        """Record ids of holds whose expiry (ms) is at or before `until`, the earliest first."""

    def waiting(self) -> bool:
        """Whether anything is pending: if not, no key is blocked."""


class View:
    """A State and the changes of one batch on top of it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.changes: dict[bytes, bytes | None] = {}
        self.blocking = state.waiting()
        self._grants: dict[str, Grant] | None = None
        self.told_grants: dict[str, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.changes[key] if key in self.changes else self.state.get(key)

    def put(self, key: bytes, value: bytes | None) -> None:
        self.changes[key] = value

    def position(self, topic: str, partition: int) -> int | None:
        return decode_position(self.get(next_key(topic, partition)))

    def pending(self, record: str) -> Pending | None:
        value = self.get(pending_key(record))
        return None if value is None else Pending.decode(payload(value))

    def hold(self, pending: Pending) -> None:
        self.blocking = True
        self.put(pending_key(pending.record), VERSION + pending.encode())

    def grants(self) -> Mapping[str, Grant]:
        """By id. Read once a batch, and only when a record is to be held or a grant is spoken of."""
        if self._grants is None:
            found = (self.state.get(key) for key in self.state.keys(GRANT_PREFIX, GRANTS))
            grants = [Grant.decode(payload(value)) for value in found if value is not None]
            self._grants = {grant.terms.id: grant for grant in grants}
        return self._grants

    def set_grant(self, id_: str, grant: Grant | None) -> None:
        self.grants()
        assert self._grants is not None  # noqa: S101  # the line above has made it
        if grant is None:
            self._grants.pop(id_, None)
        else:
            self._grants[id_] = grant
        encoded = self.told_grants[id_] = None if grant is None else grant.encode()
        self.put(grant_key(id_), None if encoded is None else VERSION + encoded)

    def queue(self, flow: str, digest: str) -> Queue | None:
        value = self.get(queue_key(flow, digest)) if self.blocking else None
        return None if value is None else Queue(*_PAIR.unpack(payload(value)))

    def set_queue(self, flow: str, digest: str, queue: Queue | None) -> None:
        self.blocking = True
        self.put(queue_key(flow, digest), None if queue is None else VERSION + _PAIR.pack(*queue))

    def draining(self, limit: int) -> Iterator[tuple[str, str, int]]:
        """(flow, digest of the key, when it ended in ms) of queues whose hold has ended."""
        for key in self.state.keys(DRAIN_PREFIX, limit):
            _, flow, digest = key.decode().split("/")
            yield flow, digest, decode_position(self.get(key)) or 0


def payload(value: bytes) -> bytes:
    """The value without its version byte. Raises StateError."""
    if value[:1] != VERSION:
        raise StateError(f"panlock.state holds a value of version {value[:1].hex()}: run a worker that knows it")
    return value[1:]


def topic_key(topic: str) -> bytes:
    return b"topic/" + topic.encode()


def next_key(topic: str, partition: int) -> bytes:
    return f"next/{topic}/{partition}".encode()


def pending_key(record: str) -> bytes:
    return PENDING_PREFIX + record.encode()


def grant_key(id_: str) -> bytes:
    return GRANT_PREFIX + id_.encode()


def glass_key(record: str) -> bytes:
    return GLASS_PREFIX + record.encode()


def issuer_key(alias: str) -> bytes:
    return f"issuer/{alias}".encode()


def key_digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


def queue_key(flow: str, digest: str) -> bytes:
    return f"queue/{flow}/{digest}".encode()


def follower_key(flow: str, digest: str, number: int) -> bytes:
    return f"queue/{flow}/{digest}/{number:016x}".encode()


def drain_key(flow: str, digest: str) -> bytes:
    return DRAIN_PREFIX + f"{flow}/{digest}".encode()


def mark_key(topic: str, partition: int, stream: str) -> bytes:
    return f"mark/{topic}/{partition}/{stream}".encode()


def certificate_key(x5t: bytes) -> bytes:
    return CERTIFICATE_PREFIX + x5t.hex().encode()


def sealed_key(topic: str, partition: int, name: str) -> bytes:
    return SEALED_PREFIX + f"{topic}/{partition}/{name}".encode()


def first_use_key(name: str) -> bytes:
    return f"key/{name}".encode()


def denied_key(kind: str, value: str) -> bytes:
    """People are told apart by their names, not by how they are spelt."""
    return f"denied/{kind}/{value.casefold() if kind == 'person' else value}".encode()


def encode_certificate(time: int, chain: bytes) -> bytes:
    return VERSION + _POSITION.pack(time) + chain


def decode_certificate(value: bytes) -> tuple[int, bytes]:
    body = payload(value)
    return int(_POSITION.unpack(body[:8])[0]), body[8:]


def encode_sealed(sealed: Sealed) -> bytes:
    return VERSION + _SEALED.pack(sealed.stream, sealed.time) + sealed.header


def decode_sealed(value: bytes) -> Sealed:
    body = payload(value)
    stream, time = _SEALED.unpack(body[: _SEALED.size])
    return Sealed(stream, time, body[_SEALED.size :])


def encode_position(offset: int) -> bytes:
    return VERSION + _POSITION.pack(offset)


def decode_position(value: bytes | None) -> int | None:
    return None if value is None else int(_POSITION.unpack(payload(value))[0])


def encode_chain(seq: int, prev: str) -> bytes:
    return VERSION + _POSITION.pack(seq) + bytes.fromhex(prev)


def decode_chain(value: bytes | None) -> tuple[int, str]:
    """(next sequence number, hash of the last event); the beginning of a chain for None."""
    if value is None:
        return 0, "0" * 64
    body = payload(value)
    return int(_POSITION.unpack(body[:8])[0]), body[8:].hex()


def encode_json(value: Mapping[str, object]) -> bytes:
    return VERSION + orjson.dumps(value)


def decode_json(value: bytes | None) -> dict[str, Any] | None:
    return None if value is None else dict(orjson.loads(payload(value)))


def decode_owner(value: bytes | None) -> dict[str, str] | None:
    return None if value is None else dict(orjson.loads(payload(value)))


def encode_standing(standing: Standing) -> bytes:
    return encode_json(standing._asdict())


def decode_standing(value: bytes | None) -> Standing | None:
    return None if value is None else Standing(**orjson.loads(payload(value)))


def encode_stopped(stopped: Stopped) -> bytes:
    return encode_json(
        {
            "event": stopped.event,
            "losses": [list(loss) for loss in stopped.losses],
            "recreations": [list(each) for each in stopped.recreations],
        }
    )


def decode_stopped(value: bytes | None) -> Stopped | None:
    if value is None:
        return None
    body = orjson.loads(payload(value))
    return Stopped(
        body["event"],
        tuple(Loss(*loss) for loss in body["losses"]),
        tuple(Recreation(*each) for each in body["recreations"]),
    )
