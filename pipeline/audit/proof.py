"""The proof of one record's life: its events, that they are in the sealed log, and what they rest on. Self-contained.

    {"v":1,"record":"<record id>","checkpoint":"<note>","manifest":"<note>",
     "events":[{"seq":41,"event":"<as written>","path":["<base64>",...]},...]}

Of the record: every event that names it. Beside them those that its events refer to: `certificate.seen` with the chain
of the certificate that signed it, `approver.keys-observed` with the issuer's keys that verify an approver's ID token.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from pipeline.audit import canonical
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.events import EventType
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import ProofError, Roots, inclusion_path, leaf_hash, root_from
from pipeline.audit.note import NoteError, Verifier, open_note
from pipeline.audit.verify import read_event
from pipeline.errors import PanlockError

VERSION = 1
MOST = 10_000  # events of one proof
_REFERRED = (EventType.CERTIFICATE_SEEN, EventType.APPROVER_KEYS_OBSERVED)
_MARKS = tuple(f'"type":"{each.value}"'.encode() for each in _REFERRED)


class NotProvenError(PanlockError):
    """What a proof does not prove, and why."""


class Proven(NamedTuple):
    """An event at its place in the log."""

    seq: int
    event: bytes
    path: tuple[bytes, ...]


@dataclass(slots=True)
class Life:
    """Collects the events of a record from its lane's log, fed with every event in order."""

    record: str
    events: dict[int, bytes] = field(default_factory=dict)
    _referred: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _wanted: set[str] = field(default_factory=set)

    def add(self, seq: int, event: bytes) -> None:
        """A certificate or keys come before what refers to them, and again only when they have changed."""
        named = self.record.encode() in event
        if not named and not any(mark in event for mark in _MARKS):
            return
        read = orjson.loads(event)
        if read["type"] in _REFERRED:
            self._referred[_name(read)] = seq, event
        elif named and (read.get("resource") or {}).get("record") == self.record:
            self.events[seq] = event
            self._wanted |= _refers(read)

    def all(self) -> list[tuple[int, bytes]]:
        """In the order of the log. Raises NotProvenError where the log does not name the record."""
        if not self.events:
            raise NotProvenError(f"no sealed event names {self.record}: it is not sealed yet, or was never there")
        referred = [self._referred[name] for name in self._wanted if name in self._referred]
        return sorted([*self.events.items(), *referred])


def _name(event: dict[str, Any]) -> str:
    """What others refer to it by."""
    actor, resource = event.get("actor") or {}, event.get("resource") or {}
    return str(actor.get("certificate") or resource.get("sha256"))


def _refers(event: dict[str, Any]) -> set[str]:
    names = (event.get("actor") or {}).get("certificate"), (event.get("proof") or {}).get("keys")
    return {name for name in names if isinstance(name, str)}


def prove(life: Life, checkpoint: bytes, manifest: bytes, size: int, roots: Roots) -> bytes:
    """The proof. `roots` of a log of `size` events, which is what the checkpoint and the manifest say of it."""
    events = [
        {"seq": seq, "event": event.decode(), "path": [b64encode(h).decode() for h in inclusion_path(seq, size, roots)]}
        for seq, event in life.all()
    ]
    told = {"v": VERSION, "record": life.record, "checkpoint": checkpoint.decode(), "manifest": manifest.decode()}
    return orjson.dumps({**told, "events": events}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


class Checked(NamedTuple):
    """What is proven: these events, of this record, were in the log when the manifest was made."""

    record: str
    checkpoint: Checkpoint
    manifest: Manifest
    events: Sequence[dict[str, Any]]


def check(proof: bytes, verifiers: Sequence[Verifier]) -> Checked:
    """Needs nothing but the sealer's public keys. Raises NotProvenError."""
    record, notes, events = _parts(proof)
    try:
        checkpoint = Checkpoint.parse(open_note(notes[0], verifiers))
        manifest = Manifest.parse(open_note(notes[1], verifiers))
    except NoteError as error:
        raise NotProvenError(str(error)) from error
    if checkpoint not in manifest.logs:
        raise NotProvenError("the manifest does not name the checkpoint")
    lane = checkpoint.origin.rsplit("/", 1)[-1]
    read = [_included(each, int(lane), checkpoint) for each in events]
    if not any((each.get("resource") or {}).get("record") == record for each in read):
        raise NotProvenError(f"none of the events is one of {record}")
    return Checked(record, checkpoint, manifest, read)


def _included(each: Proven, lane: int, checkpoint: Checkpoint) -> dict[str, Any]:
    try:
        event = read_event(lane, b"%d/%d" % (lane, each.seq), each.event)
        root = root_from(leaf_hash(each.event), each.seq, checkpoint.size, each.path)
    except (canonical.NotCanonicalError, ProofError) as error:
        raise NotProvenError(f"event {each.seq}: {error}") from error
    if root != checkpoint.root:
        raise NotProvenError(f"event {each.seq}: its path does not lead to the root that was sealed")
    return event


def _parts(proof: bytes) -> tuple[str, tuple[bytes, bytes], list[Proven]]:
    wrong = NotProvenError("not a proof, or one of a version that this Panlock does not know")
    try:
        read = orjson.loads(proof)
        if read["v"] != VERSION or len(read["events"]) > MOST:
            raise wrong
        events = [
            Proven(each["seq"], each["event"].encode(), tuple(b64decode(h, validate=True) for h in each["path"]))
            for each in read["events"]
        ]
        if not all(type(each.seq) is int for each in events):
            raise wrong
        return str(read["record"]), (read["checkpoint"].encode(), read["manifest"].encode()), events
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise wrong from None
