"""Schemas from a directory: `<id>.avsc`, `<id>.proto`, `<id>.desc` (a FileDescriptorSet) or `<id>.json`.

Imports of a .proto are looked for in the same directory. A file that comes later is found: nothing is listed ahead.
"""

from pathlib import Path

from agents.schemas.protoc import ProtocError, descriptors
from pipeline.masking.formats.format import SchemasUnavailableError
from pipeline.masking.formats.schemas import Kind, Schema

SUFFIXES: dict[str, Kind] = {".avsc": "avro", ".desc": "protobuf", ".proto": "protobuf", ".json": "jsonschema"}


class DirectorySchemas:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def schema(self, id_: int) -> Schema | None:
        """Raises SchemasUnavailableError."""
        if not self._directory.is_dir():
            raise SchemasUnavailableError(f"schemas: {self._directory} is no directory: mount it, or mend `schemas:`")
        for suffix, kind in SUFFIXES.items():
            path = self._directory / f"{id_}{suffix}"
            if path.is_file():
                return Schema(kind, self._read(path))
        return None

    def _read(self, path: Path) -> bytes:
        try:
            if path.suffix == ".proto":
                others = {
                    str(other.relative_to(self._directory)): other.read_bytes()
                    for other in self._directory.rglob("*.proto")
                    if other != path
                }
                return descriptors(path.read_bytes(), others)
            return path.read_bytes()
        except (OSError, ProtocError) as error:
            raise SchemasUnavailableError(f"schemas: {path}: {error}") from error
