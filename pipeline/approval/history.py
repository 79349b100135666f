"""Which bundle is in force, and what is missing for the next: `panlock.policy` read from its beginning.

    first   the bundle whose hash workers have pinned (genesis), proposed by a person whom it names itself
    then    a proposal of a higher version, over the bundle in force; approvals by people who have the roles that the
            policy IN FORCE asks for, each once, none the author; with its quorum, one of them may apply it; one denial
            ends it, and so do thirty days

Every word names the bundle that is in force, so that none outlives a change. There is no exemption for anyone. An
operator's denial of a person or a key (pipeline.approval.denied) lies between the words: it ends what they said for
bundles that wait, and all that they say later. A word under a sign-in needs its issuer's keys, as a worker of the
policy in force has seen them (pipeline.approval.witness).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.approval.change import NO_PREVIOUS, Change, decode, read_change
from pipeline.approval.decision import Denial, read_message
from pipeline.approval.denied import Denied
from pipeline.approval.id_token import Session
from pipeline.approval.wanted import keys_wanted
from pipeline.approval.witness import Seen, is_witness
from pipeline.policy.bundle import Bundle, read_bundle
from pipeline.policy.models import Policy, PolicyApprovers
from pipeline.record import Refusal

WAITS_MS = 30 * 86_400_000  # what nobody has put in force for that long, nobody remembers agreeing to


class Record(NamedTuple):
    """Of `panlock.policy`; `place` is topic/partition/offset, `time` the broker's, in ms."""

    place: str
    time: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A word that counts, as it was signed; `time` in ms, the broker's. `seen`: its issuer's keys, under a session."""

    change: Change
    message: bytes
    place: str
    time: int
    seen: Seen | None = None


@dataclass(slots=True)
class Proposal:
    """`quorum`: of the policy in force; 0 for the first bundle. `approvers`: of its own policy, for what comes next."""

    bundle: Bundle
    approvers: PolicyApprovers
    proposed: Heard
    quorum: int
    approvals: list[Heard] = field(default_factory=list)
    applied: Heard | None = None

    @property
    def approved(self) -> bool:
        return len(self.approvals) >= self.quorum

    def aged(self, now: int) -> bool:
        """`now`: the broker's time in ms."""
        return now - self.proposed.time > WAITS_MS

    @property
    def words(self) -> list[Heard]:
        """All that was said for it, in order."""
        return [self.proposed, *self.approvals, *([] if self.applied is None else [self.applied])]


class Refused(NamedTuple):
    """A record that does not count. `person`: who signed it, where that is known."""

    place: str
    person: str
    why: str


