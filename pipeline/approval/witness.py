"""What a worker saw an issuer publish: its keys, signed by the worker, in `panlock.policy`.

A worker verifies at each start what people have said about policies, also long after the issuer has thrown its keys
away. People can write to that topic, too, so keys count as a worker's whom the policy in force names has signed them:

    record   {"v":1,"witness":"<JWS>"}
    header   {"alg":"Ed25519","kid":"<thumbprint of one of audit.worker_keys>","typ":"panlock-decision+jws"}
    payload  {"v":1,"witness":{"cluster":"<id>","issuer":"https://…","keys":[<JWK>,…],"iat":<seconds since 1970>}}
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from pipeline.approval.envelope import read_unverified, seal
from pipeline.approval.issuer_keys import IssuerKeys, IssuerKeysError
from pipeline.approval.keys import ALGORITHMS, registered_key
from pipeline.approval.pinned import Pinned
from pipeline.audit.signature import Signer

EARLY_MS = 600_000  # keys seen before a word count for it no longer than a worker trusts its cache
MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Seen:
    """An issuer's keys at a time (seconds). `signed`: by a worker, for a cluster; empty: the reader fetched them."""

    issuer: str
    keys: IssuerKeys
    iat: int
    cluster: str = ""
    signed: bytes = b""

    def counts(self, issuer: str, kid: str, received: int, cluster: str, workers: Sequence[Mapping[str, str]]) -> bool:
        """For a word that the broker received then (ms), under a policy that names these workers' keys."""
        if self.issuer != issuer or kid not in self.keys or self.iat * 1000 < received - EARLY_MS:
            return False
        return not self.signed or (self.cluster == cluster and _is_by(self.signed, workers))


def sign_seen(signer: Signer, cluster: str, seen: Seen) -> bytes:
    """The record's value."""
    body = {"cluster": cluster, "issuer": seen.issuer, "keys": list(seen.keys.jwks), "iat": seen.iat}
    raw = seal(OKPKey.import_key(signer.key), {"v": 1, "witness": body})
    return orjson.dumps({"v": 1, "witness": raw.decode()})


def read_seen(values: Iterable[bytes | None]) -> list[Seen]:
    """Those among a topic's values; whether one counts is not yet asked. Never raises, whatever the bytes."""
    return [seen for value in values if (seen := _read(value or b"")) is not None]


def is_witness(value: bytes) -> bool:
    return value.startswith(b'{"v":1,"witness":')


def _read(value: bytes) -> Seen | None:
    if not is_witness(value) or len(value) > MAX_BYTES:
        return None
    try:
        raw = str(orjson.loads(value)["witness"]).encode()
        body = read_unverified(raw)[1]["witness"]
        if not isinstance(body, dict) or type(body["iat"]) is not int or not isinstance(body["keys"], list):
            return None
        return Seen(str(body["issuer"]), IssuerKeys.of(body["keys"]), body["iat"], str(body["cluster"]), raw)
    except (JoseError, IssuerKeysError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _is_by(raw: bytes, workers: Sequence[Mapping[str, str]]) -> bool:
    try:
        kid = read_unverified(raw)[0]["kid"]
        key = next(key for jwk in workers if (key := registered_key(jwk)) is not None and key.thumbprint() == kid)
        jws.deserialize_compact(raw, key, registry=Pinned(ALGORITHMS[key.curve_name]))
    except (JoseError, ValueError, TypeError, KeyError, StopIteration):
        return False
    return True
