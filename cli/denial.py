"""`panlock deny --certificate` and its like: an operator's word that a producer, a person or a key is refused.

Every lane is told by a signed message in its partition of panlock.decisions, and refuses what it decides after it. For
a principal Kafka is told, too: a DENY ACL on its quarantine topics, which holds on connections that are open already.
"""

import asyncio
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Literal

from cli.config import Settings, load_config
from cli.decisions import Message, deliver
from cli.kafka import TopicMissingError, cluster_id
from cli.output import print_json, say
from deploy.admin import REACH, TIMEOUT, ask, connect, settle
from deploy.grants import Acl
from deploy.observed import to_binding, to_filter, writers
from pipeline.approval.change import encode
from pipeline.approval.decision import Denial, is_denial, sign_message
from pipeline.approval.denied import KINDS
from pipeline.errors import PanlockError
from pipeline.policy.topics import DECISIONS, POLICY

Kind = Literal["certificate", "serial", "principal", "person", "key"]


class DenialError(PanlockError):
    """An identity that cannot be one."""


def deny_identity(
    kind: Kind, value: str, reason: str, config: Path | None, deployer: Path | None, lift: bool, as_json: bool
) -> None:
    """`deployer`: the configuration whose certificate may write ACLs; default the operator's own."""
    settings = load_config(config)
    value = value.lower().removeprefix("0x").lstrip("0") if kind == "serial" else value
    denial = Denial(
        cluster="", lane=0, kind=kind, value=value, effect="allow" if lift else "deny", reason=reason,
        jti=uuid.uuid4().hex, iat=int(time.time()),
    )  # fmt: skip
    if not is_denial(denial):
        raise DenialError(
            f"{value!r} is no {kind}: a certificate is named by 64 hexadecimal digits (actor.certificate in the audit),"
            " a serial by hexadecimal digits, a principal by its name in the policy, a person as actor.person in the "
            "audit, a key by its RFC 7638 thumbprint (actor.key)"
        )
    lanes = _tell(settings, denial)
    acls = _tell_kafka(load_config(deployer) if deployer else settings, value, lift) if kind == "principal" else []
    if as_json:
        print_json({"denied": {kind: value}, "effect": denial.effect, "lanes": lanes, "acls": [str(a) for a in acls]})
        return
    word = "accept it again" if lift else "refuse it"
    say(f"{kind} {value}: {lanes} lanes are told to {word}")
    for acl in acls:
        say(f"{'removed' if lift else 'added'}: {acl}")


def _tell(settings: Settings, denial: Denial) -> int:
    """One message a lane, and one in panlock.policy, where this certificate sees it. Returns how many lanes."""
    key, cluster = settings.signatory(), cluster_id(settings)
    admin = connect(settings.kafka.model_dump(mode="json"))
    topics = ask("list topics", lambda: admin.list_topics(timeout=REACH)).topics
    found = topics.get(DECISIONS)
    if found is None:
        raise TopicMissingError(f"{DECISIONS} is not there for this certificate: `panlock deploy apply` makes it")
    messages = [
        Message(b"denial/%d" % lane, sign_message(key, replace(denial, cluster=cluster, lane=lane)), lane)
        for lane in sorted(found.partitions)
    ]
    asyncio.run(deliver(settings, messages))
    if POLICY in topics and denial.kind in KINDS:
        value = encode(sign_message(key, replace(denial, cluster=cluster)))
        asyncio.run(deliver(settings, [Message(b"denial/" + denial.jti.encode(), value, 0)], POLICY))
    return len(messages)


def _tell_kafka(deployer: Settings, principal: str, lift: bool) -> list[Acl]:
    """DENY WRITE on every quarantine topic of the principal, whatever Kafka calls whoever may write there.

    Raises KafkaDeniedError: the lanes have been told.
    """
    admin = connect(deployer.kafka.model_dump(mode="json"))
    topics = ask("list topics", lambda: admin.list_topics(timeout=REACH)).topics
    own = sorted(name for name in topics if name.startswith("quarantine.") and name.split(".")[2:] == [principal])
    acls = [
        Acl("topic", name, "LITERAL", writer, "WRITE", "DENY")
        for name in own
        for writer in sorted(writers(admin, name) or {f"User:{principal}"})
    ]
    if not acls:
        raise DenialError(
            f"the lanes are told; no quarantine topic of {principal} is visible to this certificate, so Kafka was not: "
            "name a deployer's configuration with --deployer FILE"
        )
    if lift:
        settle("remove a DENY ACL", admin.delete_acls([to_filter(acl) for acl in acls], request_timeout=TIMEOUT))
    else:
        settle("add a DENY ACL", admin.create_acls([to_binding(acl) for acl in acls], request_timeout=TIMEOUT))
    return acls
