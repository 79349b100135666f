"""Which keys a lane may use, and which of them its events are the first to use."""

from collections.abc import Iterable

from pipeline.keys.opened import Keys, token_name
from pipeline.policy.models import DEFAULT_DOMAIN, Policy


def keys_used(policy: Policy, keys: Keys) -> dict[str, str]:
    """Of `keys.origins` the token keys that make something under this policy, and every other key: what was made with
    other token keys is recognised, and needs none of them."""
    domains = policy.token_domains.values()
    tokens = {domain.key for domain in domains} | {domain.previous for domain in domains if domain.dual}
    if DEFAULT_DOMAIN not in policy.token_domains:
        tokens.add(keys.active)
    wanted = {token_name(id_) for id_ in tokens if id_ is not None}
    return {name: origin for name, origin in keys.origins.items() if not is_token(name) or name in wanted}


def is_token(name: str) -> bool:
    return name.startswith(token_name(""))


def names_key(name: str, events: Iterable[bytes | None]) -> bool:
    """Whether masking evidence in the events names the token key. Text from outside cannot look like it: canonical JSON
    escapes its quotation marks."""
    id_ = name.removeprefix(token_name("")).encode()
    marks = b'"key":"%b"' % id_, b'"previous":"%b"' % id_
    return any(mark in event for event in events if event is not None for mark in marks)


def key_fields(name: str, origin: str) -> dict[str, str]:
    """The key as its event has it."""
    kind, id_ = name.split("/")
    return {"kind": kind, "id": id_, "from": origin}
