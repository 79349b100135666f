"""The Java kit on a real broker: what it writes, Panlock's verifier reads and a worker releases.

Skipped, and said so, where there is no Maven or no JDK of 17 or later. Maven runs the kit's own tests first.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from aiokafka.structs import ConsumerRecord

from deploy.dev.cluster import DevCluster
from pipeline.identity.sealing import Scope, parse_sealed_key, unseal, unwrap_data_key
from pipeline.identity.sealing_keys import public_text
from pipeline.record import RecordId
from tests.integration.signed_deployment import CHECKOUT, SEALED, SignedDeployment
from tests.signed import envelope, place, verdict

KIT = Path(__file__).parents[2] / "clients" / "java"
Line = tuple[str, int | None, str | None, str | None, str | None]  # topic, partition, key, value, a header's name

INTERCEPTOR = {
    "interceptor.classes": "panlock.producer.PanlockInterceptor",
    "key.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer",
    "value.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer",
    "panlock.key.serializer": "org.apache.kafka.common.serialization.StringSerializer",
    "panlock.value.serializer": "org.apache.kafka.common.serialization.StringSerializer",
}


def _skip(why: str) -> None:
    print(f"\n  SKIPPED: the Java producer kit, {why}", file=sys.__stderr__, flush=True)
    pytest.skip(why)


@pytest.fixture(scope="module")
def classpath(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The kit and what it needs, once its own tests have passed."""
    if shutil.which("mvn") is None or shutil.which("javac") is None:
        _skip("Maven and a JDK are not here")
    version = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)", version.stdout + version.stderr)
    if found is None or int(found[1]) < 17:
        _skip(f"it needs a JDK of 17 or later, not {version.stdout.strip()}")
    file = tmp_path_factory.mktemp("kit") / "classpath"
    built = subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "test", "dependency:build-classpath", f"-Dmdep.outputFile={file}"],
        cwd=KIT,
        capture_output=True,
        text=True,
    )
    if any(why in built.stdout for why in ("Could not transfer artifact", "offline mode", "during a previous attempt")):
        _skip("Maven cannot have what it needs")
    assert built.returncode == 0, built.stdout[-6000:]
    return os.pathsep.join([str(KIT / "target" / "test-classes"), str(KIT / "target" / "classes"), file.read_text()])


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path, classpath: str) -> Iterator[SignedDeployment]:
    """No worker runs yet: it purges what it has done, and the test reads first."""
    with SignedDeployment(cluster, tmp_path) as deployed:
        yield deployed


def properties(panlock: SignedDeployment, **more: str) -> Path:
    """A producer's configuration, as its file; the key to seal to is named by a file, too."""
    config, directory = panlock.cluster.config("checkout"), panlock.directory
    identity, seal = directory / "identity.pem", directory / "seal.pub"
    identity.write_text(Path(config["key"]).read_text() + Path(config["certificate"]).read_text())
    seal.write_text(public_text(panlock.first.public) + "\n")
    names = {
        "bootstrap.servers": config["bootstrap"],
        "security.protocol": "SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(identity),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": config["ca"],
        "key.serializer": "org.apache.kafka.common.serialization.StringSerializer",
        "value.serializer": "org.apache.kafka.common.serialization.StringSerializer",
        "max.block.ms": "20000",
        "panlock.seal.to": str(seal),
        **more,
    }
    file = directory / "producer.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in names.items()))
    return file


