"""The issuers' keys that a lane verifies by: its audit holds each set of them, for whoever verifies a year later."""

from pipeline.approval.id_token import Observed, Session
from pipeline.audit.events import EventType
from pipeline.state import VERSION, issuer_key, payload
from pipeline.turn import Turn


def observe(turn: Turn, session: Session, observed: Observed) -> None:
    """Tell the audit of keys that the lane has not told of, before the first message that they verify."""
    keys = observed[session.issuer]
    known = turn.view.get(issuer_key(session.issuer))
    if known is not None and payload(known).decode() == keys.sha256:
        return
    turn.view.put(issuer_key(session.issuer), VERSION + keys.sha256.encode())
    turn.event(
        EventType.APPROVER_KEYS_OBSERVED,
        actor={"worker": turn.context.worker},
        issuer={"alias": session.issuer, "url": turn.context.policy.issuers[session.issuer].issuer},
        keys=list(keys.jwks),
        resource={"sha256": keys.sha256},
    )
