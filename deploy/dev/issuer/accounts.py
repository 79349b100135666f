"""Who can sign in at the development issuer, from a YAML file.

ana: {email: ana@pay.example, groups: [payments-approvers]}
"""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.errors import PanlockError

FACTORS = {"one": ("pwd", ["pwd"]), "two": ("mfa", ["pwd", "otp", "mfa"])}  # what the page offers: (acr, amr); RFC 8176


class AccountsError(PanlockError):
    """A file of accounts that cannot be used."""


class Account(BaseModel):
    """`sub` is the account's name in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: str
    email_verified: bool = True
    groups: tuple[str, ...] = ()
    sub: Annotated[str, Field(exclude=True)] = ""

    def claims(self) -> dict[str, object]:
        return {
            "sub": self.sub,
            "email": self.email,
            "email_verified": self.email_verified,
            "preferred_username": self.sub,
            "groups": list(self.groups),
        }


def load_accounts(file: Path) -> dict[str, Account]:
    """By name. Raises AccountsError."""
    try:
        found = TypeAdapter(dict[str, Account]).validate_python(yaml.safe_load(file.read_text()))
    except OSError as error:
        raise AccountsError(f"{file}: {error.strerror}: name a file of accounts") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise AccountsError(f"{file}: is no file of accounts, as `ana: {{email: …, groups: […]}}`: {error}") from error
    return {name: account.model_copy(update={"sub": name}) for name, account in found.items()}