def write(classpath: str, file: Path, lines: Sequence[Line], way: str = "panlock", rhythm: str = "all") -> list[str]:
    """What the application says of each record."""
    text = "\n".join("\t".join("-" if each is None else str(each) for each in line) for line in lines)
    command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classpath, "panlock.producer.Writing", str(file)]
    done = subprocess.run([*command, way, rhythm], input=text, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    return [line for line in done.stdout.splitlines() if line.startswith(("ok ", "failed "))]


def released(panlock: SignedDeployment, records: Sequence[ConsumerRecord]) -> bool:
    """Once a worker has decided them all."""
    panlock.signed_worker().wait_ready(2)
    return set(fate(panlock, records)) == {"released"}


def fate(panlock: SignedDeployment, records: Sequence[ConsumerRecord]) -> list[str]:
    return panlock.fate([str(RecordId(each.topic, each.partition, each.offset)) for each in records])


def opened(panlock: SignedDeployment, records: Sequence[ConsumerRecord]) -> list[tuple[str | None, str | None]]:
    """Keys and values, as a worker reads them: a data key comes with a stream's first records."""
    data_keys: dict[bytes, bytes] = {}
    found = []
    for record in records:
        head, where = envelope(record).head, place(panlock, record)
        assert head.sealed_key is not None
        header = dict(record.headers).get("panlock-sealed-key")
        if header is not None:
            scope = Scope.of(where, "checkout", head)
            data_keys[head.sealed_key] = unwrap_data_key(parse_sealed_key(header), panlock.first, scope)
        clear = unseal(data_keys[head.sealed_key], where, "checkout", head, record.key, record.value)
        key, value = (None if each is None else each.decode() for each in clear)
        found.append((key, value))
    return found


WAYS = {"producer": ("panlock", {}), "interceptor": ("kafka", INTERCEPTOR)}
CARD = '{"card":"4111111111111111"}'


@pytest.mark.parametrize("way", WAYS)
def test_what_is_written_verifies_opens_is_in_sequence_and_is_released(
    panlock: SignedDeployment, classpath: str, way: str
) -> None:
    how, more = WAYS[way]
    lines: list[Line] = [(SEALED, None, f"größe-{n % 7}", CARD, "h") for n in range(400)]
    said = write(classpath, properties(panlock, **more), [*lines, (SEALED, None, None, CARD, None)], how)
    assert len(said) == 401 and all(each.startswith("ok ") for each in said), Counter(said)
    written = panlock.read(SEALED)
    assert Counter(opened(panlock, written)) == Counter([*[line[2:4] for line in lines], (None, CARD)])
    assert {verdict(panlock, record, panlock.cluster) for record in written} == {"ok"}
    places = {
        (key, record.partition) for (key, _), record in zip(opened(panlock, written), written, strict=True) if key
    }
    assert len(places) == 7, "a key has its partition, though it is sealed"
    for partition in range(2):
        sequences = [envelope(record).head.sequence for record in written if record.partition == partition]
        assert sequences == list(range(len(sequences))) != []
    signatures = len({envelope(record).signature for record in written})
    assert signatures < 40 if way == "producer" else signatures == 401
    assert len({envelope(record).head.stream for record in written}) == 1
    assert released(panlock, written)
    assert len(panlock.read("clean.secrets")) == 401


@pytest.mark.parametrize("way", WAYS)
def test_clear_records_are_signed_as_they_are_and_the_chain_goes_along_until_it_is_there(
    panlock: SignedDeployment, classpath: str, way: str
) -> None:
    how, more = WAYS[way]
    file = properties(panlock, **{**more, "panlock.seal.to": "nobody"})
    said = write(classpath, file, [(CHECKOUT, 1, "k", CARD, None)] * 3, how, "each")
    assert said == ["ok 1 0", "ok 1 1", "ok 1 2"]
    written = panlock.read(CHECKOUT)
    assert [(record.key, record.value) for record in written] == [(b"k", CARD.encode())] * 3
    assert {verdict(panlock, record, panlock.cluster) for record in written} == {"ok"}
    assert ["panlock-certificates" in dict(record.headers) for record in written] == [True, False, False]
    assert {dict(record.headers)["panlock-identity"] for record in written} == {b"checkout"}
    assert released(panlock, written)


def test_what_cannot_be_signed_fails_and_is_not_sent(panlock: SignedDeployment, classpath: str) -> None:
    lines: list[Line] = [
        (SEALED, 0, "k", CARD, None),
        (SEALED, 0, "k", CARD, "panlock-salt"),
        (SEALED, 0, "k", "x" * (2 << 20), None),
        ("quarantine.payments.legacy", 0, "k", CARD, None),
        (SEALED, 2, "k", CARD, None),
        (SEALED, 0, "k", CARD, None),
    ]
    said = write(classpath, properties(panlock), lines, "panlock", "each")
    assert said == [
        "ok 0 0",
        "failed SigningException",
        "failed RecordTooLargeException",
        "failed TopicAuthorizationException",
        "failed SigningException",
        "ok 0 1",
    ]
    written = panlock.read(SEALED)
    assert [envelope(record).head.sequence for record in written] == [0, 2], "a gap, and no number twice"
    assert all("panlock-certificates" in dict(record.headers) for record in written), "after an error it goes again"


def test_the_interceptor_sends_nothing_clear_when_it_fails_and_the_worker_rejects_it(
    panlock: SignedDeployment, classpath: str
) -> None:
    lines: list[Line] = [(SEALED, 0, "k", CARD, "panlock-salt"), (SEALED, 0, "k", CARD, None)]
    said = write(classpath, properties(panlock, **INTERCEPTOR), lines, "kafka", "each")
    assert said == ["ok 0 0", "ok 0 1"], "Kafka does not know"
    written = panlock.read(SEALED)
    assert (written[0].key, written[0].value) == (None, None)
    panlock.signed_worker().wait_ready(2)
    assert fate(panlock, written) == ["envelope-malformed", "released"]
