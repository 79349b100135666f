"""Verifying a chunk of signed records: the kernel reads, each distinct root's signature is checked once, seals open.

One a worker: what it has learned of certificates, sealed keys and roots serves all its lanes. All of it is checked, a
chain against the authorities, a sealed key by opening it, so that it does not matter who brought it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from cryptography import x509
from panlock_kernel import REFUSALS, SignedChunk

from pipeline.identity.certificates import Certificate, CertificateError, check_chain, parse_chain
from pipeline.identity.envelope import Algorithm, Place
from pipeline.identity.proof import Known, Proof, Proofs, Sealed
from pipeline.identity.sealing import HOUR_MS, Scope, SealError, parse_sealed_key, sealed_key_hash, unwrap_data_key
from pipeline.identity.sealing_keys import PrivateKey
from pipeline.identity.signature import verify_signature
from pipeline.record import Headers, Reason, Record

# a refusal of n means REASONS[n]: the kernel's own numbering, then the others
REASONS = tuple(Reason(code) for code in REFUSALS)
REASONS += tuple(reason for reason in Reason if reason not in REASONS)
_NUMBER = {reason: number for number, reason in enumerate(REASONS)}

ROOTS = 65_536  # verified signatures that are remembered: a batch over many partitions comes in as many chunks
CERTIFICATES = 10_000
DATA_KEYS = 100_000

_Root = tuple[bytes, int, int, bytes, bytes]
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the policy asks of a signed principal's records: its names, the window (ms), whether they must be sealed."""

    principal: str
    spiffe: str
    window: int
    sealed: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A verified chunk: what is to be masked of it, why records are refused (None: they are not), and the proofs."""

    keys: list[bytes | None]
    values: list[bytes | None]
    headers: list[Headers]
    refusals: Sequence[Reason | None]
    proofs: Proofs


def refused_all(count: int, reason: Reason) -> Opened:
    return Opened([], [], [], [reason] * count, Proofs([None] * count, {}, []))


def joined(parts: Sequence[Opened]) -> Opened:
    """Chunks of one record each as one chunk."""
    proofs: list[Proof | None] = []
    certificates: dict[bytes, Known] = {}
    sealed: list[tuple[bytes, Sealed] | None] = []
    for part in parts:
        for proof in part.proofs.proofs:
            known = None if proof is None else Proof(*proof)
            moved = known is not None and known.sealed_key >= 0
            proofs.append(known._replace(sealed_key=known.sealed_key + len(sealed)) if known and moved else known)
        certificates.update(part.proofs.certificates)
        sealed += part.proofs.sealed_keys
    return Opened(
        [key for part in parts for key in part.keys],
        [value for part in parts for value in part.values],
        [headers for part in parts for headers in part.headers],
        [refusal for part in parts for refusal in part.refusals],
        Proofs(proofs, certificates, sealed),
    )


@dataclass(frozen=True, slots=True)
class Verifier:
    """`authorities`: CAs that producers' chains lead to; `seal_keys`: the worker's keys to open with, by key id."""

    authorities: Sequence[x509.Certificate]
    seal_keys: Mapping[bytes, PrivateKey] = field(default_factory=dict)
    _known: dict[bytes, Known] = field(default_factory=dict)
    _sealed: dict[bytes, Sealed] = field(default_factory=dict)
    _data_keys: dict[tuple[Place, bytes], bytes] = field(default_factory=dict)
    _roots: dict[_Root, None] = field(default_factory=dict)

    def remember(self, chains: Iterable[tuple[int, bytes]], sealed: Iterable[Sealed]) -> None:
        """What a lane's state holds: chains with the broker time (ms) they were seen at, and checked again as of it:
        authorities may have changed, and what still waits in a topic was written when they were valid."""
        for at_ms, chain in chains:
            self._learn_chain(chain, at_ms)
        for key in sealed:
            _keep(self._sealed, sealed_key_hash(key.header), key, DATA_KEYS)

    def verify(self, terms: Terms, place: Place, records: Sequence[Record]) -> Opened:
        """Content never raises: what does not hold is refused."""
        chunk = SignedChunk(place[:3], terms.principal, list(records), terms.window, terms.sealed)
        refused = self._learn(chunk, records)
        verdicts = [self._verdict(root, terms, refused) for root in chunk.roots]
        names, brought = chunk.sealed_keys, _brought(chunk)
        data_keys = [self._data_key(name, brought.get(name, []), terms, place) for name in names]
        keys, values, headers, found = chunk.finish(
            verdicts, [_NUMBER[key] if isinstance(key, Reason) else key for key in data_keys]
        )
        refusals = [REASONS[each] if isinstance(each, int) else None for each in found]
        proofs: list[Proof | None] = [None if isinstance(each, int) else each for each in found]  # type: ignore[misc]
        certificates = {root[0]: self._known[root[0]] for root in chunk.roots if root[0] in self._known}
        sealed = [(name, self._sealed[name]) if name in self._sealed else None for name in names]
        return Opened(keys, values, headers, refusals, Proofs(proofs, certificates, sealed))

    def _learn(self, chunk: SignedChunk, records: Sequence[Record]) -> dict[bytes, Reason]:
        """Take in what the chunk's records bring; returns the certificates whose chains do not hold."""
        refused: dict[bytes, Reason] = {}
        for number, _, _, chain, _ in chunk.attached:
            if chain is not None:
                refused.update(self._learn_chain(chain, records[number].timestamp))
        return refused

    def _learn_chain(self, header: bytes, at_ms: int) -> dict[bytes, Reason]:
        try:
            chain = parse_chain(header)
        except CertificateError:
            return {}
        name = hashlib.sha256(chain[0]).digest()
        if name in self._known:
            return {}
        found = check_chain(chain, self.authorities, at_ms)
        if isinstance(found, Reason):
            return {name: found}
        _keep(self._known, name, Known(found, header), CERTIFICATES)
        return {}

    def _verdict(self, root: _Root, terms: Terms, refused: Mapping[bytes, Reason]) -> tuple[int, int] | int:
        known = self._known.get(root[0])
        if known is None:
            return _NUMBER[refused.get(root[0], Reason.CERTIFICATE_UNKNOWN)]
        certificate = known.certificate
        if (certificate.principal, certificate.spiffe) != (terms.principal, terms.spiffe):
            return _NUMBER[Reason.PRINCIPAL_MISMATCH]
        if root not in self._roots:
            if not _holds(certificate, root):
                return _NUMBER[Reason.SIGNATURE_INVALID]
            _keep(self._roots, root, None, ROOTS)
        return certificate.not_before, certificate.not_after

    def _data_key(self, name: bytes, brought: Sequence[Sealed], terms: Terms, place: Place) -> bytes | Reason:
        """`brought`: by records of the chunk, which nobody has verified: whose stream it is for, opening it tells."""
        topic = place._replace(partition=0)  # a data key is bound to the topic
        known = self._data_keys.get((topic, name))
        if known is not None:
            return known
        former = self._sealed.get(name)
        reason = Reason.SEAL_KEY_UNKNOWN
        for sealed in brought if former is None else (former, *brought):
            key = self._unwrap(sealed, terms, place)
            if isinstance(key, bytes):
                _keep(self._sealed, name, sealed, DATA_KEYS)
                _keep(self._data_keys, (topic, name), key, DATA_KEYS)
                return key
            reason = key
        return reason

    def _unwrap(self, sealed: Sealed, terms: Terms, place: Place) -> bytes | Reason:
        scope = Scope(place.cluster, place.topic_id, terms.principal, sealed.stream, sealed.time // HOUR_MS)
        try:
            wrapped = parse_sealed_key(sealed.header)
            private = self.seal_keys.get(wrapped.recipient)
            if private is None:
                return Reason.SEAL_KEY_UNKNOWN
            return unwrap_data_key(wrapped, private, scope)
        except SealError:
            return Reason.SEAL_INVALID


def _brought(chunk: SignedChunk) -> dict[bytes, list[Sealed]]:
    """The sealed keys that records name and records bring, once for each stream and hour: at most one a record."""
    wanted, found = set(chunk.sealed_keys), dict[bytes, dict[tuple[bytes, int], Sealed]]()
    for _, stream, time, _, header in chunk.attached:
        if header is not None and (name := sealed_key_hash(header)) in wanted:
            found.setdefault(name, {}).setdefault((stream, time // HOUR_MS), Sealed(stream, time, header))
    return {name: list(each.values()) for name, each in found.items()}


def _holds(certificate: Certificate, root: _Root) -> bool:
    _, algorithm, size, digest, signature = root
    return verify_signature(certificate.public_key, Algorithm(algorithm), size, digest, signature)


def _keep(cache: dict[Key, Value], key: Key, value: Value, most: int) -> None:
    """The oldest goes where there are too many: it is learned again, from the state or the next header."""
    while len(cache) >= most:
        try:
            del cache[next(iter(cache))]
        except (StopIteration, KeyError, RuntimeError):  # another thread was faster
            break
    cache[key] = value
