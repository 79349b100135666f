"""Files of an export, on a disk or in an object store: whatever fsspec has a file system for.

In a bucket of S3 with object lock every object is locked as long as the audit is kept: neither its writer nor an
administrator can delete or replace that version before. Elsewhere the store's own retention has to be set.
"""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from pipeline.audit.tiles import TileError
from pipeline.errors import PanlockError

RETENTION = timedelta(days=400)  # as panlock.audit keeps its events
_NO_LOCK = "ObjectLockConfigurationNotFoundError"  # S3's code for a bucket without object lock


class StoreError(PanlockError):
    """A place that cannot be exported to or read."""


class Stored:
    """`url`: a directory, or s3://bucket/path, gs://bucket/path. Paths are below it."""

    def __init__(self, url: str) -> None:
        """Raises StoreError."""
        self.url = url
        self._lock: str | None = None  # S3's mode of object lock; empty: none; None: not asked yet
        try:
            self._files, self._root = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise StoreError(f"cannot use {url}: {error}") from error

    def below(self, path: str) -> "Stored":
        made = copy.copy(self)
        made.url, made._root = f"{self.url.rstrip('/')}/{path}", f"{self._root}/{path}"
        return made

    def find(self, path: str) -> bytes | None:
        """Raises StoreError."""
        with self._told(f"read {self.url}/{path}"):
            try:
                return bytes(self._files.cat_file(f"{self._root}/{path}"))
            except FileNotFoundError:
                return None

    def read(self, path: str) -> bytes:
        """Raises TileError where it is not there, StoreError."""
        content = self.find(path)
        if content is None:
            raise TileError(f"{self.url}/{path} is not there")
        return content

    def names(self, path: str) -> list[str]:
        """Of the files below, however deep, as paths below it. Raises StoreError."""
        root = f"{self._root}/{path}"
        with self._told(f"read {self.url}/{path}"):
            try:
                return sorted(str(each)[len(root) + 1 :] for each in self._files.find(root))
            except FileNotFoundError:
                return []

    def write(self, files: Iterable[tuple[str, bytes]]) -> None:
        """One after another, each whole or not at all. Raises StoreError."""
        for path, content in files:
            with self._told(f"write {self.url}/{path}"):
                self._put(f"{self._root}/{path}", content)

    def keep(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Those that are not there as they are: what is locked would be there again each time. Raises StoreError."""
        self.write((path, content) for path, content in files if self.find(path) != content)

    def _put(self, path: str, content: bytes) -> None:
        """An object appears at once; a file on a disk takes its name when it is whole."""
        files: Any = self._files
        if isinstance(files, LocalFileSystem):
            files.makedirs(path.rpartition("/")[0], exist_ok=True)
            files.pipe_file(f"{path}.part", content)
            files.mv(f"{path}.part", path)
        else:
            files.pipe_file(path, content, **self._locked())

    def _locked(self) -> dict[str, object]:
        """What an object is put with."""
        if self._lock is None:
            self._lock = self._lock_mode() if "s3" in self._files.protocol else ""
        if not self._lock:
            return {}
        return {"ObjectLockMode": self._lock, "ObjectLockRetainUntilDate": datetime.now(UTC) + RETENTION}

    def _lock_mode(self) -> str:
        """The bucket's own, if it has a default; else COMPLIANCE, which nobody can take back."""
        files: Any = self._files
        try:
            told = files.call_s3("get_object_lock_configuration", Bucket=self._root.partition("/")[0])
        except Exception as error:
            if _NO_LOCK in repr(error) or _NO_LOCK in repr(error.__cause__):
                return ""
            raise
        rule = told["ObjectLockConfiguration"].get("Rule") or {}
        return str((rule.get("DefaultRetention") or {}).get("Mode") or "COMPLIANCE")

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # every file system has errors of its own
            raise StoreError(f"cannot {what}: {getattr(error, 'strerror', None) or error}") from error
