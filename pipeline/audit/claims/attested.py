"""What others than the sealer signed of the log, at an earlier size: witnesses of its history, an authority of time.

    "cosigned": {"note":"<checkpoint with cosignatures>","path":["<base64>",...]}
    "timestamp": {"manifest":"<note>","response":"<base64 of TimeStampResp>","path":["<base64>",...]}

or null. `path` is the consistency proof (RFC 9162, 2.1.4) from the size they speak of to the checkpoint's.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.claims.material import Claim, NotProvenError
from pipeline.audit.cosignature import Witness, cosigners
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import ProofError, Roots, consistency_path, roots_from
from pipeline.audit.note import NoteError, Verifier, open_note
from pipeline.audit.timestamp import TimestampError, authorities_of, stamped_at
from pipeline.policy.bundle import Bundle

SPLIT_VIEW, WHEN = "nobody was shown another history (split view)", "when the events were there"


class Others(NamedTuple):
    """Notes as they were published. `cosigned`: a checkpoint of the log; `stamped`: a manifest, and its time stamp."""

    cosigned: bytes | None = None
    stamped: tuple[bytes, bytes] | None = None


NOBODY = Others()


def encode(others: Others, now: Checkpoint, roots: Roots, sealers: Sequence[Verifier]) -> dict[str, object]:
    """Members of a proof whose checkpoint is `now`. What speaks of more than that is left out. Raises NoteError."""
    told: dict[str, object] = {"cosigned": None, "timestamp": None}
    if others.cosigned is not None:
        earlier = Checkpoint.parse(open_note(others.cosigned, sealers))
        if earlier.origin == now.origin and 0 < earlier.size <= now.size:
            told["cosigned"] = {"note": others.cosigned.decode(), "path": _path(earlier, now, roots)}
    if others.stamped is not None:
        manifest, response = others.stamped
        named = _named(manifest, now.origin, sealers)
        if named is not None and 0 < named.size <= now.size:
            stamp = {"manifest": manifest.decode(), "response": b64encode(response).decode()}
            told["timestamp"] = {**stamp, "path": _path(named, now, roots)}
    return told


def attested(
    told: Mapping[str, Any], now: Checkpoint, last: int, sealers: Sequence[Verifier], trusted: Bundle
) -> list[Claim]:
    """`last`: the number of the proof's last event. Raises NotProvenError."""
    try:
        return [_witnessed(told["cosigned"], now, last, sealers, trusted),
                _stamped(told["timestamp"], now, last, sealers, trusted)]  # fmt: skip
    except (NoteError, TimestampError, ProofError) as error:
        raise NotProvenError(str(error)) from error


def _witnessed(
    told: Mapping[str, Any] | None, now: Checkpoint, last: int, sealers: Sequence[Verifier], trusted: Bundle
) -> Claim:
    audit = trusted.policy.audit
    if told is None:
        return Claim("", SPLIT_VIEW, "nobody: no witness has cosigned", False)
    note = told["note"].encode()
    earlier = Checkpoint.parse(open_note(note, sealers))
    _leads(earlier, now, told["path"], "the cosigned checkpoint")
    who = cosigners(note, [Witness.parse(vkey) for vkey in audit.witnesses])
    if not who or len(who) < audit.witness_quorum or earlier.size <= last:
        why = f"{len(who)} witnesses of the policy cosigned {earlier.size} events, and the proof's last is {last}"
        return Claim("", SPLIT_VIEW, f"nobody: {why}", False)
    return Claim("", SPLIT_VIEW, f"cosignatures of {', '.join(sorted(who))}", True)


def _stamped(
    told: Mapping[str, Any] | None, now: Checkpoint, last: int, sealers: Sequence[Verifier], trusted: Bundle
) -> Claim:
    authorities = authorities_of(trusted.policy.timestamp_pems)
    if told is None:
        return Claim("", WHEN, "the clocks of worker and sealer: no time stamp", False)
    manifest = told["manifest"].encode()
    named = _named(manifest, now.origin, sealers)
    if named is None:
        raise NotProvenError("the stamped manifest does not name the log")
    _leads(named, now, told["path"], "the stamped manifest")
    if not authorities:
        return Claim("", WHEN, "the clocks of worker and sealer: the policy names no timestamp_authorities", False)
    at = stamped_at(manifest, _bytes(told["response"]), authorities)
    if named.size <= last:
        return Claim("", WHEN, f"the clocks of worker and sealer: the time stamp is of {named.size} events", False)
    return Claim("", f"the events were there at {at:%Y-%m-%dT%H:%M:%SZ}", "time stamp of an authority (RFC 3161)", True)


def _named(manifest: bytes, origin: str, sealers: Sequence[Verifier]) -> Checkpoint | None:
    logs = Manifest.parse(open_note(manifest, sealers)).logs
    return next((log for log in logs if log.origin == origin), None)


def _path(earlier: Checkpoint, now: Checkpoint, roots: Roots) -> list[str]:
    return [b64encode(each).decode() for each in consistency_path(earlier.size, now.size, roots)]


def _leads(earlier: Checkpoint, now: Checkpoint, path: Sequence[str], what: str) -> None:
    """Raises NotProvenError, ProofError."""
    roots = roots_from(earlier.size, now.size, earlier.root, [_bytes(each) for each in path])
    if earlier.origin != now.origin or roots != (earlier.root, now.root):
        raise NotProvenError(f"{what} is of another history than the proof's: keep both, they cannot both be true")


def _bytes(text: str) -> bytes:
    """Raises ValueError."""
    raw = b64decode(text, validate=True)
    if b64encode(raw).decode() != text:
        raise ValueError("written otherwise than base64 is")
    return raw
