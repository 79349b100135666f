"""A producer that signs and seals as docs/envelope.md says: what a kit does, without its batching."""

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from deploy.dev.ca import Credentials
from pipeline.identity.certificates import encode_chain
from pipeline.identity.envelope import CERTIFICATES, SEALED_KEY, Place
from pipeline.identity.sealing import HOUR_MS, Scope, seal, sealed_key_hash, wrap_data_key
from pipeline.identity.sealing_keys import PublicKey
from pipeline.identity.signature import PrivateKey
from pipeline.identity.signer import Draft, Signer
from pipeline.record import Headers

Written = tuple[bytes | None, bytes | None, Headers]


class Pod:
    """One instance of a producer: its own stream. `seal_to`: the worker's public key; None: records stay clear."""

    def __init__(self, principal: str, credentials: Credentials, seal_to: PublicKey | None = None) -> None:
        certificates = x509.load_pem_x509_certificates(credentials.certificate.read_bytes())
        self.principal, self.seal_to = principal, seal_to
        self.chain = [each.public_bytes(Encoding.DER) for each in certificates]
        self.signer = Signer(_key(credentials.key), self.chain, principal)
        self.x5t = certificates[0].fingerprint(SHA256()).hex()
        self.serial = f"{certificates[0].serial_number:x}"
        self.stream = os.urandom(16)
        self.sequences: dict[Place, int] = {}
        self._data_keys: dict[tuple[bytes, int], tuple[bytes, bytes]] = {}

    def write(
        self,
        place: Place,
        time: int,
        *pairs: tuple[bytes | None, bytes | None],
        headers: Headers = (),
        carry: bool = True,
    ) -> list[Written]:
        """One batch for one partition, as Kafka would hold it. `carry`: with the chain, and the sealed data key."""
        drafts = [self._draft(place, time, key, value, headers) for key, value in pairs]
        brought = self._brought(place, time) if carry else []
        made = self.signer.sign_batch(drafts)
        return [(draft.key, draft.value, (*headers, *own, *brought)) for draft, own in zip(drafts, made, strict=True)]

    def _draft(self, place: Place, time: int, key: bytes | None, value: bytes | None, headers: Headers) -> Draft:
        sequence = self.sequences.get(place, 0)
        self.sequences[place] = sequence + 1
        draft = Draft(place, self.stream, sequence, time, os.urandom(16), key, value, headers)
        if self.seal_to is None:
            return draft
        data_key, header = self._data_key(place, time)
        draft = Draft(place, self.stream, sequence, time, draft.salt, key, value, headers, sealed_key_hash(header))
        key, value = seal(data_key, place, self.principal, self.signer.head(draft), key, value)
        return Draft(place, self.stream, sequence, time, draft.salt, key, value, headers, draft.sealed_key)

    def _data_key(self, place: Place, time: int) -> tuple[bytes, bytes]:
        assert self.seal_to is not None
        hour = time // HOUR_MS
        if (place.topic_id, hour) not in self._data_keys:
            data_key = os.urandom(32)
            scope = Scope(place.cluster, place.topic_id, self.principal, self.stream, hour)
            self._data_keys[place.topic_id, hour] = data_key, wrap_data_key(data_key, self.seal_to, scope)
        return self._data_keys[place.topic_id, hour]

    def _brought(self, place: Place, time: int) -> Sequence[tuple[str, bytes]]:
        chain = [(CERTIFICATES, encode_chain(self.chain))]
        return chain if self.seal_to is None else [*chain, (SEALED_KEY, self._data_key(place, time)[1])]


def _key(file: Path) -> PrivateKey:
    key = load_pem_private_key(file.read_bytes(), None)
    return key  # type: ignore[return-value]  # the development CA's are P-256
