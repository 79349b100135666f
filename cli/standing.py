"""Whether a person's word will count, told before anything is sent. The worker decides; this only saves the trip."""

from dataclasses import dataclass

from cli.hardware import HardwareKey
from cli.session.held import Session
from pipeline.approval.keys import SigningKey, registered_key
from pipeline.approval.pending import Pending
from pipeline.approval.requester import UNKNOWN, same_person
from pipeline.errors import PanlockError
from pipeline.policy import Policy


class UnknownKeyError(PanlockError):
    """A key that the policy gives to nobody."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who the policy says the key's holder is, or their issuer; `device`: signed in by the device flow."""

    person: str
    roles: frozenset[str]
    policy: Policy
    device: bool = False

    def objection(self, pending: Pending, word: str) -> str | None:
        """Why their word does not count for this record; None if it does."""
        producer = self.policy.principals.get(pending.principal)
        if not self.roles & set(pending.approvers):
            return f"{self.person} has none of the roles that may decide it ({', '.join(pending.approvers)})"
        if self.device and not pending.device:
            return "you signed in by the device flow, and this rule does not take that: `panlock login`"
        if producer is not None and any(same_person(self.person, owner) for owner in producer.owners):
            return f"{self.person} owns the producer {pending.principal}: its own record is for others to decide"
        if pending.requester and same_person(self.person, pending.requester):
            return f"{self.person} asked for it, as the record says: it is for others to decide"
        if pending.requester == UNKNOWN and word == "approve":
            return "the record does not say who asked for it: it can only be denied"
        if any(same_person(vote.person, self.person) for vote in pending.votes):
            return f"{self.person} has voted already: the quorum counts people, not votes"
        return None


def standing(policy: Policy, key: SigningKey | HardwareKey | Session) -> Standing:
    """Raises UnknownKeyError."""
    if isinstance(key, Session):
        return Standing(key.who.person, frozenset(key.who.groups), policy, key.who.device)
    thumbprint = key.thumbprint()
    for name, person in policy.people.items():
        keys = [registered_key(jwk) for jwk in person.keys]
        if any(each is not None and each.thumbprint() == thumbprint for each in keys):
            return Standing(name, frozenset(person.roles), policy)
    raise UnknownKeyError(f"the policy gives this key to nobody (thumbprint {thumbprint}): register it under `people`")
