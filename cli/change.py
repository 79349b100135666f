"""`panlock init`, `panlock policy propose | approve | deny | apply | fetch`: people change the policy.

    1 read panlock.policy from its beginning     2 sign     3 rehearse: would it count?     4 send     5 read again

What would not count is not sent.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from agents.approved import history
from agents.cluster import TopicMissingError
from agents.issuers.fetching import issuer_context
from cli.change_shown import as_json as shown_as_json
from cli.change_shown import show_proposal, weaker_lines
from cli.config import ConfigOption, Settings, load_config
from cli.decisions import Message, deliver
from cli.kafka import told
from cli.output import JsonOption, print_json, say
from cli.standing import standing
from pipeline.approval.change import NO_PREVIOUS, Act, Change, encode, record_key, sign_change
from pipeline.approval.history import History, Proposal, Record
from pipeline.errors import PanlockError
from pipeline.policy.bundle import POLICY_FILE, Bundle, load_bundle
from pipeline.policy.topics import POLICY

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="The policy; files that it refers to lie beside it.")]
BundleArgument = Annotated[
    str | None, typer.Argument(metavar="[BUNDLE]", help="The beginning of its hash; default: the only one that waits.")
]
Why = Annotated[str, typer.Option(help="Why, in a sentence. It goes into the audit for good.")]
REHEARSED = "rehearsed"  # a place that no record has
SHORTEST = 8  # characters of a hash that name a bundle


class NotSentError(PanlockError):
    """A word that would not count; nothing was sent."""


def init(
    policy: Annotated[Path, typer.Option(help="The first policy; files that it refers to lie beside it.")],
    reason: Why = "the first policy",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fix the first bundle, and print its hash: the `genesis:` of every worker's configuration.

    Needs `panlock deploy apply` before, and one of the people of its policy_approvers.
    """
    settings, bundle = load_config(config), load_bundle(policy)
    if bundle.policy.policy_approvers is None:
        raise NotSentError(f"{policy} names no policy_approvers: say which roles, and how many people, may change it")
    past = read(settings.model_copy(update={"genesis": None}))
    if past.in_force is not None:
        raise NotSentError(
            f"panlock.policy has its first bundle already, {past.chain[0].bundle.hash}: `panlock policy propose` "
            "changes the policy"
        )
    standing(bundle.policy, settings.signatory())
    after = _say(settings, past, "propose", bundle, reason)
    _print(after.in_force, "init", as_json)
    say(f"genesis: {bundle.hash}")
    say("write that line into the configuration of every worker, and of everyone who approves policies")


