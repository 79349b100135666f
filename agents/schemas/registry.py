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
import time
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.schemas.protoc import ProtocError, descriptors
from pipeline.masking.formats.format import SchemasUnavailableError
from pipeline.masking.formats.schemas import Kind, Schema

log = logging.getLogger(__name__)

TIMEOUT = 5.0  # seconds without a byte
DEADLINE = 20.0  # seconds for a schema with all that it refers to: a thread of the worker's waits
LARGEST = 8 << 20  # bytes of an answer
REFERENCES = 200
KINDS: dict[str, Kind] = {"AVRO": "avro", "PROTOBUF": "protobuf", "JSON": "jsonschema"}


class _Part(BaseModel):
    """Of the registry's answer, what is needed; anything else it may say."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Reference(_Part):
    name: str
    subject: str
    version: int


class _Answer(_Part):
    text: str = Field(alias="schema")
    kind: str | None = Field(None, alias="schemaType")
    references: list[_Reference] | None = None


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
        until = time.monotonic() + DEADLINE
        found = self._get(f"/schemas/ids/{id_}", until)
        if found is None:
            return None
        kind = KINDS.get(found.kind or "AVRO")
        if kind is None:
            log.warning("schema %d is of a type that Panlock does not know: its records are rejected", id_)
            return None
        text, references = found.text.encode(), dict[str, bytes]()
        self._collect(found, references, 0, until)
        if kind != "protobuf":
            return Schema(kind, text, tuple(references.items()))
        try:
            return Schema(kind, descriptors(text, references))
        except ProtocError as error:
            log.warning("schema %d: %s: its records are rejected", id_, error)
            return None
        except OSError as error:
            raise SchemasUnavailableError(f"schemas: protoc cannot run: {error}") from error

    def _collect(self, schema: _Answer, found: dict[str, bytes], level: int, until: float) -> None:
        """What the schema refers to, and they in turn: what others need comes first."""
        for each in schema.references or ():
            if each.name in found:
                continue
            if len(found) == REFERENCES or level > REFERENCES:
                raise SchemasUnavailableError(f"schemas: a schema with more than {REFERENCES} references")
            inner = self._get(f"/subjects/{quote(each.subject, safe='')}/versions/{each.version}", until)
            if inner is None:
                raise SchemasUnavailableError("schemas: the registry lacks a schema that another refers to")
            self._collect(inner, found, level + 1, until)
            found[each.name] = inner.text.encode()

    def _get(self, path: str, until: float) -> _Answer | None:
        where = f"{self._url.hostname}:{self._url.port}"
        try:
            status, body = self._ask(path, until)
            if status == 404:
                return None
            if status != 200:
                raise SchemasUnavailableError(f"schemas: the registry at {where} answers {status}: see its log")
            return _Answer.model_validate_json(body)
        except ValidationError as error:
            wrong = ", ".join({".".join(map(str, each["loc"])) or "JSON" for each in error.errors()})
            raise SchemasUnavailableError(
                f"schemas: what answers at {where} is no schema registry ({wrong}): mend `schemas:`, or see its log"
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SchemasUnavailableError(
                f"schemas: the registry at {where}: {type(error).__name__}: {error}"
            ) from error

    def _ask(self, path: str, until: float) -> tuple[int, bytes]:
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
            return answer.status, _read(answer, until)
        finally:
            connection.close()


def _read(answer: http.client.HTTPResponse, until: float) -> bytes:
    body = bytearray()
    while piece := answer.read1(1 << 16):
        body += piece
        if len(body) > LARGEST:
            raise ValueError(f"an answer of more than {LARGEST} bytes")
        if time.monotonic() > until:
            raise TimeoutError(f"no whole answer within {DEADLINE:.0f} s")
    return bytes(body)
