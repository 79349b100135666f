"""A key service of one process, for tests of what lies around it: AES-GCM under a key that is thrown away."""

import json
import os
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.keys.service import KEY_BYTES, KeyServiceError, Kind, context


class MemoryService:
    def __init__(self) -> None:
        self._cipher = AESGCM(os.urandom(KEY_BYTES))

    def generate(self, kind: Kind, id_: str) -> tuple[bytes, str]:
        key = os.urandom(KEY_BYTES)
        return key, self.wrap(kind, id_, key)

    def wrap(self, kind: Kind, id_: str, key: bytes) -> str:
        nonce = os.urandom(12)
        return b64encode(nonce + self._cipher.encrypt(nonce, key, _bound(kind, id_))).decode()

    def unwrap(self, kind: Kind, id_: str, ciphertext: str) -> bytes:
        raw = b64decode(ciphertext)
        try:
            return self._cipher.decrypt(raw[:12], raw[12:], _bound(kind, id_))
        except InvalidTag:
            raise KeyServiceError("altered, or of another key") from None


def _bound(kind: Kind, id_: str) -> bytes:
    return json.dumps(dict(context(kind, id_)), sort_keys=True).encode()
