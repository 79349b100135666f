"""Policies that people have put in force, as a lane tells of them, and keeps to them."""

from collections.abc import Sequence

from pipeline.approval.history import Heard, Proposal
from pipeline.approval.roles import actor_of
from pipeline.audit.events import EventType, timestamp
from pipeline.errors import PanlockError
from pipeline.observing import observe
from pipeline.state import BUNDLE, Standing, State, decode_standing, encode_standing
from pipeline.turn import Turn

_TYPES = {
    "propose": EventType.POLICY_PROPOSED,
    "approve": EventType.POLICY_APPROVED,
    "apply": EventType.POLICY_APPLIED,
}


class OlderPolicyError(PanlockError):
    """A policy that is older than the one the lane was opened under before."""


def check_standing(state: State, approved: Sequence[Proposal]) -> None:
    """Raises OlderPolicyError: whatever became of `panlock.policy`, a lane does not go back.

    Its state is the workers' alone to write, so that neither a new first bundle nor a worker that asks nobody gets it.
    """
    known = decode_standing(state.get(BUNDLE))
    if known is None:
        return
    last = approved[-1].bundle if approved else None
    if last is None:
        raise OlderPolicyError(
            f"this lane was opened under version {known.version} of a policy that people approve, and this worker "
            "asks nobody: give it that policy, and `genesis:` in its configuration"
        )
    if last.policy.version < known.version or (last.policy.version == known.version and last.hash != known.bundle):
        raise OlderPolicyError(
            f"this lane was opened under version {known.version} (bundle {known.bundle}) before, and panlock.policy "
            f"knows {last.policy.version} (bundle {last.hash}) as the last: find out who changed panlock.policy, and "
            "give this worker the policy in force"
        )


def tell_policies(turn: Turn) -> None:
    """Every word for each bundle that is new to this lane, as it was signed: its log alone proves the change."""
    approved = turn.context.approved
    if not approved:
        return
    known = decode_standing(turn.view.get(BUNDLE))
    for proposal in approved:
        if known is None or proposal.bundle.policy.version > known.version:
            for heard in proposal.words:
                _tell(turn, proposal, heard)
    last = approved[-1].bundle
    turn.view.put(BUNDLE, encode_standing(Standing(last.policy.version, last.hash)))


def _tell(turn: Turn, proposal: Proposal, heard: Heard) -> None:
    change = heard.change
    if change.session is not None and heard.seen is not None:
        observe(turn, change.session.issuer, heard.seen.issuer, heard.seen.keys)
    turn.event(
        _TYPES[change.act],
        actor=actor_of(change),
        reason=change.reason,
        resource={"bundle": change.bundle, "version": change.version, "message": heard.place},
        previous=change.previous,
        received=timestamp(heard.time).decode(),
        jws=heard.message.decode(),
        keys=None if heard.seen is None else heard.seen.keys.sha256,
    )
