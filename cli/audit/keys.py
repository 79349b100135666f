"""Whose signatures count: of the policy that is named, and of every one that people have put in force."""

from pathlib import Path
from typing import Annotated

import typer

from agents.stored import Stored, StoreError
from cli.change import read
from cli.config import Settings
from pipeline.audit.logs import LogPlace, audit_logs
from pipeline.audit.note import Verifier, note_name
from pipeline.audit.signature import keys_of
from pipeline.errors import PanlockError
from pipeline.policy import Policy
from pipeline.policy.bundle import POLICY_FILE, Bundle, bundle_of, load_bundle
from pipeline.policy.topics import BROKER_AUDIT, SEALER_AUDIT

PolicyOption = Annotated[
    Path | None, typer.Option(help="Says how many lanes there are, and whose signatures count.", show_default=False)
]


class NoKeysError(PanlockError):
    """Nobody said whose signatures count."""


def bundles(settings: Settings | None, policy: Path | None) -> list[Bundle]:
    """The newest first."""
    found = [] if policy is None else [load_bundle(policy)]
    if settings is not None and settings.genesis is not None:
        found += [each.bundle for each in reversed(read(settings).chain)]
    return found


def kept_bundles(store: Stored) -> list[Bundle]:
    """The policies that an export holds: to be counted by their hashes alone. Raises StoreError."""
    parts: dict[str, dict[str, bytes]] = {}
    for path in store.names("policies"):
        directory, _, name = path.partition("/")
        parts.setdefault(directory, {})[name] = store.read(f"policies/{path}")
    found = {name: bundle_of(files.pop(POLICY_FILE, b""), files, name) for name, files in parts.items()}
    for name, bundle in found.items():
        if bundle.hash != name:
            raise StoreError(f"{store.url}/policies/{name} is not the policy of that name: keep the export as it is")
    return list(found.values())


def places(found: list[Bundle]) -> list[LogPlace]:
    """The logs of the newest policy, with the keys of all. Raises NoKeysError."""
    if not found or not found[0].policy.audit.sealer_keys:
        raise NoKeysError(
            "nobody says whose signatures count: name a policy with audit.sealer_keys (--policy), or write the "
            "`genesis:` of yours into the configuration"
        )
    policies = [each.policy for each in found]
    workers = keys_of(key for each in policies for key in each.audit.worker_keys)
    others = {
        SEALER_AUDIT: keys_of(key for each in policies for key in each.audit.sealer_keys),
        BROKER_AUDIT: keys_of(key for each in policies for key in each.audit.broker_keys),
    }
    return [each._replace(keys=others.get(each.topic, workers)) for each in audit_logs(policies[0])]


def verifiers(found: list[Bundle]) -> list[Verifier]:
    """Of the sealer."""
    return [each for policy in (bundle.policy for bundle in found) for each in sealer_verifiers(policy)]


def sealer_verifiers(policy: Policy) -> list[Verifier]:
    return [Verifier(note_name(policy.application), key) for key in keys_of(policy.audit.sealer_keys).values()]
