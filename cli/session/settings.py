"""`person:` of the CLI's configuration: a registered key, in a file or in hardware, or an issuer to sign in at."""

import ssl
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from cli.session.held import Keeper, Session, SessionError
from cli.session.in_agent import InAgent
from pipeline.policy.models import Issuer


def _issuer(value: Any) -> Any:
    """As a policy reads it: the same mapping can stand in both files."""
    return Issuer.model_validate_json(orjson.dumps(value)) if isinstance(value, dict) else value


class Person(BaseModel):
    """`key`: encrypted PEM of the key that signs decisions. Or `module`: the PKCS#11 library of the hardware that holds
    it, with the labels of its token and of the key. Or `issuer`, as the policy has it.

    `ca`: of issuers' certificates; `session`: where the key of a session is kept (auto: the system's keyring, else an
    agent process).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Path | None = None
    module: Path | None = None
    token: str = ""
    label: str = ""
    issuer: Annotated[Issuer | None, BeforeValidator(_issuer)] = None
    ca: Path | None = None
    scope: str = "openid email"
    session: Literal["auto", "keyring", "agent"] = "auto"

    @model_validator(mode="after")
    def _one_of_two(self) -> "Person":
        if sum(each is not None for each in (self.key, self.module, self.issuer)) != 1:
            raise ValueError("say one of person.key, person.module and person.issuer")
        if any(bool(self.module) != bool(each) for each in (self.token, self.label)):
            raise ValueError("say person.module, person.token and person.label together")
        if self.issuer is not None and self.issuer.client_id is None:
            raise ValueError("person.issuer needs a client_id: people sign in by it")
        return self

    def relative_to(self, base: Path) -> "Person":
        return self.model_copy(
            update={name: base / path for name in ("key", "module", "ca") if (path := getattr(self, name))}
        )


class SignInSettings:
    """Of a person who has an issuer."""

    def __init__(self, issuer: Issuer, person: Person) -> None:
        self.issuer, self.scope, self._person = issuer, person.scope, person

    def context(self) -> ssl.SSLContext:
        """Raises SessionError."""
        try:
            return ssl.create_default_context(cafile=None if self._person.ca is None else str(self._person.ca))
        except OSError as error:  # ssl.SSLError is one
            raise SessionError(f"person.ca: cannot use {self._person.ca}: name a PEM file of CAs") from error

    def keeper(self) -> Keeper:
        """Where the session is, or will be. Raises SessionError."""
        name = f"{self.issuer.issuer} {self.issuer.client_id}"
        if self._person.session != "agent":
            from cli.session.in_keyring import InKeyring, system_keyring  # loads D-Bus

            backend = system_keyring()
            if backend is not None:
                return InKeyring(backend, name)
            if self._person.session == "keyring":
                raise SessionError("this system has no keyring that Panlock takes: say `session: agent`")
        return InAgent(name)

    def session(self) -> Session:
        """Raises SessionError."""
        keeper = self.keeper()
        who = keeper.who()
        if who is None or who.left() <= 0:
            raise SessionError("you are not signed in, or the session is over: `panlock login`")
        return Session(keeper, who)