def propose(file: PolicyFile, reason: Why, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Propose a policy, with the files that it refers to. Prints what gets weaker."""
    settings, bundle = load_config(config), load_bundle(file)
    past = read(settings)
    present = in_force(past)
    proposal = _say(settings, past, "propose", bundle, reason).waiting.get(bundle.hash)
    _tell_weaker(present.bundle, bundle)
    _print(proposal, "propose", as_json)
    say(f"proposed as version {bundle.policy.version}, bundle {bundle.hash}")
    say(f"{present.approvers.quorum} others must approve it: `panlock policy show`, `panlock policy approve`")


def approve(
    reason: Why, bundle: BundleArgument = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Approve a proposed policy. Look at it first: `panlock policy show`."""
    settings = load_config(config)
    past = read(settings)
    chosen = waiting(past, bundle)
    _tell_weaker(in_force(past).bundle, chosen.bundle)
    proposal = _say(settings, past, "approve", chosen.bundle, reason).waiting.get(chosen.bundle.hash) or chosen
    _print(proposal, "approve", as_json)
    count = f"{len(proposal.approvals)} of {proposal.quorum} people have approved it"
    say(f"{count}: `panlock policy apply` puts it in force" if proposal.approved else f"{count}; it waits for more")


def deny(reason: Why, bundle: BundleArgument = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Deny a proposed policy, or take back one's own. One denial ends it, whatever the approvals before."""
    settings = load_config(config)
    past = read(settings)
    chosen = waiting(past, bundle)
    _say(settings, past, "deny", chosen.bundle, reason)
    _print(chosen, "deny", as_json)
    say(f"version {chosen.bundle.policy.version}, bundle {chosen.bundle.hash}, waits no longer")


def apply(
    bundle: BundleArgument = None,
    reason: Why = "enough people have approved it",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put an approved policy in force. From then on no worker starts under the one before.

    Before it: `panlock policy fetch`, and the files to where workers start from. After it: `panlock deploy apply`, and
    restart the workers one by one.
    """
    settings = load_config(config)
    past = read(settings)
    chosen = waiting(past, bundle)
    after = _say(settings, past, "apply", chosen.bundle, reason)
    _print(after.in_force, "apply", as_json)
    say(f"version {chosen.bundle.policy.version} is in force, bundle {chosen.bundle.hash}")
    say("`panlock deploy apply` brings the cluster to it; restart the workers with it, one by one")


def show(bundle: BundleArgument = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """A proposed policy: what gets weaker, each line that changes, who said what. None waits: the one in force."""
    past = read(load_config(config))
    chosen = known(past, bundle)
    former = [each.bundle for each in past.chain if each.bundle.hash == chosen.proposed.change.previous]
    before = former[0] if former else None
    if as_json:
        print_json(shown_as_json(chosen, before, past))
    else:
        show_proposal(chosen, before, past)


def fetch(
    out: Annotated[Path, typer.Option(help="Directory to write policy.yaml and its files to.")],
    bundle: BundleArgument = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the policy in force, or one that waits, and the files it refers to."""
    past = read(load_config(config))
    chosen = in_force(past) if bundle is None else known(past, bundle)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in ((POLICY_FILE, chosen.bundle.text), *chosen.bundle.files.items()):
        target = out / name
        if target.exists() and target.read_bytes() != content:
            raise NotSentError(f"{target} is there and holds something else: name another directory")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    _print(chosen, "fetch", as_json)
    say(f"version {chosen.bundle.policy.version}, bundle {chosen.bundle.hash}: {out / POLICY_FILE}")


def read(settings: Settings, more: Sequence[Record] = ()) -> History:
    """All that was said in panlock.policy, and `more` after it. Raises NotSentError where there is none to be seen."""
    ca = None if settings.person is None else settings.person.ca
    try:
        context = issuer_context(ca)  # whoever looks: others may have signed in since a worker last started
    except OSError as error:  # ssl.SSLError is one
        raise NotSentError(f"person.ca: cannot use {ca}: name a PEM file of CAs") from error
    try:
        with told(settings.kafka, f"read {POLICY}"):
            return asyncio.run(history(settings.kafka, settings.genesis, context, more))
    except TopicMissingError:
        raise NotSentError(
            f"{POLICY} is not there for this certificate: `panlock deploy apply` makes it, and lets those read and "
            "write it who have a role of policy_approvers"
        ) from None


def in_force(past: History) -> Proposal:
    """Raises NotSentError."""
    if past.in_force is None:
        which = "" if past.genesis is None else f" {past.genesis}, the `genesis:` of the configuration"
        raise NotSentError(f"panlock.policy does not hold the first bundle{which}: `panlock init` writes it")
    return past.in_force


def waiting(past: History, beginning: str | None) -> Proposal:
    """The proposal that is meant. Raises NotSentError."""
    in_force(past)
    if beginning is not None and len(beginning) < SHORTEST:
        raise NotSentError(f"{beginning} could be many bundles: say at least {SHORTEST} characters of the hash")
    found = [each for hash_, each in past.waiting.items() if hash_.startswith(beginning or "")]
    if len(found) != 1:
        which = ", ".join(f"{hash_} (version {each.bundle.policy.version})" for hash_, each in past.waiting.items())
        raise NotSentError(
            f"name the one that is meant; these wait: {which}" if which else "no such policy waits for approval"
        )
    return found[0]


def known(past: History, beginning: str | None) -> Proposal:
    """The proposal that waits, or one that is or was in force. Raises NotSentError."""
    present = in_force(past)
    if beginning is not None:
        for each in past.chain:
            if len(beginning) >= SHORTEST and each.bundle.hash.startswith(beginning):
                return each
    return waiting(past, beginning) if beginning is not None or past.waiting else present


def _say(settings: Settings, past: History, act: Act, bundle: Bundle, reason: str) -> History:
    """Sign, rehearse, send, and read again. Raises NotSentError, UnknownKeyError, ChangeError,
    SessionError.
    """
    key = settings.signatory()
    present = past.in_force
    if present is not None:
        standing(present.bundle.policy, key)
    change = Change(
        act=act,
        cluster=past.cluster,
        bundle=bundle.hash,
        version=bundle.policy.version,
        previous=NO_PREVIOUS if present is None else present.bundle.hash,
        reason=reason,
        jti=uuid.uuid4().hex,
        iat=int(time.time()),
    )
    value = encode(sign_change(key, change), bundle if act == "propose" else None)
    _raise_refusal(read(settings, [Record(REHEARSED, int(time.time() * 1000), value)]), REHEARSED)
    (place,) = asyncio.run(deliver(settings, [Message(record_key(change), value, 0)], POLICY))
    after = read(settings)
    _raise_refusal(after, place)
    return after


def _raise_refusal(past: History, place: str) -> None:
    """Raises NotSentError where the word at that place does not count."""
    for each in past.refused:
        if each.place == place:
            raise NotSentError(f"it would not count: {each.person or 'it'} {each.why}")


def _tell_weaker(old: Bundle, new: Bundle) -> None:
    for line in weaker_lines(old, new):
        say(line)


def _print(proposal: Proposal | None, act: str, as_json: bool) -> None:
    if as_json and proposal is not None:
        print_json(
            {
                "act": act,
                "bundle": proposal.bundle.hash,
                "version": proposal.bundle.policy.version,
                "approvals": [each.change.person for each in proposal.approvals],
                "quorum": proposal.quorum,
                "in_force": proposal.applied is not None or proposal.quorum == 0,
            }
        )
