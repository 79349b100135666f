"""The proof of one record's life: its events, that they are in the sealed log, and what they rest on. Self-contained.

    {"v":1,"record":"<record id>","checkpoint":"<note>","manifest":"<note>",
     "cosigned":…,"timestamp":… (pipeline.audit.claims.attested),
     "policies":[{"policy":"<base64>","files":{"ca.pem":"<base64>"}}],
     "events":[{"seq":41,"event":"<as written>","path":["<base64>",...]},...]}

Which events those are says pipeline.audit.life; `policies` are those under which they were decided.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from pipeline.audit import canonical
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.claims.attested import NOBODY, Others, attested, encode
from pipeline.audit.claims.endings import ended
from pipeline.audit.claims.material import Claim, Material, NotProvenError
from pipeline.audit.claims.people import heard
from pipeline.audit.claims.policies import in_force
from pipeline.audit.claims.producers import written
from pipeline.audit.life import Life
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import ProofError, Roots, inclusion_path, leaf_hash, root_from
from pipeline.audit.note import NoteError, Verifier, open_note
from pipeline.audit.signature import MEMBER, Keys, refusal
from pipeline.audit.verify import read_event
from pipeline.policy.bundle import Bundle, read_bundle

VERSION = 1
MOST = 10_000  # events of one proof
_MEMBERS = {"v", "record", "checkpoint", "manifest", "cosigned", "timestamp", "policies", "events"}


class Proven(NamedTuple):
    """An event at its place in the log."""

    seq: int
    event: bytes
    path: tuple[bytes, ...]


def prove(
    life: Life, checkpoint: bytes, manifest: bytes, roots: Roots, sealers: Sequence[Verifier], others: Others = NOBODY
) -> bytes:
    """The proof. `roots` of the log as the checkpoint and the manifest have it. Raises NotProvenError, NoteError."""
    sealed = Checkpoint.parse(open_note(checkpoint, sealers))
    size = sealed.size
    found, bundles = life.all()
    events = [
        {"seq": seq, "event": event.decode(), "path": [b64encode(h).decode() for h in inclusion_path(seq, size, roots)]}
        for seq, event in found
    ]
    told = {"v": VERSION, "record": life.record, "checkpoint": checkpoint.decode(), "manifest": manifest.decode()}
    policies = [each.json() for each in bundles]
    rest = {**encode(others, sealed, roots, sealers), "policies": policies, "events": events}
    return orjson.dumps({**told, **rest}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


class Checked(NamedTuple):
    """What is proven: these events, of this record, were in the log when the manifest was made, and their claims."""

    record: str
    checkpoint: Checkpoint
    manifest: Manifest
    events: Sequence[dict[str, Any]]
    claims: Sequence[Claim]


class Trusted(NamedTuple):
    """What whoever checks knows from elsewhere: the sealer's keys, the emitters', and a policy with its files."""

    sealers: Sequence[Verifier]
    emitters: Keys
    bundle: Bundle


def check(proof: bytes, trusted: Trusted) -> Checked:
    """Needs nothing else. Raises NotProvenError."""
    record, notes, events, bundles, others = _parts(proof)
    try:
        checkpoint = Checkpoint.parse(open_note(notes[0], trusted.sealers))
        manifest = Manifest.parse(open_note(notes[1], trusted.sealers))
    except NoteError as error:
        raise NotProvenError(str(error)) from error
    if checkpoint not in manifest.logs:
        raise NotProvenError("the manifest does not name the checkpoint")
    lane = checkpoint.origin.rsplit("/", 1)[-1]
    read = [_included(each, int(lane), checkpoint) for each in events]
    if not any((each.get("resource") or {}).get("record") == record for each in read):
        raise NotProvenError(f"none of the events is one of {record}")
    material = Material(manifest.cluster, record, read, bundles, trusted.bundle)
    try:
        claims = [*_sealed(read, checkpoint.origin, trusted), *_claims(material)]
        claims += attested(others, checkpoint, events[-1].seq, trusted.sealers, trusted.bundle)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotProvenError(f"an event has another form than this Panlock knows ({error!r})") from error
    order = {**{event["id"]: number for number, event in enumerate(read)}, "": len(read)}
    return Checked(record, checkpoint, manifest, read, sorted(claims, key=lambda each: order[each.event]))


def _claims(material: Material) -> list[Claim]:
    words, said = heard(material)
    return [*in_force(material), *written(material), *said, *ended(material, words)]


def _sealed(events: Sequence[dict[str, Any]], origin: str, trusted: Trusted) -> list[Claim]:
    """Where an event is signed, by whom; the sealer has seen the signature behind each of the others."""
    claims = []
    for event in events:
        if MEMBER in event:
            if (why := refusal(origin, event, trusted.emitters)) is not None:
                raise NotProvenError(f"event {event['id']}: {why}")
            key = event[MEMBER]["key"]
            claims.append(Claim(event["id"], "the log up to here is a worker's", f"audit key {key}", True))
    return claims


def _included(each: Proven, lane: int, checkpoint: Checkpoint) -> dict[str, Any]:
    try:
        event = read_event(lane, b"%d/%d" % (lane, each.seq), each.event)
        root = root_from(leaf_hash(each.event), each.seq, checkpoint.size, each.path)
    except (canonical.NotCanonicalError, ProofError) as error:
        raise NotProvenError(f"event {each.seq}: {error}") from error
    if root != checkpoint.root:
        raise NotProvenError(f"event {each.seq}: its path does not lead to the root that was sealed")
    return event


def _parts(proof: bytes) -> tuple[str, tuple[bytes, bytes], list[Proven], list[Bundle], dict[str, Any]]:
    wrong = NotProvenError("not a proof, or one of a version that this Panlock does not know")
    try:
        read = orjson.loads(proof)
        if read["v"] != VERSION or max(len(read["events"]), len(read["policies"])) > MOST:
            raise wrong
        events = [
            Proven(each["seq"], each["event"].encode(), tuple(_hash(h) for h in each["path"]))
            for each in read["events"]
        ]
        bundles = [read_bundle(each) for each in read["policies"]]
        numbers = [each.seq for each in events]
        if not all(type(each) is int for each in numbers) or set(read) != _MEMBERS:
            raise wrong
        if numbers != sorted(set(numbers)) or len(bundles) != len({each and each.hash for each in bundles}):
            raise NotProvenError("an event or a policy is there twice, or at another place")
        if any(each is None or each.json() != told for each, told in zip(bundles, read["policies"], strict=True)):
            raise NotProvenError("one of its policies is none")
        notes = read["checkpoint"].encode(), read["manifest"].encode()
        others = {name: read[name] for name in ("cosigned", "timestamp")}
        return str(read["record"]), notes, events, [each for each in bundles if each is not None], others
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise wrong from None


def _hash(text: str) -> bytes:
    """Raises ValueError."""
    raw = b64decode(text, validate=True)
    if b64encode(raw).decode() != text:
        raise ValueError("written otherwise than base64 is")
    return raw
