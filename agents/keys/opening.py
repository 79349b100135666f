"""Open a configuration's keys at start: unwrapped by their key services, or plain ones where development is said."""

from collections.abc import Mapping
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agents.keys.plain import from_base64, read_secret, read_variable
from agents.keys.settings import AuditKeySettings, InEnvironment, KeyServices, KeySettings, KeySource, Wrapped
from pipeline.audit.signature import public_jwk, thumbprint
from pipeline.identity.sealing_keys import Kem, PrivateKey, SealKeyError, key_id, private_key, read_public, read_seed
from pipeline.keys.opened import Keys, audit_name, seal_name, token_name
from pipeline.keys.service import KEY_BYTES, KeysError, KeyService, Kind, WrappedKey, read_wrapped

MEMBERS = {Kind.TOKEN: "token_keys", Kind.SEAL: "seal_keys", Kind.AUDIT: "audit_key"}


class Services:
    """Key services by name, each reached when it is first asked for."""

    def __init__(self, settings: KeyServices) -> None:
        self._settings = settings
        self._open: dict[str, KeyService] = {}

    def __getitem__(self, name: str) -> KeyService:
        """Raises KeysError where it is not configured, KeyServiceError."""
        if name not in self._open:
            self._open[name] = self._reach(name)
        return self._open[name]

    def _reach(self, name: str) -> KeyService:
        settings = getattr(self._settings, name)
        if settings is None:
            raise KeysError(f"key_services: a key is wrapped by {name}, which is not there: add `{name}: {{...}}`")
        try:
            if name == "vault":
                from agents.keys.vault import Vault

                return Vault(settings)
            from agents.keys.aws import AwsKms

            return AwsKms(settings)
        except ImportError as error:
            raise KeysError(f"key_services.{name}: {error.name} is missing: pip install 'panlock[{name}]'") from None


def open_keys(settings: KeySettings, development: bool) -> Keys:
    """All of them, into memory. Raises KeysError, KeyServiceError."""
    if not development:
        _refuse_plain(settings)
    services = Services(settings.key_services)
    tokens, seals, origins = {}, dict[bytes, PrivateKey](), {}
    for id_, source in settings.token_keys.items():
        tokens[id_] = token_key(id_, source, services)
        origins[token_name(id_)] = origin(Kind.TOKEN, id_, source)
    for id_, source in settings.seal_keys.items():
        private = _private_key(id_, source, services)
        seals[key_id(private.public)] = private
        origins[seal_name(key_id(private.public))] = origin(Kind.SEAL, id_, source)
    audit = _audit_key(settings, services)
    if audit is not None and settings.audit_key is not None:
        origins[audit_name(thumbprint(audit.public_key()))] = origin(Kind.AUDIT, None, settings.audit_key)
    return Keys(tokens, settings.token_key or "", seals, origins, audit)


def open_audit_key(settings: AuditKeySettings, development: bool) -> Ed25519PrivateKey | None:
    """That alone, for the sealer. Raises KeysError, KeyServiceError."""
    if not development:
        _refuse_plain(settings)
    return _audit_key(settings, Services(settings.key_services))


def token_key(id_: str, source: KeySource, services: Services) -> bytes:
    """Raises KeysError, KeyServiceError."""
    where = place(Kind.TOKEN, id_)
    if isinstance(source, Wrapped):
        return _unwrapped(wrapped_key(Kind.TOKEN, id_, source), services)
    key = from_base64(where, read_variable(where, source.env)) if isinstance(source, InEnvironment) else None
    key = read_secret(where, source) if isinstance(source, Path) else key or b""
    if len(key) != KEY_BYTES:
        raise KeysError(f"{where}: {shown(source)} holds {len(key)} bytes: it takes {KEY_BYTES}")
    return key


def seal_seed(id_: str, source: KeySource, services: Services) -> tuple[Kem, bytes]:
    """What pipeline.identity.sealing_keys.private_key makes the key of. Raises KeysError, KeyServiceError."""
    where = place(Kind.SEAL, id_)
    try:
        if isinstance(source, Wrapped):
            wrapped = wrapped_key(Kind.SEAL, id_, source)
            public, seed = read_public(wrapped.public or ""), _unwrapped(wrapped, services)
            if private_key(public.kem, seed).public.raw != public.raw:
                raise KeysError(f"{where}: its public key is another one's: take the file as it was written")
            return public.kem, seed
        if isinstance(source, InEnvironment):
            return read_seed(read_variable(where, source.env))
        return read_seed(read_secret(where, source).decode("ascii", "replace"))
    except SealKeyError as error:
        raise KeysError(f"{where}: {shown(source)}: {error}") from None


