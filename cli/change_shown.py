"""A proposed policy as people read it before they approve it: what gets weaker, what changes, who said what."""

from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import unified_diff
from hashlib import sha256

from rich.text import Text

from cli.output import plain, show
from pipeline.approval.history import Heard, History, Proposal
from pipeline.policy.bundle import Bundle
from pipeline.policy.weaker import weakenings

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_SAID = {"propose": "proposed", "approve": "approved", "apply": "put in force"}


def weaker_lines(old: Bundle, new: Bundle) -> list[str]:
    """One for each weakening; none where nothing gets weaker."""
    return [f"weaker: {each.field}: {each.what} ({each.kind})" for each in weakenings(old, new)]


def show_proposal(proposal: Proposal, before: Bundle | None, past: History) -> None:
    """On stdout; `before` is the bundle it would follow, or followed."""
    bundle = proposal.bundle
    show(plain(f"version {bundle.policy.version}, bundle {bundle.hash}: {state(proposal, past)}"))
    for heard in proposal.words:
        show(plain(_said(heard)))
    if before is not None:
        weaker = weaker_lines(before, bundle)
        show(Text("nothing gets weaker", "green") if not weaker else Text(f"{len(weaker)} weaker:", "bold red"))
        for line in weaker:
            show(Text.assemble(("! ", "bold red"), plain(line.removeprefix("weaker: "))))
    for line in difference(before, bundle):
        show(Text(plain(line).plain, _COLOURS.get(line[:1], "")))
    for refused in past.refused:
        show(Text(plain(f"does not count: {refused.place} {refused.person}: {refused.why}").plain, "yellow"))


def difference(before: Bundle | None, after: Bundle) -> Iterator[str]:
    """The policy's lines, and the files by their SHA-256."""
    old = "" if before is None else before.text.decode()
    names = (
        "nothing" if before is None else f"version {before.policy.version}",
        f"version {after.policy.version}",
    )
    lines = unified_diff(old.splitlines(), after.text.decode().splitlines(), *names, lineterm="")
    yield from lines
    known = {} if before is None else before.files
    for name in sorted({*known, *after.files}):
        if known.get(name) != after.files.get(name):
            for sign, files in (("-", known), ("+", after.files)):
                if name in files:
                    yield f"{sign} {name} {_digest(files[name])}"


def state(proposal: Proposal, past: History) -> str:
    """`in force`, or what is missing."""
    if proposal is past.in_force:
        return "in force"
    if proposal.bundle.hash not in past.waiting:
        return "was in force"
    count = f"{len(proposal.approvals)} of {proposal.quorum} people have approved it"
    return f"{count}: `panlock policy apply` puts it in force" if proposal.approved else count


def as_json(proposal: Proposal, before: Bundle | None, past: History) -> dict[str, object]:
    """For programs."""
    return {
        "bundle": proposal.bundle.hash,
        "version": proposal.bundle.policy.version,
        "in_force": proposal is past.in_force,
        "waiting": proposal.bundle.hash in past.waiting,
        "previous": proposal.proposed.change.previous,
        "author": proposal.proposed.change.person,
        "quorum": proposal.quorum,
        "approved": proposal.approved,
        "words": [_word(heard) for heard in proposal.words],
        "weaker": [] if before is None else [each._asdict() for each in weakenings(before, proposal.bundle)],
        "diff": list(difference(before, proposal.bundle)),
        "refused": [each._asdict() for each in past.refused],
    }


def _word(heard: Heard) -> dict[str, object]:
    change = heard.change
    return {
        "act": change.act,
        "person": change.person,
        "reason": change.reason,
        "time": heard.time,
        "message": heard.place,
        "jws": heard.message.decode(),
    }


def _said(heard: Heard) -> str:
    time = datetime.fromtimestamp(heard.time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    change = heard.change
    return f"  {_SAID[change.act]} by {change.person}, {time}: {change.reason}"


def _digest(content: bytes) -> str:
    return f"sha256 {sha256(content).hexdigest()}"
