"""`panlock broker-audit`: makes signed events of what the brokers count, until SIGTERM."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from agents.broker_audit.config import BrokerAuditConfig
from agents.broker_audit.process import BrokerAudit
from agents.broker_audit.web import serve
from cli.config import DevelopmentOption
from cli.emitter import EmitterConfigOption, EmitterPolicyOption, emitter
from deploy.grants import grants
from pipeline.audit.access.rules import Grant, rules
from pipeline.errors import PanlockError
from pipeline.policy.models import Policy


class LogOptionError(PanlockError):
    """`--log` names no log of a broker."""


def broker_audit(
    policy: EmitterPolicyOption,
    config: EmitterConfigOption,
    log: Annotated[
        list[str] | None, typer.Option(help="NODE=FILE: an authorizer's log, where ours cannot be; repeatable.")
    ] = None,
    development: DevelopmentOption = False,
) -> None:
    """Audit the brokers: who read, wrote and was refused, as their authorizers count it, in a signed log of its own.

    One runs at a time; another one fences it. Exit 0 after SIGTERM, 2 where it cannot go on.
    """
    own = emitter(policy, config, BrokerAuditConfig, "broker_keys", development)
    found = rules(own.bundle.policy, granted(own.bundle.policy))
    own.run(
        "audit the brokers", BrokerAudit(own.bundle.policy, own.settings, own.signer, found, _logs(log or ())), serve
    )


def granted(policy: Policy) -> set[Grant]:
    """What the policy's ACLs allow on topics."""
    return {(acl.principal, acl.operation, acl.name) for acl in grants(policy) if acl.resource == "topic"}


def _logs(named: Sequence[str]) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for each in named:
        node, _, path = each.partition("=")
        if not node.isdecimal() or int(node) in found or not Path(path).is_file():
            raise LogOptionError(f"--log {each}: say NODE=FILE, the broker's id once and its kafka.authorizer.logger")
        found[int(node)] = Path(path)
    return found
