"""Keys in the clear, in files or variables: for development alone."""

import os
import stat
from base64 import b64decode
from pathlib import Path

from pipeline.keys.service import KeysError


def read_secret(name: str, path: Path) -> bytes:
    """A file that its owner alone may read. `name`: its place in the configuration. Raises KeysError."""
    try:
        content, mode = path.read_bytes(), stat.S_IMODE(os.stat(path).st_mode)
    except OSError as error:
        raise KeysError(f"{name}: cannot read {path}: {error.strerror}") from error
    if mode & 0o077:
        raise KeysError(f"{name}: {path} is readable by others: chmod 600 it")
    return content


def read_variable(name: str, variable: str) -> str:
    """Takes the variable away: processes started later do not get it. Raises KeysError."""
    text = os.environ.pop(variable, None)
    if text is None:
        raise KeysError(f"{name}: the environment has no {variable}: set it")
    return text


def from_base64(name: str, text: str) -> bytes:
    """Raises KeysError, which never quotes the text."""
    try:
        return b64decode(text.strip(), validate=True)
    except ValueError:
        raise KeysError(f"{name}: not base64: set it to 32 random bytes in base64") from None
