"""`schemas:` of a worker's configuration: a directory, or a registry."""

import ssl
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from agents.schemas.directory import DirectorySchemas
from agents.schemas.registry import RegistrySchemas
from pipeline.masking.formats.schemas import Schemas


class SchemaSettings(BaseModel):
    """`ca`: of a registry under https; `password`: a file. Paths are relative to the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    directory: Path | None = None
    registry: str | None = None
    ca: Path | None = None
    user: str | None = None
    password: Path | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "SchemaSettings":
        if (self.directory is None) == (self.registry is None):
            raise ValueError("name a directory or a registry, and not both")
        if self.registry is not None and not self.registry.startswith(("http://", "https://")):
            raise ValueError("registry: write it as https://host:port")
        return self

    def relative_to(self, base: Path) -> "SchemaSettings":
        paths = {name: base / path for name in ("directory", "ca", "password") if (path := getattr(self, name))}
        return self.model_copy(update=paths)

    def schemas(self) -> Schemas:
        """Raises OSError for a file that cannot be read."""
        if self.registry is None:
            return DirectorySchemas(self.directory or Path())
        password = self.password.read_text().strip() if self.password else ""
        context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        return RegistrySchemas(self.registry, context, self.user, password)
