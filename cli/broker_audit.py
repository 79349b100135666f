"""`panlock broker-audit`: makes signed events of what the brokers count, until SIGTERM."""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from agents.approved import approved
from agents.broker_audit.config import load_broker_audit_config
from agents.broker_audit.process import BrokerAudit
from agents.broker_audit.web import serve
from agents.core_dumps import forbid_core_dumps
from agents.keys.opening import open_audit_key
from agents.quiet import hush_aiokafka
from agents.signing import signer_of
from cli.config import DevelopmentOption
from cli.kafka import told
from deploy.grants import grants
from pipeline.audit.access.rules import Grant, rules
from pipeline.errors import PanlockError
from pipeline.policy.bundle import load_bundle
from pipeline.policy.models import Policy


class NotAuditedError(PanlockError):
    """The policy says nothing of who audits the brokers."""


def broker_audit(
    policy: Annotated[Path, typer.Option(help="The policy that workers enforce: it says whose signatures count.")],
    config: Annotated[Path, typer.Option(help="Kafka connection, store directory, web port and audit key.")],
    log: Annotated[
        list[str] | None, typer.Option(help="NODE=FILE: an authorizer's log, where ours cannot be; repeatable.")
    ] = None,
    development: DevelopmentOption = False,
) -> None:
    """Audit the brokers: who read, wrote and was refused, as their authorizers count it, in a signed log of its own.

    One runs at a time; another one fences it. Exit 0 after SIGTERM, 2 where it cannot go on.
    """
    hush_aiokafka()
    forbid_core_dumps()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings, bundle = load_broker_audit_config(config), load_bundle(policy)
    settings.store.mkdir(parents=True, exist_ok=True)
    signer = signer_of(bundle.policy.audit.broker_keys, open_audit_key(settings, development))
    if signer is None:
        raise NotAuditedError(f"{policy} names no audit.broker_keys: make a key with `panlock audit key`, and add it")
    audit = BrokerAudit(bundle.policy, settings, signer, rules(bundle.policy, granted(bundle.policy)), _logs(log or ()))
    with told(settings.kafka, "audit the brokers"):
        asyncio.run(approved(settings.kafka, bundle, settings.genesis))
        uvloop.run(_run(audit))


def granted(policy: Policy) -> set[Grant]:
    """What the policy's ACLs allow on topics."""
    return {(acl.principal, acl.operation, acl.name) for acl in grants(policy) if acl.resource == "topic"}


def _logs(named: Sequence[str]) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for each in named:
        node, _, path = each.partition("=")
        if not node.isdecimal() or int(node) in found or not Path(path).is_file():
            raise NotAuditedError(f"--log {each}: say NODE=FILE, the broker's id once and its kafka.authorizer.logger")
        found[int(node)] = Path(path)
    return found


async def _run(audit: BrokerAudit) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, audit.stopping.set)
    runner = await serve(audit)
    try:
        await audit.run()
    finally:
        await runner.cleanup()
