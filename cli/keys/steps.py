"""What a person does with a key that was just made."""

from cli.keys.making import Made
from pipeline.keys.service import Kind

_RESTART = "restart the workers one after another"


def after_new(made: Made) -> list[str]:
    member = "token_keys" if made.kind is Kind.TOKEN else "seal_keys"
    steps = [f"add `{made.line}` to {member} of every worker, with the file beside its configuration, and {_RESTART}"]
    if made.public is not None:
        steps.append(f"then give producers {made.public.name}: it is public")
    return steps


def after_rotation(made: Made, former: str) -> list[str]:
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
    member = "token_keys" if made.kind is Kind.TOKEN else "seal_keys"
    return [
        f"put `{made.line}` into {member} of every worker in its place, with the file beside its configuration, "
        f"and {_RESTART}, without --development",
        f"once they run, destroy what it was before ({former}), its copies and backups, if it was a plain key",
    ]
