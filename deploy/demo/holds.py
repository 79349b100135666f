"""Steps in which people decide, or nobody does."""

from deploy.demo.cards import CARDS
from deploy.demo.commands import shown
from deploy.demo.reckoning import Batch, Event
from deploy.demo.records import refund
from deploy.demo.run import Run
from deploy.demo.signing_in import sign_in
from deploy.demo.told import expect
from deploy.demo.writing import as_refunds, ids

EXPIRING = "refund-gift-card"
DORA = "dora@pay.example"  # asks for refunds, and decides none


def decide(run: Run) -> None:
    """Three refunds are held, and a small one of the first one's customer waits behind it."""
    sent = [
        refund("refund-approved", CARDS[0], 8200.5, "c-large", reference="broken screens, 40", requested_by=DORA),
        refund("refund-behind", CARDS[0], 20.25, "c-large"),
        refund("refund-denied", CARDS[1], 12000.5, "c-other", requested_by="ana@pay.example"),
        refund(EXPIRING, CARDS[2], 300.5, "c-gift", to="gift-card", requested_by=DORA),
    ]
    approved, _, denied, expiring = as_refunds(run, sent)
    approving, behind, denying, waiting = ids(sent)
    run.batches += [
        Batch("large refund, approved by two", "refunds", "the kit", [approving], held=1),
        Batch("small refund waiting behind it", "refunds", "the kit", [behind]),
        Batch("large refund, denied", "refunds", "the kit", [denying], "denied", held=1),
        Batch("refund that nobody decides", "refunds", "the kit", [waiting], "expired", held=1),
    ]
    for record in (approved, denied, expiring):
        _wait_held(run, record)
    _look(run, approved, denied)
    run.signed_in = sign_in(run)
    _does_not_count(run, "ben", approved, "owner", "as he owns the producer refunds")
    _does_not_count(run, "ana", denied, "requester", "as she asked for it, the record says")
    _say(run, "ana", "approve", approved, "customer sent photographs")
    expect(not _released(run, approving), "a refund was released on the word of one person")
    _say(run, "carla", "approve", approved, "matches the order")
    run.ledger.wait_for([approving, behind])
    _say(run, "carla", "deny", denied, "no such order")
    run.wait_event(f"{denied} denied", lambda event: _rejected(event, denied, "denied"))


def _wait_held(run: Run, record: str) -> None:
    run.wait_event(f"{record} held", lambda event: _is(event, "record.held", record))


def _look(run: Run, *held: str) -> None:
    ana = run.people["ana"]
    listed = ana.run(run.commands, "pending", "list").stdout
    expect(all(record in listed for record in held), f"`panlock pending list` does not show {' and '.join(held)}")
    run.note(f"ana$ panlock pending list: {', '.join(held)}")
    ana.run(run.commands, "pending", "show", held[0])
    run.note(f"ana$ {shown('pending', 'show', held[0])}: the masked record, as it would be released")


def _does_not_count(run: Run, name: str, record: str, reason: str, why: str) -> None:
    words = ("approve", record, "--reason", "mine", "--wait", "0")
    run.signed_in[name].run(run.commands, *words)
    event = run.wait_event(f"{name}'s word on {record} refused", lambda event: _is(event, "decision.refused", record))
    expect(event["reason"] == reason, f"{name}'s word was refused for another reason: {event['reason']}")
    run.note(f"{name}$ {shown(*words[:4])}: refused, {why}")


def _say(run: Run, person: str, word: str, record: str, reason: str) -> None:
    words = (word, record, "--reason", reason)
    answer = run.signed_in[person].run(run.commands, *words)
    run.note(f"{person}$ {shown(*words)}")
    run.note(f"    {answer.stderr.strip()}")


def _released(run: Run, name: str) -> bool:
    return any(each.id == name for each in run.clean())


def expire(run: Run) -> None:
    """Its eight seconds were over long ago; silence denies."""
    record = run.wait_rejection("refunds", "expired")
    event = run.wait_event(f"{record} expired", lambda event: _rejected(event, record, "expired"))
    expect(not _released(run, EXPIRING), "the refund that nobody decided was released")
    run.note(f"refunds reads in panlock.rejections.refunds: {record} expired (audit event {event['id']})")


def _is(event: Event, kind: str, record: str) -> bool:
    return bool(event["type"] == kind and event["resource"].get("record") == record)


def _rejected(event: Event, record: str, reason: str) -> bool:
    return _is(event, "record.rejected", record) and event["reason"] == reason
