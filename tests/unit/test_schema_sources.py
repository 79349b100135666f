"""Against a small server that answers the registry's documented paths: no real registry can be had from pip."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from agents.schemas.directory import DirectorySchemas
from agents.schemas.registry import RegistrySchemas
from agents.schemas.settings import SchemaSettings
from cli.config import ConfigError
from cli.schemas import schemas_at
from pipeline.masking.formats.format import SchemasUnavailableError

CARD = 'syntax = "proto3"; message Card { string number = 1; }'
ANSWERS: dict[str, tuple[int, object]] = {
    "/schemas/ids/1": (200, {"schema": '"string"'}),
    "/schemas/ids/2": (
        200,
        {
            "schemaType": "PROTOBUF",
            "schema": 'syntax = "proto3"; import "card.proto"; message P { Card card = 1; }',
            "references": [{"name": "card.proto", "subject": "cards/value", "version": 3}],
        },
    ),
    "/subjects/cards%2Fvalue/versions/3": (200, {"schemaType": "PROTOBUF", "schema": CARD}),
    "/schemas/ids/3": (200, {"schemaType": "JSON", "schema": "{}"}),
    "/schemas/ids/4": (200, {"schemaType": "PROTOBUF", "schema": "nonsense"}),
    "/schemas/ids/5": (500, {"error_code": 50001, "message": "Error in the backend datastore"}),
    "/schemas/ids/6": (401, {"error_code": 40101}),
    "/schemas/ids/7": (200, ["no", "registry"]),
    "/schemas/ids/8": (200, {"schema": {"type": "string"}}),
    "/schemas/ids/9": (200, {"schema": '"string"', "references": [{"name": "a"}]}),
    "/schemas/ids/10": (200, {"schema": '"string"', "references": {"name": "a"}}),
    "/schemas/ids/11": (200, {"schema": '"string"', "schemaType": 1}),
    "/schemas/ids/12": (200, {"schema": '"a"', "references": [{"name": "a", "subject": "gone", "version": 1}]}),
    "/schemas/ids/13": (200, b"<html>a proxy says hello</html>"),
}


class Registry(BaseHTTPRequestHandler):
    seen: list[str | None]

    def do_GET(self) -> None:
        type(self).seen.append(self.headers["Authorization"])
        status, body = ANSWERS.get(self.path, (404, {"error_code": 40403, "message": "Schema not found"}))
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Registry.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_registry_gives_each_kind_with_its_references(url: str) -> None:
    schemas = RegistrySchemas(url, user="ana", password="x")
    assert [getattr(schemas.schema(id_), "kind", None) for id_ in (1, 2, 3)] == ["avro", "protobuf", "jsonschema"]
    assert b"card.proto" in schemas.schema(2).text
    assert set(Registry.seen) == {"Basic YW5hOng="}


def test_what_the_registry_does_not_have_or_protoc_refuses_is_unknown(url: str) -> None:
    assert RegistrySchemas(url).schema(99) is None
    assert RegistrySchemas(url).schema(4) is None


@pytest.mark.parametrize("id_", range(5, 14))
def test_an_answer_that_says_nothing_about_the_id_is_no_answer(url: str, id_: int) -> None:
    with pytest.raises(SchemasUnavailableError):
        RegistrySchemas(url).schema(id_)


def test_one_that_takes_too_long_is_no_answer(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.schemas.registry.DEADLINE", -1.0)
    with pytest.raises(SchemasUnavailableError, match="no whole answer"):
        RegistrySchemas(url).schema(1)


def test_a_registry_that_is_down_is_no_answer() -> None:
    with pytest.raises(SchemasUnavailableError, match=r"127\.0\.0\.1:1"):
        RegistrySchemas("http://127.0.0.1:1").schema(1)


def test_a_directory_gives_schemas_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "1.avsc").write_text('"string"')
    (tmp_path / "2.proto").write_text('syntax = "proto3"; import "card.proto"; message P { Card card = 1; }')
    (tmp_path / "card.proto").write_text(CARD)
    schemas = DirectorySchemas(tmp_path)
    assert schemas.schema(1).kind == "avro"
    assert schemas.schema(3) is None
    (tmp_path / "3.desc").write_bytes(schemas.schema(2).text)
    assert schemas.schema(3) == schemas.schema(2)


def test_a_directory_that_is_gone_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(SchemasUnavailableError):
        DirectorySchemas(tmp_path / "none").schema(1)


def test_settings_name_one_of_the_two() -> None:
    with pytest.raises(ValueError, match="not both"):
        SchemaSettings()
    assert isinstance(SchemaSettings(registry="http://r:8081").schemas(), RegistrySchemas)
    assert isinstance(SchemaSettings(directory=Path("x")).relative_to(Path("/b")).schemas(), DirectorySchemas)


def test_workers_load_no_librdkafka() -> None:
    code = "import sys, agents.schemas.settings; sys.exit('confluent_kafka' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_command_takes_a_directory_or_what_a_configuration_names(tmp_path: Path, url: str) -> None:
    (tmp_path / "1.avsc").write_text('"string"')
    worker, other, directory = tmp_path / "w.yaml", tmp_path / "o.yaml", tmp_path / "d.yaml"
    (tmp_path / "password").write_text("x\n")
    worker.write_text(f"store: var\nschemas: {{registry: '{url}', user: ana, password: password}}\n")
    directory.write_text("schemas: {directory: .}")
    other.write_text("kafka: {}\n")
    for where in (tmp_path, worker, directory):
        assert schemas_at(where).schema(1).text == b'"string"'
    assert Registry.seen == ["Basic YW5hOng="]
    for where in (None, other):
        with pytest.raises(SchemasUnavailableError, match="under `schemas:`"):
            schemas_at(where).schema(1)


@pytest.mark.parametrize(
    ("text", "told"),
    [("schemas: {", "not YAML"), ("schemas: {}", "not both"), ("schemas: {directory: d, port: 1}", "schemas.port")],
)
def test_what_is_wrong_with_where_schemas_are_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=told):
        schemas_at(tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere"):
        schemas_at(tmp_path / "nowhere.yaml")
    (tmp_path / "c.yaml").write_text("schemas: {registry: 'https://r', password: missing}")
    with pytest.raises(ConfigError, match=r"cannot read .*missing"):
        schemas_at(tmp_path / "c.yaml")
