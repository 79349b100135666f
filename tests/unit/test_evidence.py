"""An evidence pack of a month, from an export alone: what is in it, how it is checked, what hostile text does."""

import csv
import io
import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey

from agents.evidence.cells import as_csv
from agents.evidence.insiders import INSIDERS
from agents.evidence.requirements import REQUIREMENTS
from agents.evidence.signed import note_over, sums_of, verifier
from pipeline.policy.topics import AUDIT
from tests.approving import Person
from tests.evidence_traffic import HOSTILE, lane
from tests.exporting import POLICY, chained, write_export
from tests.inside import inside
from tests.integration.cli_runner import Ended

CARLA = Person("carla")
VKEY = str(verifier(CARLA.key.public_key))
DOCS = Path(__file__).parents[2] / "docs"


def make(directory: Path, *arguments: str, out: str = "pack") -> Ended:
    places = "--export", str(directory / "export"), "--policy", str(directory / "policy.yaml")
    span = "--from", "2026-10-01", "--to", "2026-10-31", "--index", str(directory / "index")
    return inside("evidence", "--out", str(directory / out), *span, *places, "--json", *arguments)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("evidence")
    (directory / "policy.yaml").write_text(
        POLICY.replace("roles: [auditors]", f"roles: [auditors], keys: [{CARLA.jwk}]")
    )
    (directory / "carla.pem").write_bytes(CARLA.pem())
    logs = {(AUDIT, number): chained(number, lane(number)) for number in range(2)}
    write_export(directory / "export", logs, "2026-11-01T00:00:00.000Z")
    return directory


@pytest.fixture(scope="module")
def pack(place: Path) -> Path:
    ended = make(place, "--sign", str(place / "carla.pem"))
    assert ended.code == 0, ended.err
    assert ended.json["key"] == VKEY
    assert (ended.json["proofs"], ended.json["unproven"], ended.json["open"]) == (4, 2, ended.json["findings"])
    return place / "pack"


def rows(pack: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((pack / name).read_text(), newline="")))


def test_each_requirement_has_a_folder_that_says_what_it_shows_and_how_to_check(pack: Path) -> None:
    assert {"3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "4.2.1", "6.5.1", "7.2", "10.2", "10.3", "10.4", "10.5", "10.6", "10.7", "12.5.2"} <= {each.number for each in REQUIREMENTS}  # fmt: skip  # noqa: E501
    for each in REQUIREMENTS:
        told = (pack / each.number / "README.md").read_text()
        assert all(part in told for part in (each.shows, each.check, each.yours, "## How to check"))
        assert list((pack / each.number).glob("*.csv"))


def test_the_numbers_are_those_of_the_events(pack: Path) -> None:
    streams = {(each["principal"], each["outcome"]): int(each["events"]) for each in rows(pack, "12.5.2/streams.csv")}
    assert streams["checkout", "released"] + streams["checkout", "rejected"] == 2 * 30 * 40
    assert streams["refunds", "held"] == 120
    assert {each["strategy"] for each in rows(pack, "3.3/sad.csv")} == {"drop"}
    assert len(rows(pack, "10.7/alarms.csv")) == 2
    assert {each["bundle"] for each in rows(pack, "6.5.1/policy_changes.csv")} == {"cd" * 32}
    assert [each["finding"] for each in rows(pack, "7.2/access_read.csv")] == ["not-by-policy"]
    assert all(each["what"] for each in rows(pack, "10.4/review.csv"))
    assert {each["role"] for each in rows(pack, "7.2/roles.csv")} >= {
        "payments-approvers",
        "workers",
        "owner of refunds",
    }


def test_every_proof_holds_and_every_hash_is_right(place: Path, pack: Path) -> None:
    proofs = sorted((pack / "10.2/proofs").glob("*.json"))
    assert len(proofs) == 4
    for each in proofs:
        assert inside("audit", "check", str(each), "--policy", str(place / "policy.yaml")).code == 0
    sums = (pack / "SHA256SUMS").read_text().splitlines()
    told = {name: digest for digest, name in (line.split("  ", 1) for line in sums)}
    files = {str(file.relative_to(pack)): file for file in pack.rglob("*") if file.is_file()}
    of = {name: file for name, file in files.items() if name not in ("SHA256SUMS", "SHA256SUMS.note")}
    assert told == {name: sha256(file.read_bytes()).hexdigest() for name, file in of.items()}
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=pack, check=True)


@pytest.fixture
def copy(pack: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pack, tmp_path / "copy"))


def checked(pack: Path, *arguments: str) -> Ended:
    return inside("evidence", "check", str(pack), "--json", *arguments)


def test_a_pack_is_checked_by_its_signers_key_or_the_policy_that_names_them(place: Path, copy: Path) -> None:
    by_key, by_policy = checked(copy, "--key", VKEY), checked(copy, "--policy", str(place / "policy.yaml"))
    assert (by_key.code, by_key.json["signed_by"]) == (0, VKEY)
    assert (by_policy.code, by_policy.json["signed_by"]) == (0, "carla@pay.example")
    other = str(verifier(Person("ben").key.public_key))
    assert checked(copy, "--key", other).code == 1
    assert checked(copy, "--key", other, "--key", VKEY).code == 0
    alone = checked(copy)
    assert (alone.code, alone.json["signed_by"], alone.json["unsigned"]) == (
        0,
        None,
        "whose signature counts was not said",
    )


