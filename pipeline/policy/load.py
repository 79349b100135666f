"""A policy from its file: read, check, and name everything that is wrong with it at once."""

import hashlib
from pathlib import Path

from pipeline.policy.checks import CHECKS
from pipeline.policy.document import Document
from pipeline.policy.models import Policy
from pipeline.policy.problems import PolicyError, Problem
from pipeline.policy.structure import validate


def load_policy(path: Path) -> Policy:
    """Raises PolicyError, also where the file cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        what = f"cannot be read: {error.strerror or 'unknown error'}"
        raise PolicyError(str(path), [Problem(1, "", what, "name the policy's file")]) from None
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PolicyError(str(path), [Problem(line, "", "is not UTF-8", "save it as UTF-8 text")]) from None
    return parse_policy(text, str(path))


def parse_policy(text: str, name: str) -> Policy:
    """`name` is what problems call the text. Raises PolicyError."""
    document = Document(text, name)
    found = validate(document.root)
    problems = document.problems + [problem for check in CHECKS for problem in check(document.root)]
    if isinstance(found, list):
        raise PolicyError(name, found + problems)
    if problems:
        raise PolicyError(name, problems)
    found._hash = hashlib.sha256(text.encode()).hexdigest()
    return found
