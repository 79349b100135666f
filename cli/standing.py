"""Whether a person's word will count, told before anything is sent. The worker decides; this only saves the trip."""

from dataclasses import dataclass

from pipeline.approval.keys import SigningKey, registered_key
from pipeline.approval.pending import Pending
from pipeline.errors import PanlockError
from pipeline.policy import Policy


class UnknownKeyError(PanlockError):
    """A key that the policy gives to nobody."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who the policy says the key's holder is."""

    person: str
    policy: Policy

    def objection(self, pending: Pending) -> str | None:
        """Why their word does not count for this record; None if it does."""
        roles = self.policy.people[self.person].roles
        producer = self.policy.principals.get(pending.principal)
        if not set(roles) & set(pending.approvers):
            return f"{self.person} has none of the roles that may decide it ({', '.join(pending.approvers)})"
        if producer is not None and self.person in producer.owners:
            return f"{self.person} owns the producer {pending.principal}: its own record is for others to decide"
        if any(vote.person == self.person for vote in pending.votes):
            return f"{self.person} has voted already: the quorum counts people, not votes"
        return None


def standing(policy: Policy, key: SigningKey) -> Standing:
    """Raises UnknownKeyError."""
    thumbprint = key.thumbprint()
    for name, person in policy.people.items():
        keys = [registered_key(jwk) for jwk in person.keys]
        if any(each is not None and each.thumbprint() == thumbprint for each in keys):
            return Standing(name, policy)
    raise UnknownKeyError(f"the policy gives this key to nobody (thumbprint {thumbprint}): register it under `people`")
