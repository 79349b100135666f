"""The part of a configuration that says where keys come from.

    key_services:
      vault: {address: "https://vault.example:8200", key: panlock, ca: vault-ca.pem, auth: {token_file: token}}
    token_keys: {k1: {wrapped: k1.json}}
    token_key: k1
    seal_keys: {s1: {wrapped: s1.json}}

A key is wrapped by a key service; or, for development alone, a plain file (`k1: k1.key`) or a variable
(`k1: {env: NAME}`).
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, model_validator

from pipeline.keys.service import WrappedKey

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


def _from_directory(path: Path, info: ValidationInfo) -> Path:
    return path if info.context is None else info.context / path


LocalPath = Annotated[Path, AfterValidator(_from_directory)]  # relative to the validation's context, a directory


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AppRole(_Part):
    role_id: str
    secret_id_file: LocalPath
    mount: str = "approle"


class Kubernetes(_Part):
    role: str
    token_file: LocalPath = SERVICE_ACCOUNT
    mount: str = "kubernetes"


class ClientCertificate(_Part):
    """TLS client certificate, as PEM files."""

    certificate: LocalPath
    key: LocalPath
    role: str = ""
    mount: str = "cert"


class VaultAuth(_Part):
    """How to authenticate: exactly one. `token_file`: a token, as Vault Agent keeps one fresh."""

    token_file: LocalPath | None = None
    approle: AppRole | None = None
    kubernetes: Kubernetes | None = None
    certificate: ClientCertificate | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("name exactly one of token_file, approle, kubernetes and certificate")
        return self


class VaultSettings(_Part):
    """`key`: Transit's, at `mount`; `ca`: a PEM file of CAs instead of the system's."""

    address: Annotated[str, Field(pattern="^https://[^/]+/?$")]
    key: Annotated[str, Field(pattern="^[A-Za-z0-9_.-]+$")]
    auth: VaultAuth
    mount: Annotated[str, Field(pattern="^[A-Za-z0-9_./-]+$")] = "transit"
    namespace: str | None = None
    ca: LocalPath | None = None


class AwsSettings(_Part):
    """`key`: id, ARN or alias. Credentials are those that AWS's SDK finds: a role of the pod or machine, at best."""

    key: str
    region: str
    endpoint: Annotated[str, Field(pattern="^https://|^http://127[.]0[.]0[.]1:")] | None = None


class KeyServices(_Part):
    vault: VaultSettings | None = None
    aws: AwsSettings | None = None


class Wrapped(_Part):
    """A wrapped key, or its file."""

    wrapped: WrappedKey | LocalPath


class InEnvironment(_Part):
    """A variable with the key in base64, or a seal key's private line."""

    env: Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]


def _form(value: object) -> str | None:
    if isinstance(value, str | Path):
        return "file"
    found = set(value) if isinstance(value, dict) else set(type(value).model_fields) if isinstance(value, _Part) else ()
    return next((form for form in ("wrapped", "env") if form in found), None)


KeySource = Annotated[
    Annotated[LocalPath, Tag("file")] | Annotated[Wrapped, Tag("wrapped")] | Annotated[InEnvironment, Tag("env")],
    Discriminator(
        _form,
        custom_error_type="source",
        custom_error_message="say {wrapped: FILE}, or FILE or {env: NAME} of a plain key",
    ),
]


class RecordingKeys(_Part):
    """Where the KEKs of recordings that reveal are: a key service, or, for development alone, plain keys in a
    directory."""

    service: Literal["vault", "aws"] | None = None
    directory: LocalPath | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("name a service or a directory")
        return self


class AuditKeySettings(BaseModel):
    """`audit_key`: signs the audit, or the sealer's checkpoints."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    key_services: KeyServices = KeyServices()
    audit_key: KeySource | None = None


class KeySettings(AuditKeySettings):
    """Other keys of the file are not looked at. `token_key`: the id that makes new tokens."""

    token_keys: dict[str, KeySource] = {}
    token_key: str | None = None
    recording_keys: RecordingKeys | None = None
    seal_keys: dict[str, KeySource] = {}  # to open sealed records with: every key that producers may still seal to
