"""A development broker's files: its key store, its properties and its logging. Who starts it is another matter."""

import os
from pathlib import Path

from deploy.dev import settings
from deploy.dev.ca import DevelopmentCA
from deploy.dev.oauth import OAuthListener
from deploy.dev.reports import AccessReports
from deploy.dev.settings import Node

PROPERTIES, LOGGING = "server.properties", "log4j2.properties"


def configure(
    node: Node,
    nodes: list[Node],
    directory: Path,
    ca: DevelopmentCA,
    oauth: OAuthListener | None,
    reports: AccessReports | None,
) -> None:
    """Write them into `directory`, with a new certificate; the broker sees all files under the same paths."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = () if node.host == settings.LOOPBACK else (node.host,)
    leaf = ca.issue(settings.name(node), host=True, dns=names)
    key_store = directory / "key-store.pem"
    key_store.unlink(missing_ok=True)
    with os.fdopen(os.open(key_store, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(leaf.key.read_bytes() + leaf.certificate.read_bytes() + ca.certificate.read_bytes())
    bootstrap = ",".join(f"{each.host}:{each.client}" for each in nodes)
    authorizer = {} if reports is None else reports.properties(ca, bootstrap)
    told = settings.properties(node, nodes, directory / "data", key_store, ca.certificate, oauth, authorizer)
    (directory / PROPERTIES).write_text(told)
    (directory / LOGGING).write_text(settings.LOGGING)
