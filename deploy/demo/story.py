"""The demo, on one page: twelve steps, a table, a search, and the audit's own word."""

import os
import shutil
from collections.abc import Callable

import orjson

from deploy.demo import accesses, changing, closing, formats, holds, outside, writing
from deploy.demo.clients import refusal
from deploy.demo.ledger import Ledger
from deploy.demo.people import make_people, write_config, write_policy
from deploy.demo.producers import Line
from deploy.demo.run import CHECKOUT, FLOW, Run
from deploy.demo.sealing import make_audit_keys, start_sealer
from deploy.demo.signing_in import start_issuer
from deploy.demo.workers import listed, wait_shared
from deploy.provision import provision
from panlock_producer import Recipient
from pipeline.identity.sealing_keys import SEED_BYTES, Kem, private_key, private_text, public_text
from pipeline.policy import load_policy

STEPS: tuple[tuple[str, Callable[[Run], None]], ...]


def tell(run: Run) -> None:
    """Raises NotAsToldError, and whatever a step raises that could not be carried out at all."""
    for title, step in STEPS:
        with run.narrator.step(title):
            step(run)
    closing.tell(run)


def start_kafka(run: Run) -> None:
    reports = accesses.reports(run)
    run.cluster = run.closing.enter_context(run.place.kafka(run.kafka_directory, run.note, reports))
    start_issuer(run)


def make_policy(run: Run) -> None:
    run.people = make_people(run.cluster, run.directory / "people", run.commands)
    keys = {name: person.jwk for name, person in run.people.items()}
    audit, witness = make_audit_keys(run.directory, run.commands), outside.make_keys(run.directory)
    write_policy(keys | audit | accesses.key(run), run.issuer, witness, run.policy_file)
    shutil.copyfile(run.cluster.ca, run.directory / "ca.pem")  # `authorities`: of producers that sign
    run.commands.run("policy", "check", str(run.policy_file))
    run.policy = load_policy(run.policy_file)
    run.note("ana, ben and carla each made a key under a passphrase; ben owns the producer refunds")
    run.note(f"$ panlock policy check policy.yaml: fine, hash {run.policy.hash[:16]}…")


def deploy(run: Run) -> None:
    provision(run.cluster.config("admin"), run.policy)
    config = write_config(run.directory / "ops.yaml", kafka=run.cluster.config("ops"))
    run.commands.run("deploy", "check", "--policy", str(run.policy_file), "--config", str(config))
    run.note("$ panlock deploy check, as ops: the cluster is what the policy says")
    changing.fix(run)


def start_workers(run: Run) -> None:
    formats.write_schema(run.directory / "schemas")
    token_key, seal_key, seed = run.directory / "k1.key", run.directory / "s1.key", os.urandom(SEED_BYTES)
    for file in (token_key, seal_key):
        file.touch(mode=0o600)
    token_key.write_bytes(os.urandom(32))
    seal_key.write_text(private_text(Kem.MLKEM768_X25519, seed))
    run.seal_to = Recipient(public_text(private_key(Kem.MLKEM768_X25519, seed).public))
    for name in ("w1", "w2"):
        run.workers[name] = changing.start(run, name, run.policy_file.name)
    outside.start(run)
    start_sealer(run)
    accesses.start(run)
    clean = run.policy.flows[FLOW].clean_topic
    run.ledger = run.closing.enter_context(Ledger(run.kafka("ledger"), clean))
    run.checkout = Line(run.kafka("checkout"))
    has = wait_shared(run.workers.values(), run.policy.lanes)
    run.note(", ".join(f"{name} has lanes {listed(lanes)}" for name, lanes in has.items()))


def mask_elsewhere(run: Run) -> None:
    writing.write_free_text(run)
    formats.write_formats(run)


def read_clean_alone(run: Run) -> None:
    word = refusal(run.kafka("ledger"), CHECKOUT, "ledger-demo-2")
    run.note(f"ledger asks for {CHECKOUT}: {word}")
    run.ledger.wait_for(name for batch in run.batches if batch.outcome == "released" for name in batch.ids)
    clean = run.policy.flows[FLOW].clean_topic
    run.note(f"ledger has read {len(run.ledger.records)} records of {clean}, read_committed")
    tokens = {orjson.loads(record.value()).get("card", {}).get("number") for record in run.ledger.records} - {None}
    run.note(f"it can tell {len(tokens)} cards apart by their tokens, and knows no number")


STEPS = (
    ("Kafka with TLS client certificates, deny by default, and an issuer for development", start_kafka),
    ("three people make their keys, and the policy is checked", make_policy),
    ("topics and ACLs from the policy, which is fixed as the first", deploy),
    ("two workers share 4 lanes, and sign the audit, which a sealer seals", start_workers),
    ("checkout writes through a plain client; refunds signs every record and seals it", writing.write_cards),
    ("card numbers in free text, escaped, as a record's key, in XML and in Avro are masked", mask_elsewhere),
    ("a forged identity and malformed JSON are rejected; refunds' topic refuses checkout", writing.write_wrong),
    ("large refunds wait for people, who sign in: one approved by two, one denied", holds.decide),
    ("a worker is killed with SIGKILL, and traffic goes on", writing.kill_worker),
    ("the refund that nobody decided has expired", holds.expire),
    ("the policy is changed: proposed by ben, approved by ana and carla", changing.change),
    ("ledger may not read quarantine, and has read clean", read_clean_alone),
)
