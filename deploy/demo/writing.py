"""Steps in which producers write, rightly and wrongly."""

from collections.abc import Mapping, Sequence
from itertools import islice

import orjson
from confluent_kafka import Message

from deploy.demo import records
from deploy.demo.cards import CARDS
from deploy.demo.producers import Sent, Traffic, write_all
from deploy.demo.reckoning import Batch
from deploy.demo.run import CHECKOUT, IDENTITY, REFUNDS, Run
from deploy.demo.told import expect, until
from deploy.demo.workers import SESSION, listed

PAYMENTS_EACH = 5
RATE = 50.0  # records a second while a worker is killed


def ids(sent: Sequence[Sent]) -> list[str]:
    return [orjson.loads(each.value)["id"] for each in sent]


def as_checkout(run: Run, sent: Sequence[Sent], headers: Mapping[str, str] | None = None) -> None:
    """Raises NotAsToldError if the broker refuses."""
    said = run.checkout.write(CHECKOUT, sent, headers)
    expect(said is None, f"{run.checkout.client} cannot write {CHECKOUT}: {said}")
    run.written += sent


def as_refunds(run: Run, sent: Sequence[Sent]) -> list[str]:
    """Returns the record ids."""
    run.written += sent
    return write_all(run.kafka("refunds"), REFUNDS, sent, run.seal_to)


def write_cards(run: Run) -> None:
    payments, refunds = records.payments(PAYMENTS_EACH), records.refunds()
    as_checkout(run, payments)
    as_refunds(run, refunds)
    run.batches += [
        Batch("payments with card and CVV", "checkout", run.checkout.client, ids(payments)),
        Batch("small refunds, signed and sealed", "refunds", "the kit", ids(refunds)),
    ]
    found = run.ledger.wait_for(ids(payments) + ids(refunds))
    for message in found:
        card = orjson.loads(message.value())["card"]
        expect(str(card["number"]).startswith("tok_k1_"), "a card number was released without becoming a token")
        expect("cvv" not in card, "a record was released with its field cvv")
    show(run, found[0])


def write_free_text(run: Run) -> None:
    sent = records.free_text()
    as_checkout(run, sent)
    run.batches.append(Batch("card numbers in free text", "checkout", run.checkout.client, ids(sent)))
    found = {orjson.loads(message.value())["id"]: message for message in run.ledger.wait_for(ids(sent))}
    for name in ids(sent)[:-1]:
        show(run, found[name])
    key = found[ids(sent)[-1]].key()
    expect(b"tok_k1_" in key, "a record key with a card number was released without becoming a token")
    run.note(f"a record's key became {key.decode()}")


def write_wrong(run: Run) -> None:
    forged, broken = [records.payment("forged-1", CARDS[0])], [records.malformed()]
    as_checkout(run, forged, {IDENTITY[0]: IDENTITY[1]})
    as_checkout(run, broken)
    client = run.checkout.client
    run.batches += [
        Batch("forged identity header", "checkout", client, ids(forged), "identity-mismatch"),
        Batch("malformed JSON", "checkout", client, [], "malformed-json", written=len(broken)),
    ]
    for reason in ("identity-mismatch", "malformed-json"):
        record = run.wait_rejection("checkout", reason)
        run.note(f"checkout reads in panlock.rejections.checkout: {record} {reason}")
    _write_elsewhere(run)


def _write_elsewhere(run: Run) -> None:
    sent = [records.payment("elsewhere-1", CARDS[1])]
    said = run.checkout.write(REFUNDS, sent)
    expect(said is not None, f"checkout could write {REFUNDS}")
    expect("authorization failed" in (said or "").lower(), f"{REFUNDS} was refused for another reason: {said}")
    run.refused = Batch("a payment into refunds' topic", "checkout", run.checkout.client, ids(sent), "refused by Kafka")
    run.note(f"{run.checkout.client}: {(said or '').splitlines()[-1]}")


def kill_worker(run: Run) -> None:
    """Traffic before, while and after w1 is gone; it ends when w2 has every lane and all that was written is clean."""
    left, gone = run.workers["w2"], run.workers.pop("w1")
    with Traffic(run.kafka("refunds"), REFUNDS, records.traffic(), run.seal_to, RATE) as traffic:
        until("the first records of the traffic in the clean topic", lambda: _released(run, 10))
        lanes = listed(gone.lanes())
        gone.kill()
        run.note(f"w1 is gone; its lanes {lanes} move after the session timeout of {SESSION:.0f} s")
        before = len(traffic.written)

        def taken_over() -> bool:
            left.check()
            return len(left.lanes()) == run.policy.lanes

        until(f"all {run.policy.lanes} lanes open on w2", taken_over)
    written = [*traffic.written]
    run.written += written
    run.ledger.wait_for(ids(written))
    run.batches.append(Batch("small refunds while a worker dies", "refunds", "the kit", ids(written)))
    run.note(f"w2 has all lanes; {len(written) - before} records were written meanwhile, and all were released")


def _released(run: Run, count: int) -> bool:
    return len(list(islice((each for each in run.ledger.records if b'"traffic-' in each.value()), count))) == count


def show(run: Run, message: Message) -> None:
    """A clean record, as its consumer sees it."""
    run.note(f"clean: {message.value().decode()}")
