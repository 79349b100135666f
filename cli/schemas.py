"""Where a command finds schemas: a directory, or what `schemas:` of a configuration file says, as workers read it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agents.schemas.directory import DirectorySchemas
from agents.schemas.settings import SchemaSettings
from cli.config import ConfigError, read_config
from pipeline.masking.formats.schemas import NoSchemas, Schemas


class _File(BaseModel):
    """Of a worker's configuration or the CLI's, the one part that counts here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    schemas: SchemaSettings | None = None


def schemas_at(where: Path | None) -> Schemas:
    """`where`: a directory of schemas, or a configuration file; without either, none. Raises ConfigError."""
    if where is None:
        return NoSchemas()
    if where.is_dir():
        return DirectorySchemas(where)
    settings = read_config(where, _File).schemas
    if settings is None:
        return NoSchemas()
    try:
        return settings.relative_to(where.parent).schemas()
    except OSError as error:
        raise ConfigError(f"{where}: schemas: cannot read {error.filename}: {error.strerror}") from error
