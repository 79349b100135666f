"""Schemas from a registry that speaks Confluent's REST API, by id.

    GET /schemas/ids/{id}                    {"schema", "schemaType": absent = AVRO | PROTOBUF | JSON, "references"}
    GET /subjects/{subject}/versions/{n}     the same, of a reference {"name", "subject", "version"}

confluent_kafka.schema_registry is not used: importing it loads librdkafka, which a worker does without.
https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

import base64
import http.client
import logging
import ssl
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from agents.schemas.protoc import ProtocError, descriptors
from pipeline.masking.formats.format import SchemasUnavailableError
from pipeline.masking.formats.schemas import Kind, Schema

log = logging.getLogger(__name__)

TIMEOUT = 5.0  # seconds a request
LARGEST = 8 << 20  # bytes of an answer
REFERENCES = 200
KINDS: dict[str, Kind] = {"AVRO": "avro", "PROTOBUF": "protobuf", "JSON": "jsonschema"}


class RegistrySchemas:
    """`user`, `password`: basic authentication. `context`: for https. Threads may share it: a connection a request."""

    def __init__(
        self, url: str, context: ssl.SSLContext | None = None, user: str | None = None, password: str = ""
    ) -> None:
        self._url, self._context = urlsplit(url), context
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json"}
        if user is not None:
            self._headers["Authorization"] = f"Basic {credentials}"

    def schema(self, id_: int) -> Schema | None:
        """None where the registry answers that there is none. Raises SchemasUnavailableError."""
        found = self._get(f"/schemas/ids/{id_}")
        if found is None:
            return None
        kind = KINDS.get(found.get("schemaType") or "AVRO")
        if kind is None:
            log.warning("schema %d is of a type that Panlock does not know: its records are rejected", id_)
            return None
        text, references = str(found["schema"]).encode(), self._references(found)
        if kind != "protobuf":
            return Schema(kind, text, tuple(references.items()))
        try:
            return Schema(kind, descriptors(text, references))
        except ProtocError as error:
            log.warning("schema %d: %s: its records are rejected", id_, error)
            return None
        except OSError as error:
            raise SchemasUnavailableError(f"schemas: protoc cannot run: {error}") from error

    def _references(self, schema: dict[str, Any]) -> dict[str, bytes]:
        """What the schema refers to, and they in turn: what others need comes first."""
        found: dict[str, bytes] = {}
        self._collect(schema, found, 0)
        return found

    def _collect(self, schema: dict[str, Any], found: dict[str, bytes], level: int) -> None:
        for each in schema.get("references") or ():
            name = str(each["name"])
            if name in found:
                continue
            if len(found) == REFERENCES or level > REFERENCES:
                raise SchemasUnavailableError(f"schemas: a schema with more than {REFERENCES} references")
            inner = self._get(f"/subjects/{quote(str(each['subject']), safe='')}/versions/{int(each['version'])}")
            if inner is None:
                raise SchemasUnavailableError("schemas: the registry lacks a schema that another refers to")
            self._collect(inner, found, level + 1)
            found[name] = str(inner["schema"]).encode()

    def _get(self, path: str) -> dict[str, Any] | None:
        where = f"{self._url.hostname}:{self._url.port}"
        try:
            status, body = self._ask(path)
            if status == 404:
                return None
            if status != 200:
                raise SchemasUnavailableError(f"schemas: the registry at {where} answers {status}: see its log")
            answer = orjson.loads(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SchemasUnavailableError(
                f"schemas: the registry at {where}: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(answer, dict) or "schema" not in answer:
            raise SchemasUnavailableError(f"schemas: what answers at {where} is no schema registry")
        return answer

    def _ask(self, path: str) -> tuple[int, bytes]:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=TIMEOUT, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        try:
            connection.request("GET", self._url.path.rstrip("/") + path, headers=self._headers)
            answer = connection.getresponse()
            body = answer.read(LARGEST + 1)
        finally:
            connection.close()
        if len(body) > LARGEST:
            raise ValueError(f"an answer of more than {LARGEST} bytes")
        return answer.status, body