def test_what_was_changed_added_and_taken_away_is_named(copy: Path) -> None:
    (copy / "report.html").write_bytes(b"all is well")
    (copy / "10.4/review.csv").unlink()
    (copy / "10.4/more.csv").write_text("a\r\n")
    linked = copy / "10.7/alarms.csv"
    linked.rename(copy.parent / "elsewhere.csv")
    linked.symlink_to(copy.parent / "elsewhere.csv")
    ended = checked(copy, "--key", VKEY)
    assert ended.code == 1 and ended.json["ok"] is False
    assert ended.json["changed"] == ["10.7/alarms.csv", "report.html"]
    assert (ended.json["missing"], ended.json["added"]) == (["10.4/review.csv"], ["10.4/more.csv"])
    shown = inside("evidence", "check", str(copy))
    assert "changed: report.html" in shown.out and "NOT all" in shown.err


def test_hashes_made_anew_pass_alone_and_not_under_the_signature(copy: Path) -> None:
    (copy / "report.html").write_bytes(b"all is well")
    names = [line.split("  ", 1)[1] for line in (copy / "SHA256SUMS").read_text().splitlines()]
    (copy / "SHA256SUMS").write_bytes(sums_of({name: (copy / name).read_bytes() for name in names}))
    ended = checked(copy, "--key", VKEY)
    assert (ended.code, ended.json["changed"], ended.json["signed_by"]) == (1, [], None)
    assert "another SHA256SUMS" in ended.json["unsigned"]
    (copy / "SHA256SUMS.note").unlink()
    assert (checked(copy).code, checked(copy, "--key", VKEY).code) == (0, 1)
    assert checked(copy, "--key", VKEY).json["unsigned"] == "nobody has signed it"


@pytest.mark.parametrize("text", ["no sums\n", f"{'0' * 64}  a\n{'0' * 64}  a\n"])
def test_what_is_no_pack_is_said_with_its_line(copy: Path, text: str) -> None:
    (copy / "SHA256SUMS").write_text(text)
    ended = checked(copy)
    assert ended.code == 2 and "SHA256SUMS:" in ended.err
    ended = checked(copy / "10.4")
    assert ended.code == 2 and "has no SHA256SUMS" in ended.err


def test_a_key_that_signs_no_notes_is_refused_before_anything_is_made(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "p256.pem"
    other.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    ended = make(place, "--sign", str(other), out="none")
    assert ended.code == 2 and "Ed25519" in ended.err and not (place / "none").exists()
    ended = inside("evidence")
    assert ended.code == 2 and "--out" in ended.err


def test_what_cannot_be_proven_is_told_and_is_no_proof(pack: Path) -> None:
    told = [each.read_text() for each in (pack / "10.2/proofs").glob("*.not-proven.txt")]
    assert len(told) == 2 and all("was decided under policy" in each for each in told)
    assert "2 of the records that were chosen could not be proven" in (pack / "report.html").read_text()


def test_the_same_seed_proves_the_same_records_another_one_others(place: Path, pack: Path) -> None:
    assert make(place, "--seed", "other", out="other").code == 0
    assert make(place, out="again").code == 0
    first, other, again = (
        {file.name for file in (place / name / "10.2/proofs").iterdir()} for name in ("pack", "other", "again")
    )
    assert first == again != other


def test_no_cell_of_others_is_a_formula(pack: Path) -> None:
    seen = set()
    for file in pack.rglob("*.csv"):
        for row in csv.reader(io.StringIO(file.read_text(), newline="")):
            for cell in row:
                assert not cell.lstrip().startswith(("=", "+", "@", "\t", "\r")), (file, cell)
                seen.add(cell)
    assert f"'{HOSTILE}" in seen or any("SUM(1+1)" in cell for cell in seen)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", "\n@x", "\u00a0=1"])
def test_what_a_spreadsheet_would_take_for_a_formula_is_text(text: str) -> None:
    (row,) = [*csv.reader(io.StringIO(as_csv(["a"], [[text]]).decode(), newline=""))][1:]
    assert row == [f"'{text}"]


def test_numbers_times_and_lists_are_themselves() -> None:
    assert as_csv(["a", "b", "c", "d"], [[-1, -0.5, None, ["x", "=y"]]]) == b"a,b,c,d\r\n-1,-0.5,,x; =y\r\n"


def test_a_pack_of_a_changed_export_says_so(place: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", str(place / "export"), str(place / "policy.yaml"), str(tmp_path)], check=True)
    bundle = tmp_path / "export" / AUDIT / "1/tile/entries/001"
    bundle.write_bytes(bundle.read_bytes().replace(b'"released"', b'"rejected"', 1))
    ended = make(tmp_path)
    assert ended.code == 1 and "searched as far as event 0 ALONE" in ended.err
    assert "Not all of the audit is what was sealed." in (tmp_path / "pack/report.html").read_text()


def test_a_directory_that_is_not_empty_and_a_span_that_is_none_are_refused(place: Path, pack: Path) -> None:
    assert "is not empty" in make(place).err
    ended = make(place, "--to", "2026-09-01", out="none")
    assert ended.code == 2 and "nothing lies between" in ended.err and not (place / "none").exists()


def test_the_insiders_of_the_report_are_those_of_the_guarantees() -> None:
    told = (DOCS / "guarantees.md").read_text()
    assert [who for who, _, _ in INSIDERS if who not in told] == []


def test_sums_and_note_are_those_of_the_vector() -> None:
    vector = json.loads((DOCS.parent / "tests/vectors/audit/evidence.json").read_text())
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["seed"]))
    sums = sums_of({name: text.encode() for name, text in vector["files"].items()})
    assert sums.decode() == vector["sums"]
    assert note_over(sums, key).decode() == vector["note"]
    assert str(verifier(key.public_key())) == vector["key"]