def audit_seed(source: KeySource, services: Services) -> bytes:
    """32 bytes, of which Ed25519's private key is made (RFC 8032). Raises KeysError, KeyServiceError."""
    if isinstance(source, Wrapped):
        wrapped = wrapped_key(Kind.AUDIT, None, source)
        seed = _unwrapped(wrapped, services)
        if audit_public(seed) != wrapped.public:
            raise KeysError("audit_key: its public key is another one's: take the file as it was written")
        return seed
    if isinstance(source, InEnvironment):
        pem = from_base64("audit_key", read_variable("audit_key", source.env))
    else:
        pem = read_secret("audit_key", source)
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeysError(
            f"audit_key: {shown(source)} is no private Ed25519 key in PEM: make one with `panlock audit key`"
        )
    return key.private_bytes_raw()


def audit_public(seed: bytes) -> str:
    """The JWK that the policy names, as one line."""
    return orjson.dumps(public_jwk(Ed25519PrivateKey.from_private_bytes(seed).public_key())).decode()


def wrapped_key(kind: Kind, id_: str | None, source: Wrapped) -> WrappedKey:
    """Read, and that of this name, if one is given; not unwrapped. Raises KeysError."""
    where, wrapped = place(kind, id_), source.wrapped
    if isinstance(wrapped, Path):
        try:
            wrapped = read_wrapped(wrapped.read_text(), f"{where}: {wrapped}")
        except (OSError, UnicodeDecodeError) as error:
            raise KeysError(f"{where}: cannot read {wrapped}: name a file of `panlock keys`") from error
    if (wrapped.kind, wrapped.id) != (kind, id_ or wrapped.id):
        raise KeysError(f"{where}: holds the {wrapped.kind} key {wrapped.id}: put it under that name")
    return wrapped


def origin(kind: Kind, id_: str | None, source: KeySource) -> str:
    """What the key comes from: vault, aws, file or environment. Raises KeysError."""
    if isinstance(source, Wrapped):
        return wrapped_key(kind, id_, source).service
    return "environment" if isinstance(source, InEnvironment) else "file"


def place(kind: Kind, id_: str | None) -> str:
    """In the configuration; there is one audit key, without a name."""
    return MEMBERS[kind] if kind is Kind.AUDIT else f"{MEMBERS[kind]}.{id_}"


def sources(settings: AuditKeySettings, kind: Kind) -> Mapping[str, KeySource]:
    """Those of a kind by id; a plain audit key's is `audit`. Raises KeysError."""
    if kind is not Kind.AUDIT:
        found: Mapping[str, KeySource] = getattr(settings, MEMBERS[kind], {})
        return found
    if settings.audit_key is None:
        return {}
    source = settings.audit_key
    return {wrapped_key(kind, None, source).id if isinstance(source, Wrapped) else "audit": source}


def shown(source: KeySource) -> str:
    """Where it is, for people."""
    if isinstance(source, Wrapped):
        return str(source.wrapped) if isinstance(source.wrapped, Path) else "in the configuration"
    return f"variable {source.env}" if isinstance(source, InEnvironment) else str(source)


def _private_key(id_: str, source: KeySource, services: Services) -> PrivateKey:
    seed = seal_seed(id_, source, services)
    try:
        return private_key(*seed)
    except SealKeyError as error:
        raise KeysError(f"{place(Kind.SEAL, id_)}: {shown(source)}: {error}") from None


def _unwrapped(wrapped: WrappedKey, services: Services) -> bytes:
    return services[wrapped.service].unwrap(wrapped.kind, wrapped.id, wrapped.ciphertext)


def _audit_key(settings: AuditKeySettings, services: Services) -> Ed25519PrivateKey | None:
    source = settings.audit_key
    return None if source is None else Ed25519PrivateKey.from_private_bytes(audit_seed(source, services))


def _refuse_plain(settings: AuditKeySettings) -> None:
    for kind in Kind:
        for id_, source in sources(settings, kind).items():
            if not isinstance(source, Wrapped):
                raise KeysError(
                    f"{place(kind, id_)}: {shown(source)} is a plain key: have a key service wrap it "
                    f"(`panlock keys wrap {kind} {id_}`), or say --development where no real card data is"
                )
