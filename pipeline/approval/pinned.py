"""joserfc's registry of algorithms, narrowed to those that the caller pins (RFC 8725, 3.1)."""

from collections.abc import Collection
from typing import Any

from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry


class Pinned(JWSRegistry):
    """`EdDSA` is deprecated in favour of `Ed25519` (RFC 9864), but the same thing: no warning for it."""

    max_payload_length = 1 << 15
    max_header_length = 2048

    def __init__(self, algorithms: Collection[str], strict: bool = True) -> None:
        super().__init__(algorithms=list(algorithms), strict_check_header=strict)

    def get_alg(self, name: str) -> Any:  # joserfc does not export the type
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]
