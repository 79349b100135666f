"""What a person does with a key that was just made."""

from cli.keys.making import Made
from pipeline.keys.service import Kind

_POLICY = "put the line of {} under audit.worker_keys, or .sealer_keys, of the policy, and let people approve that"
_RESTART = "restart the workers one after another"


def after_new(made: Made) -> list[str]:
    if made.kind is Kind.AUDIT:
        return [_POLICY.format(made.public and made.public.name), f"then say `{made.line}` there, and restart it"]
    member = "token_keys" if made.kind is Kind.TOKEN else "seal_keys"
    steps = [f"add `{made.line}` to {member} of every worker, with the file beside its configuration, and {_RESTART}"]
    if made.public is not None:
        steps.append(f"then give producers {made.public.name}: it is public")
    return steps


def after_rotation(made: Made, former: str) -> list[str]:
    if made.kind is Kind.AUDIT:
        return [
            _POLICY.format(made.public and made.public.name),
            f"then say `{made.line}` there in place of {former}, and restart it",
            f"keep {former}'s line in the policy as long as events that it signed are to be verified (400 days)",
        ]
    if made.kind is Kind.SEAL:
        return [
            f"add `{made.line}` to seal_keys of every worker, keep {former} there, and {_RESTART}",
            f"only then give producers {made.public.name if made.public else ''} in place of {former}'s public key",
            f"take {former} out once no producer has sealed to it for the longest outage you survive (the flow's "
            "retention): records that nobody can open are rejected",
        ]
    return [
        f"add `{made.line}` to token_keys of every worker, keep {former} there, and {_RESTART}: "
        f"{made.id} makes nothing yet",
        f"then, in the policy, `{{key: {made.id}, previous: {former}}}` for the token domain; where `default` is not "
        f"declared, `token_key: {made.id}` in every worker's configuration; and {_RESTART}",
        f"keep {former} while anything holds its tokens or ciphertexts; its ciphertexts are lost without it "
        "(docs/strategies.md, Rotating keys)",
    ]


def after_wrap(made: Made, former: str) -> list[str]:
    where = "of that worker, or the sealer," if made.kind is Kind.AUDIT else "of every worker"
    return [
        f"put `{made.line}` into the configuration {where} in its place, with the file beside it, and restart, one "
        "after another, without --development",
        f"once they run, destroy what it was before ({former}), its copies and backups, if it was a plain key",
    ]