class History:
    """Fed with every record in order. `in_force` is None until the first bundle has been read."""

    def __init__(self, cluster: str, genesis: str | None, seen: Sequence[Seen] = ()) -> None:
        """`genesis`: hash of the first bundle; None takes the first that is there, on nobody's word: to look only.

        `seen`: issuers' keys, as workers have witnessed them or the reader has fetched them.
        """
        self.cluster, self.genesis, self._seen = cluster, genesis, seen
        self.unseen: set[str] = set()  # issuers whose keys a word wants and that nobody has
        self.fetched: list[tuple[Seen, Policy]] = []  # that no worker had witnessed, and the policy they served
        self.in_force: Proposal | None = None
        self.waiting: dict[str, Proposal] = {}
        self.denied: dict[str, str] = {}  # bundles over the one in force that a person denied, and who
        self.speakers = Denied(cluster)
        self.chain: list[Proposal] = []  # every bundle that was in force, the present one last
        self.refused: list[Refused] = []

    def add_all(self, records: Iterable[Record]) -> "History":
        for record in records:
            self.add(record)
        return self

    def add(self, record: Record) -> None:
        """Never raises, whatever the bytes."""
        if record.value is None or is_witness(record.value):
            return
        if (present := self.in_force) is None:
            self._begin(record)
            return
        found = decode(record.value)
        seen = None if found is None else self._keys(found[0], present.bundle.policy, record.time)
        change = _read(found, present.bundle.policy, seen, record.time)
        if isinstance(change, Denial):
            self._deny(change, record, present)
            return
        if found is None or isinstance(change, Refusal):
            self._refuse(record, "", change.value if isinstance(change, Refusal) else "")
            return
        heard = Heard(change, found[0], record.place, record.time, seen)
        why = self._unfit(change, present)
        if why is None:
            why = self._propose(heard, found[1], present) if change.act == "propose" else self._answer(heard, present)
        if why is not None:
            self._refuse(record, change.person, why)

    def _deny(self, denial: Denial, record: Record, present: Proposal) -> None:
        """It reaches back over what still waits: neither proposals nor approvals of whoever is denied are left."""
        policy = present.bundle.policy
        why = self.speakers.hear(denial, policy, record.time)
        if why is not None:
            self._refuse(record, denial.person, why)
            return
        for hash_, proposal in list(self.waiting.items()):
            if self.speakers.why(proposal.proposed.change, policy) is not None:
                del self.waiting[hash_]
            proposal.approvals = [each for each in proposal.approvals if self.speakers.why(each.change, policy) is None]

    def _begin(self, record: Record) -> None:
        """The first bundle: its hash is what makes it count; that its author signed it is for the audit."""
        found = decode(record.value)
        bundle = None if found is None else read_bundle(found[1])
        rule = None if bundle is None else bundle.policy.policy_approvers
        if found is None or bundle is None or rule is None or self.genesis not in (None, bundle.hash):
            self._refuse(record, "", "before the first bundle, and not it")
            return
        seen = self._keys(found[0], bundle.policy, record.time)
        change = _read(found, bundle.policy, seen, record.time)
        if not isinstance(change, Change) or not _is_first(change, bundle, self.cluster):
            self._refuse(record, "", "holds the first bundle, but is not signed by one of its people for this cluster")
            return
        heard = Heard(change, found[0], record.place, record.time, seen)
        self.in_force = Proposal(bundle, rule, heard, 0)
        self.chain.append(self.in_force)

    def _unfit(self, change: Change, present: Proposal) -> str | None:
        """What is wrong with a word, whatever it says."""
        if change.cluster != self.cluster:
            return "is for another cluster"
        if change.previous != present.bundle.hash:
            return "is over another bundle than the one in force"
        denied = self.speakers.why(change, present.bundle.policy)
        if denied is not None:
            return denied
        if change.person not in present.bundle.policy.holders(present.approvers.roles):
            return f"{change.person} has none of the roles of policy_approvers in the policy in force"
        return None if change.session is None else _unfit_session(change.session, present)

    def _keys(self, raw: bytes, policy: Policy, received: int) -> Seen | None:
        """Of the issuer that a word under a session claims."""
        for alias, kids in keys_wanted([raw], policy).items():
            issuer, workers = policy.issuers[alias].issuer, policy.audit.worker_keys
            for seen in self._seen:
                if all(seen.counts(issuer, kid, received, self.cluster, workers) for kid in kids):
                    if not seen.signed:
                        self.fetched.append((seen, policy))
                    return seen
            self.unseen.add(issuer)
        return None

    def _propose(self, heard: Heard, content: object, present: Proposal) -> str | None:
        change, bundle = heard.change, read_bundle(content)
        if bundle is None or bundle.hash != change.bundle or bundle.policy.version != change.version:
            return "the bundle is not the one that was signed, or is no policy"
        if change.version <= present.bundle.policy.version:
            return f"version {change.version} is not above {present.bundle.policy.version}, which is in force"
        rule = bundle.policy.policy_approvers
        if rule is None:
            return "names no policy_approvers: nobody could ever change it again"
        former = self.waiting.get(change.bundle)
        if former is not None and not former.aged(heard.time):
            return "is proposed already"
        if change.bundle in self.denied:  # its approvals are still there, for anybody to send again
            return f"was denied by {self.denied[change.bundle]}: change something, at least a comment"
        self.waiting[change.bundle] = Proposal(bundle, rule, heard, present.approvers.quorum)
        return None

    def _answer(self, heard: Heard, present: Proposal) -> str | None:
        change, proposal = heard.change, self.waiting.get(heard.change.bundle)
        if proposal is None or change.version != proposal.bundle.policy.version:
            return "is about a bundle that nobody has proposed"
        if proposal.aged(heard.time):
            return f"is about a bundle that was proposed more than {WAITS_MS // 86_400_000} days ago: propose it again"
        if change.act == "approve":
            if change.person == proposal.proposed.change.person:
                return f"{change.person} proposed it: an author does not count"
            if any(change.person == each.change.person for each in proposal.approvals):
                return f"{change.person} has approved it already: a quorum counts people"
            proposal.approvals.append(heard)
            return None
        if change.act == "deny":
            del self.waiting[change.bundle]
            self.denied[change.bundle] = change.person
            return None
        if not proposal.approved:
            return f"{len(proposal.approvals)} of {proposal.quorum} people have approved it: too few to apply it"
        proposal.applied = heard
        self.in_force, self.waiting, self.denied = proposal, {}, {}
        self.chain.append(proposal)
        return None

    def _refuse(self, record: Record, person: str, why: str) -> None:
        self.refused.append(Refused(record.place, person, why))


def _read(
    found: tuple[bytes, object] | None, policy: Policy, seen: Seen | None, time: int
) -> Change | Denial | Refusal:
    if found is None:
        return Refusal.BAD_SIGNATURE
    aliases = (
        {}
        if seen is None
        else {alias: seen.keys for alias, each in policy.issuers.items() if each.issuer == seen.issuer}
    )
    change = read_change(found[0], policy, aliases, time)
    if change is not Refusal.BAD_SIGNATURE:
        return change
    denial = read_message(found[0], policy, aliases, time)
    return denial if isinstance(denial, Denial) else change


def _unfit_session(session: Session, present: Proposal) -> str | None:
    """Both must say it: the policy that somebody is one of its approvers, and the issuer that they still are."""
    if not set(present.approvers.roles) & session.roles:
        return f"{session.person} has none of the roles of policy_approvers at the issuer"
    if session.device:
        return f"{session.person} signed in by the device flow, which a stranger can start"
    if not present.bundle.policy.audit.worker_keys:
        return "is under a sign-in, and the policy in force names no audit.worker_keys to witness its issuer's keys"
    return None


def _is_first(change: Change, bundle: Bundle, cluster: str) -> bool:
    return (
        change.act == "propose"
        and change.bundle == bundle.hash
        and change.cluster == cluster
        and change.previous == NO_PREVIOUS
        and change.version == bundle.policy.version
    )
