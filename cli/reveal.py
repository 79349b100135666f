"""`panlock reveal`: an encrypted value in the clear, for a person with the role revealers, and never without a trace.

The trace comes first: a signed message in `panlock.decisions`, acknowledged by all in-sync replicas, which the lane
turns into the audit event value.revealed. Only then is the text printed.
"""

import hashlib
import time
import uuid
from pathlib import Path
from typing import Annotated

import typer

from agents.core_dumps import forbid_core_dumps
from agents.keys.opening import open_keys
from agents.keys.settings import KeySettings
from cli.config import ConfigOption, DevelopmentOption, load_config, load_keys
from cli.decisions import send
from cli.hardware import HardwareKey
from cli.kafka import cluster_id
from cli.output import JsonOption, print_json, say
from cli.session.held import Session
from pipeline.approval.decision import Reveal, sign_message
from pipeline.approval.envelope import signer
from pipeline.approval.keys import SigningKey
from pipeline.errors import PanlockError
from pipeline.masking.face import kernel_flow
from pipeline.policy import Policy, load_policy
from pipeline.policy.models import TokenDomain
from pipeline.reveals import ROLE


class RevealError(PanlockError):
    """A value that is not revealed."""


def reveal(
    value: Annotated[str, typer.Argument(help="The encrypted value, enc_<key id>_...", metavar="VALUE")],
    policy: Annotated[Path, typer.Option(help="The policy.")],
    flow: Annotated[str, typer.Option(help="The flow it comes from.")],
    reason: Annotated[str, typer.Option(help="Why you need it. Goes into the audit for good.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    development: DevelopmentOption = False,
) -> None:
    """Read an encrypted value; tells the audit before it shows anything.

    Needs a person with the role revealers, and the key that the value names, under `token_keys` of the configuration.
    """
    loaded, settings = load_policy(policy), load_config(config)
    class_, text = _decrypt(loaded, flow, value, load_keys(config), development)
    key = settings.signatory()
    person = _permitted(loaded, key)
    jti = uuid.uuid4().hex
    lane = int(jti, 16) % loaded.lanes
    digest = hashlib.sha256(value.encode()).hexdigest()
    message = Reveal(cluster_id(settings), lane, flow, class_, digest, reason, jti, int(time.time()))
    send(settings, b"reveal/%d" % lane, sign_message(key, message), lane)
    say(f"panlock.decisions {lane} has it: {person} reveals a value of class {class_} in flow {flow}")
    if as_json:
        print_json({"class": class_, "text": text, "lane": lane, "jti": jti})
    else:
        print(text)


def _decrypt(policy: Policy, flow: str, value: str, keys: KeySettings, development: bool) -> tuple[str, str]:
    """(class, text). Raises RevealError, KeysError."""
    if flow not in policy.flows:
        raise RevealError(f"the policy has no flow {flow!r}: take one of {', '.join(policy.flows)}")
    prefix, _, rest = value.partition("_")
    id_, mark, _ = rest.partition("_")
    if prefix != "enc" or not mark:
        raise RevealError("that is no encrypted value: they are written enc_<key id>_...; tokens cannot be read back")
    if id_ not in keys.token_keys:
        raise RevealError(
            f"the configuration has no key {id_!r}: add it to token_keys, as a worker's configuration has it"
        )
    forbid_core_dumps()
    alone = keys.model_copy(update={"token_keys": {id_: keys.token_keys[id_]}, "token_key": id_, "seal_keys": {}})
    keyring = open_keys(alone, development).keyring()
    # what opens a value is the key that it names, whichever its domain works with today
    domains = {name: TokenDomain(key=id_) for name in policy.token_domains}
    named = policy.model_copy(update={"token_domains": domains})
    found = kernel_flow(flow, named.flows[flow], named, keyring).reveal(value.encode())
    if found is None:
        raise RevealError(
            f"no rule of flow {flow} has made that value under that key: it is altered, from another flow, or the rule "
            "that encrypted it has left the policy (take the policy of that time)"
        )
    return found[0], found[1].decode(errors="replace")


def _permitted(policy: Policy, key: SigningKey | HardwareKey | Session) -> str:
    """The person whose key it is, or who is signed in. Raises RevealError."""
    if isinstance(key, Session):
        if ROLE not in key.who.groups:
            raise RevealError(f"{key.who.person} is not in the group {ROLE}: ask somebody who is; nothing was shown")
        return key.who.person
    found = signer(key.thumbprint(), policy)
    if found is None:
        raise RevealError("the policy gives your key to nobody, or to two: register it under people; nothing was shown")
    person, _ = found
    if ROLE not in policy.people[person].roles:
        raise RevealError(f"{person} has not the role {ROLE}: ask somebody who has; nothing was shown")
    return person
