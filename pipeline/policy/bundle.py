"""A bundle: a policy and every file that it refers to, under one hash. What people approve, and workers run.

The hash is SHA-256 over the parts, each name and content as u32 length (big-endian) and bytes:

    "panlock-bundle-v1" | u32 number of files | policy's bytes | for each file, by name: name | content

Names are as the policy writes them; the policy's own name does not count.
"""

import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from pipeline.errors import PanlockError
from pipeline.policy.load import load_policy, parse_policy
from pipeline.policy.models import Policy
from pipeline.policy.problems import PolicyError
from pipeline.policy.topics import BUNDLE_BYTES

POLICY_FILE = "policy.yaml"  # what the policy itself is written as
_DOMAIN = b"panlock-bundle-v1"
MAX_FILES = 100


class BundleError(PanlockError):
    """No bundle: a file that cannot be read, is too large, or is not the policy's."""


@dataclass(frozen=True)
class Bundle:
    """`text`: the policy's bytes; `files`: by the name that the policy gives them. Made by `bundle_of`."""

    text: bytes
    files: Mapping[str, bytes]
    policy: Policy

    @cached_property
    def hash(self) -> str:
        """Hex."""
        digest = sha256(_DOMAIN + struct.pack(">I", len(self.files)))
        parts = [self.text, *(part for name in sorted(self.files) for part in (name.encode(), self.files[name]))]
        for part in parts:
            digest.update(struct.pack(">I", len(part)) + part)
        return digest.hexdigest()

    def json(self) -> dict[str, object]:
        """As a proposal holds it."""
        return {
            "policy": b64encode(self.text).decode(),
            "files": {name: b64encode(content).decode() for name, content in sorted(self.files.items())},
        }


def references(policy: Policy) -> list[str]:
    """Names of the files that the policy is not whole without, sorted."""
    return sorted({*policy.authorities, *policy.audit.timestamp_authorities})


def bundle_of(text: bytes, files: Mapping[str, bytes], name: str) -> Bundle:
    """`name` is what problems call the policy. Raises PolicyError, BundleError."""
    if len(text) + sum(map(len, files.values())) > BUNDLE_BYTES or len(files) > MAX_FILES:
        raise BundleError(f"{name} and its files have more than {BUNDLE_BYTES} bytes: a policy is written by people")
    try:
        policy = parse_policy(text.decode(), name)
    except UnicodeDecodeError:
        raise BundleError(f"{name} is not UTF-8: save it as UTF-8 text") from None
    wanted = references(policy)
    if wanted != sorted(files):
        raise BundleError(f"{name} refers to the files {', '.join(wanted) or 'none'}, and comes with others")
    if POLICY_FILE in files:
        raise BundleError(f"{name} refers to a file {POLICY_FILE}, which is its own name: give the file another")
    policy._files = dict(files)
    return Bundle(text, policy._files, policy)


def load_bundle(path: Path) -> Bundle:
    """A policy's file with what it refers to, beside it. Raises PolicyError, BundleError."""
    policy = load_policy(path)
    try:
        files = {name: (path.parent / name).read_bytes() for name in references(policy)}
        return bundle_of(path.read_bytes(), files, str(path))
    except OSError as error:
        raise BundleError(f"{path}: cannot read {error.filename}: {error.strerror}") from None


def read_bundle(value: object) -> Bundle | None:
    """The bundle of a proposal; None for anything that Panlock would not have written."""
    if not isinstance(value, dict) or set(value) != {"policy", "files"} or not isinstance(value["files"], dict):
        return None
    try:
        text = b64decode(value["policy"], validate=True)
        files = {str(name): b64decode(content, validate=True) for name, content in value["files"].items()}
        return bundle_of(text, files, "the proposed policy")
    except (ValueError, TypeError, PolicyError, BundleError):
        return None
