"""Whether people have put a bundle in force, and what is missing where they have not."""

from collections.abc import Sequence

from pipeline.approval.history import History, Proposal
from pipeline.errors import PanlockError
from pipeline.policy.bundle import Bundle


class UnapprovedError(PanlockError):
    """A bundle that is not in force; the message says what is missing and how to get it."""


class NoGenesisError(UnapprovedError):
    """Nobody has said which bundle is the first, or `panlock.policy` does not hold it."""


def require(bundle: Bundle, history: History) -> Sequence[Proposal]:
    """Every bundle that was in force, this one last. Raises UnapprovedError, NoGenesisError."""
    present = history.in_force
    if present is None:
        raise NoGenesisError(
            f"panlock.policy does not hold the first bundle {history.genesis}: run `panlock init`, or correct "
            "genesis: in the worker's configuration"
        )
    if bundle.hash == present.bundle.hash:
        return tuple(history.chain)
    version, hash_ = bundle.policy.version, bundle.hash
    raise UnapprovedError(
        f"this policy (version {version}, bundle {hash_}) is not in force, version {present.bundle.policy.version} "
        f"(bundle {present.bundle.hash}) is: {_missing(bundle, history, present)}"
    )


def _missing(bundle: Bundle, history: History, present: Proposal) -> str:
    version = bundle.policy.version
    waiting = history.waiting.get(bundle.hash)
    if waiting is not None:
        count = len(waiting.approvals)
        if waiting.approved:
            return "enough people have approved it, and one of them must put it in force: `panlock policy apply`"
        return (
            f"{count} of {waiting.quorum} people have approved it. Others than its author "
            f"{waiting.proposed.change.person} look at it (`panlock policy show`) and say `panlock policy approve`"
        )
    if bundle.hash in history.denied:
        return f"{history.denied[bundle.hash]} has denied it (`panlock.policy` says why): propose another"
    if any(bundle.hash == each.bundle.hash for each in history.chain):
        return "it was before. `panlock policy fetch` writes the policy in force; to go back, propose a higher version"
    if version <= present.bundle.policy.version:
        return (
            "it was changed after people approved it, or is older. `panlock policy fetch` writes the policy in force; "
            f"to change it, raise its version above {present.bundle.policy.version} and `panlock policy propose` it"
        )
    return "nobody has proposed it: `panlock policy propose`, then others approve"
