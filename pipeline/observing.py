"""The issuers' keys that a lane verifies by: its audit holds each set of them, for whoever verifies a year later."""

from pipeline.approval.issuer_keys import IssuerKeys
from pipeline.audit.events import EventType
from pipeline.state import VERSION, issuer_key, payload
from pipeline.turn import Turn


def observe(turn: Turn, alias: str, url: str, keys: IssuerKeys) -> None:
    """Tell the audit of keys that the lane has not told of, before the first message that they verify."""
    known = turn.view.get(issuer_key(alias))
    if known is not None and payload(known).decode() == keys.sha256:
        return
    turn.view.put(issuer_key(alias), VERSION + keys.sha256.encode())
    turn.event(
        EventType.APPROVER_KEYS_OBSERVED,
        actor={"worker": turn.context.worker},
        issuer={"alias": alias, "url": url},
        keys=list(keys.jwks),
        resource={"sha256": keys.sha256},
    )
