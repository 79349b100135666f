"""What reading a signed message of `panlock.decisions` tells beside its payload."""

from dataclasses import dataclass, field

from pipeline.approval.id_token import Session


@dataclass(frozen=True, kw_only=True)  # no slots: GrantProposal has two bases
class Signed:
    """`person` comes from the key that signed it, `key` is its thumbprint, and both are empty before that; `session`
    where an issuer says who it is. `signed`: the whole message, a JWS; `received`: its broker time in ms."""

    person: str = ""
    key: str = field(default="", compare=False)
    session: Session | None = None
    signed: str = field(default="", compare=False)
    received: int = field(default=0, compare=False)
