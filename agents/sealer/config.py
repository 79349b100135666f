"""A sealer's configuration file."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agents.emitter import EmitterConfig


def _url(text: str) -> str:
    """Signatures are what is trusted, and not the way: http will do."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("is no URL: write http://host/path or https://host/path, without a user")
    return text


Url = Annotated[str, AfterValidator(_url)]


class Timestamps(BaseModel):
    """Where a time stamp authority (RFC 3161) answers; whose stamps count says the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url


class SealerConfig(EmitterConfig):
    """`audit_key`: one of the policy's sealer_keys; `witnesses`: the submission prefix of each, by its name."""

    timestamps: Timestamps | None = None
    witnesses: dict[str, Url] = Field(default_factory=dict)
