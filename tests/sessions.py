"""An issuer without a network, for tests of what is checked: its key, ID tokens as it likes them, people's sessions."""

import json
import time
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey, RSAKey

from pipeline.approval.envelope import SessionKey
from pipeline.approval.id_token import binding
from pipeline.approval.issuer_keys import IssuerKeys
from tests.lane import POLICY as KEYS_POLICY

ISSUER, KID = "https://idp.pay.example/realms/pay", "k1"
KEY, STRANGER = (RSAKey.generate_key(2048, parameters={"kid": KID}) for _ in range(2))
POLICY = KEYS_POLICY.replace(
    "flows:\n",
    f"""issuers:
  corporate: {{issuer: "{ISSUER}", client_id: panlock, device_client_id: panlock-device, acr: [mfa, hwk]}}
flows:
""",
).replace("        quorum: 2\n", "        quorum: 2\n        requester: $.requested_by\n")
NOW = 1_795_500_000_000  # ms, as in tests.lane
SIGNED_IN = NOW // 1000 - 60


def jwks(*keys: RSAKey) -> bytes:
    entries = [{**key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": "RS256"} for key in keys or (KEY,)]
    return orjson.dumps({"keys": entries})


OBSERVED = {"corporate": IssuerKeys.parse(jwks())}


def session_key(number: int = 1) -> OKPKey:
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


def claims(person: str, key: OKPKey, **changes: Any) -> dict[str, Any]:
    """Of a good ID token; None takes a claim out."""
    good = {
        "iss": ISSUER, "aud": "panlock", "sub": f"sub-of-{person}", "email": person, "email_verified": True,
        "groups": ["payments-approvers"], "iat": SIGNED_IN, "auth_time": SIGNED_IN, "exp": SIGNED_IN + 300,
        "acr": "mfa", "nonce": binding(key), **changes,
    }  # fmt: skip
    return {name: value for name, value in good.items() if value is not None}


def token(content: dict[str, Any], key: Any = KEY, algorithm: str = "RS256", **header: Any) -> str:
    protected = {"alg": algorithm, "kid": KID, "typ": "JWT", **header}
    protected = {name: value for name, value in protected.items() if value is not None}
    return jws.serialize_compact(protected, json.dumps(content), key, algorithms=[algorithm])


def session(person: str, number: int = 1, **changes: Any) -> SessionKey:
    """Somebody's session, as `panlock login` would have made it."""
    key = session_key(number)
    return SessionKey(key, token(claims(person, key, **changes)))


def now() -> int:
    return int(time.time())
