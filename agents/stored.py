"""Files of an export, on a disk or in an object store: whatever fsspec has a file system for."""

from collections.abc import Iterable
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from pipeline.audit.tiles import TileError
from pipeline.errors import PanlockError


class StoreError(PanlockError):
    """A place that cannot be exported to or read."""


class Stored:
    """`url`: a directory, or s3://bucket/path, gs://bucket/path. Paths are below it."""

    def __init__(self, url: str) -> None:
        """Raises StoreError."""
        self.url = url
        try:
            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise StoreError(f"cannot use {url}: {error}") from error

    def below(self, path: str) -> "Stored":
        return Stored(f"{self.url.rstrip('/')}/{path}")

    def find(self, path: str) -> bytes | None:
        """Raises StoreError."""
        try:
            content = self._files.cat_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {self.url}/{path}: {error.strerror or error}") from error
        return bytes(content)

    def read(self, path: str) -> bytes:
        """Raises TileError where it is not there, StoreError."""
        content = self.find(path)
        if content is None:
            raise TileError(f"{self.url}/{path} is not there")
        return content

    def names(self, path: str) -> list[str]:
        """Of the files below, however deep, as paths below it. Raises StoreError."""
        root = f"{self._root}/{path}"
        try:
            found = self._files.find(root)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"cannot read {self.url}/{path}: {error.strerror or error}") from error
        return sorted(str(each)[len(root) + 1 :] for each in found)

    def write(self, files: Iterable[tuple[str, bytes]]) -> None:
        """One after another, each whole or not at all. Raises StoreError."""
        for path, content in files:
            whole = f"{self._root}/{path}"
            try:
                self._put(whole, content)
            except OSError as error:
                raise StoreError(f"cannot write {self.url}/{path}: {error.strerror or error}") from error

    def _put(self, path: str, content: bytes) -> None:
        """An object appears at once; a file on a disk takes its name when it is whole."""
        files: Any = self._files
        if isinstance(files, LocalFileSystem):
            files.makedirs(path.rpartition("/")[0], exist_ok=True)
            files.pipe_file(f"{path}.part", content)
            files.mv(f"{path}.part", path)
        else:
            files.pipe_file(path, content)
