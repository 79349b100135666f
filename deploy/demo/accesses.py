"""Who read and who was refused: the broker's authorizer counts, `panlock broker-audit` tells it."""

from pathlib import Path

import orjson

from deploy.demo.clients import read_all
from deploy.demo.people import write_config
from deploy.demo.reckoning import Event
from deploy.demo.run import CHECKOUT, FLOW, Run
from deploy.demo.sealing import KEYS
from deploy.demo.told import expect, until
from deploy.dev.plugin import authorizer_jar, has_compiler
from deploy.dev.reports import AccessReports, access_jwk
from pipeline.policy.topics import BROKER_AUDIT

NONE = "SKIPPED: who reads is not audited: there is no JDK here, and the authorizer for the broker is Java"
WINDOW = 2_000  # ms of one report
_KEY = "access.pem"


def reports(run: Run) -> AccessReports | None:
    """None, and said so, where the authorizer cannot be compiled."""
    if not has_compiler():
        run.note(NONE)
        return None
    return AccessReports(authorizer_jar(run.note), run.directory / _KEY, WINDOW)


def key(run: Run) -> dict[str, dict[str, str]]:
    """The brokers' public JWK, by the name that the policy's template has."""
    return {"ACCESS": access_jwk(run.directory / _KEY)}


def start(run: Run) -> None:
    """`panlock broker-audit`, with a certificate, a key and a log of its own."""
    place = run.directory / "workers"
    config = write_config(
        place / "broker-audit.yaml",
        kafka=run.cluster.config("panlock-broker-audit"),
        store="broker-audit",
        audit_key=str(run.directory / KEYS["BROKERS"]),
        genesis=run.genesis,
    )
    words = ("broker-audit", "--policy", str(run.policy_file), "--config", str(config), "--development")
    run.broker_audit = run.place.panlock([*words], _log(run))
    run.closing.callback(run.broker_audit.kill)


def tell(run: Run) -> None:
    """What ledger did, under its name; broker-audit ends in order. Raises NotAsToldError."""
    if not has_compiler():
        run.note(NONE)
        return
    clean = run.policy.flows[FLOW].clean_topic
    read = until("ledger's read of the clean topic in the audit", lambda: _event(run, "access.read", clean))
    denied = until("ledger's refusal in the audit", lambda: _event(run, "access.denied", CHECKOUT))
    run.note(f"access.read: ledger, from {read['actor']['host']}, {read['access']['count']} fetches of {clean}")
    run.note(f"access.denied: ledger, {denied['access']['operation']} of {CHECKOUT}")
    reads = (each for each in _events(run) if each["type"] == "access.read")
    readers = {each["actor"]["principal"] for each in reads if each["resource"]["topic"] == CHECKOUT}
    expect(readers == {"panlock-worker"}, f"others than workers have read {CHECKOUT}: {sorted(readers)}")
    run.note(f"nobody but workers has read {CHECKOUT}")
    code = run.broker_audit.stop()
    expect(code == 0, f"broker-audit ended with code {code}; see {_log(run)}")


def _events(run: Run) -> list[Event]:
    expect(run.broker_audit.code is None, f"broker-audit has ended; see {_log(run)}")
    found = read_all(run.kafka("panlock-auditor"), BROKER_AUDIT, "panlock-auditor-demo")
    return [event for event in (orjson.loads(message.value()) for message in found) if "actor" in event]


def _event(run: Run, type_: str, topic: str) -> Event | None:
    """The last one of ledger."""
    mine = (each for each in _events(run) if each["type"] == type_ and each["actor"]["principal"] == "ledger")
    return next((each for each in reversed([*mine]) if each["resource"].get("topic") == topic), None)


def _log(run: Run) -> Path:
    return run.directory / "workers" / "broker-audit.log"
