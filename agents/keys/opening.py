"""Open a configuration's keys at start: unwrapped by their key services, or plain ones where development is said."""

from collections.abc import Mapping
from pathlib import Path

from agents.keys.plain import from_base64, read_secret, read_variable
from agents.keys.settings import InEnvironment, KeyServices, KeySettings, KeySource, Wrapped
from pipeline.identity.sealing_keys import Kem, PrivateKey, SealKeyError, key_id, private_key, read_public, read_seed
from pipeline.keys.opened import Keys, seal_name, token_name
from pipeline.keys.service import KEY_BYTES, KeysError, KeyService, Kind, WrappedKey, read_wrapped

MEMBERS = {Kind.TOKEN: "token_keys", Kind.SEAL: "seal_keys"}


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
    return Keys(tokens, settings.token_key or "", seals, origins)


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


def wrapped_key(kind: Kind, id_: str, source: Wrapped) -> WrappedKey:
    """Read, and that of this name; not unwrapped. Raises KeysError."""
    where, wrapped = place(kind, id_), source.wrapped
    if isinstance(wrapped, Path):
        try:
            wrapped = read_wrapped(wrapped.read_text(), f"{where}: {wrapped}")
        except (OSError, UnicodeDecodeError) as error:
            raise KeysError(f"{where}: cannot read {wrapped}: name a file of `panlock keys`") from error
    if (wrapped.kind, wrapped.id) != (kind, id_):
        raise KeysError(f"{where}: holds the {wrapped.kind} key {wrapped.id}: put it under that name")
    return wrapped


def origin(kind: Kind, id_: str, source: KeySource) -> str:
    """What the key comes from: vault, aws, file or environment. Raises KeysError."""
    if isinstance(source, Wrapped):
        return wrapped_key(kind, id_, source).service
    return "environment" if isinstance(source, InEnvironment) else "file"


def place(kind: Kind, id_: str) -> str:
    return f"{MEMBERS[kind]}.{id_}"


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


def _refuse_plain(settings: KeySettings) -> None:
    sources: Mapping[Kind, Mapping[str, KeySource]] = {Kind.TOKEN: settings.token_keys, Kind.SEAL: settings.seal_keys}
    for kind, keys in sources.items():
        for id_, source in keys.items():
            if not isinstance(source, Wrapped):
                raise KeysError(
                    f"{place(kind, id_)}: {shown(source)} is a plain key: have a key service wrap it "
                    f"(`panlock keys wrap {kind} {id_}`), or say --development where no real card data is"
                )
