"""How workers and the CLI reach Kafka: one mTLS identity."""

import ssl
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict


class Kafka(BaseModel):
    """`kafka:` of a worker's or the CLI's configuration. Paths are relative to the file that names them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap: str
    ca: Path
    certificate: Path
    key: Path

    def relative_to(self, directory: Path) -> "Kafka":
        paths = {name: directory / getattr(self, name) for name in ("ca", "certificate", "key")}
        return self.model_copy(update=paths)

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client(self) -> dict[str, Any]:
        """Arguments of an aiokafka client."""
        return {"bootstrap_servers": self.bootstrap, "security_protocol": "SSL", "ssl_context": self.context()}
