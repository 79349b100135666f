"""Which issuers' keys a chunk of panlock.decisions needs, as its messages claim it: nothing here is verified."""

from collections.abc import Iterable, Mapping

from joserfc.errors import JoseError

from pipeline.approval.envelope import MAX_SESSION_BYTES, read_unverified
from pipeline.approval.id_token import issuer_and_kid
from pipeline.policy.models import Policy

Wanted = Mapping[str, set[str]]  # the issuer's alias -> kids


def keys_wanted(values: Iterable[bytes | None], policy: Policy) -> Wanted:
    """Never raises, whatever the bytes."""
    wanted: dict[str, set[str]] = {}
    if not policy.sign_ins:
        return wanted
    for value in values:
        found = _claimed(value or b"", policy)
        if found is not None:
            wanted.setdefault(found[0], set()).add(found[1])
    return wanted


def _claimed(raw: bytes, policy: Policy) -> tuple[str, str] | None:
    if len(raw) > MAX_SESSION_BYTES or raw.startswith(b"{"):
        return None
    try:
        header, payload = read_unverified(raw)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    token = payload.get("id_token")
    return issuer_and_kid(token, policy) if "jwk" in header and isinstance(token, str) else None
