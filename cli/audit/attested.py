"""What others than the sealer say of the audit: witnesses of its history, an authority of its time; and its clocks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from agents.sealer.published import Published
from cli.output import say
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.cosignature import Witness, cosigners
from pipeline.audit.note import NoteError
from pipeline.audit.timestamp import TimestampError, authorities_of, stamped_at
from pipeline.policy.bundle import Bundle


class Attested(NamedTuple):
    """`cosigned`: the last checkpoint of each log that enough of the policy's witnesses have signed, by origin;
    `witnesses`: those who did; `stamp`: time of the manifest, and when it was stamped; `wrong`: what is, in words."""

    cosigned: Mapping[str, Checkpoint]
    witnesses: Sequence[str]
    stamp: tuple[str, datetime] | None
    wrong: Sequence[str]

    def json(self, witnessed: int) -> dict[str, object]:
        """`witnessed`: events that are those of the cosigned checkpoints."""
        stamp = None if self.stamp is None else {"manifest": self.stamp[0], "stamped": self.stamp[1].isoformat()}
        return {"witnesses": list(self.witnesses), "witnessed": witnessed, "timestamp": stamp, "attests": [*self.wrong]}

    def show(self, witnessed: int, events: int) -> None:
        for what in self.wrong:
            say(what)
        if self.witnesses and witnessed:
            who = (
                f"{len(self.witnesses)} witness{'es' if len(self.witnesses) > 1 else ''} ({', '.join(self.witnesses)})"
            )
            say(f"{witnessed} of {events} events are proven against split view by {who}")
        else:
            say("not proven against split view: no witness has cosigned")
        if self.stamp is None:
            say("not proven by a time stamp: no authority has stamped a manifest")
        else:
            say(f"the manifest of {self.stamp[0]} was stamped at {self.stamp[1]:%Y-%m-%dT%H:%M:%SZ} by an authority")


def attested(published: Published, found: Sequence[Bundle]) -> Attested:
    """By the witnesses of the newest policy, and the authorities of all. Adds to `published.clocks`.

    Raises TimestampError where a policy's authorities are no certificates.
    """
    audit = found[0].policy.audit
    witnesses = [Witness.parse(vkey) for vkey in audit.witnesses]
    wrong = list[str]()
    cosigned: dict[str, Checkpoint] = {}
    names = set[str]()
    for origin, each in published.cosigned.items() if witnesses else ():
        try:
            who = cosigners(each.note, witnesses)
        except NoteError as error:
            wrong.append(f"cosigned/{origin}: {error}")
            continue
        if len(who) >= audit.witness_quorum:
            cosigned[origin] = each.checkpoint
            names |= who.keys()
    authorities = authorities_of([pem for each in found for pem in each.policy.timestamp_pems])
    stamp = None
    if published.stamp is not None and authorities:
        try:
            stamp = published.stamp.time, stamped_at(published.stamp.note, published.stamp.response, authorities)
            published.clocks.stamp(*stamp)
        except TimestampError as error:
            wrong.append(f"timestamp/{published.stamp.time}: {error}")
    return Attested(cosigned, sorted(names), stamp, wrong)
