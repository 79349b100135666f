"""Time stamps by the development authority, which is openssl: what counts, and what does not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.dev.tsa import answer, make_authority
from pipeline.audit.timestamp import TimestampError, authorities_of, check_answer, stamp_request, stamped_at

NOTE = b"panlock-manifest-v1\nc\n2026-11-24T04:08:00.123Z\n\n\xe2\x80\x94 panlock-sealer AAAA\n"


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tsa")
    make_authority(directory)
    return directory


def authority(directory: Path) -> list:
    return authorities_of([(directory / "ca.pem").read_bytes()])


def test_a_stamp_says_when_a_manifest_was_there(tsa: Path) -> None:
    request = stamp_request(NOTE)
    stamp = answer(tsa, request.as_bytes())
    check_answer(NOTE, request, stamp, authority(tsa))
    assert abs((datetime.now(UTC) - stamped_at(NOTE, stamp, authority(tsa))).total_seconds()) < 60
    # the authority's own certificate may be named, too
    stamped_at(NOTE, stamp, authorities_of([(tsa / "tsa.pem").read_bytes(), (tsa / "ca.pem").read_bytes()]))


def test_a_stamp_counts_for_its_manifest_its_request_and_its_authority_alone(tsa: Path, tmp_path: Path) -> None:
    stamp = answer(tsa, stamp_request(NOTE).as_bytes())
    make_authority(tmp_path)
    for wrong in (
        lambda: stamped_at(NOTE + b"x", stamp, authority(tsa)),
        lambda: stamped_at(NOTE, stamp, authority(tmp_path)),
        lambda: stamped_at(NOTE, stamp, []),
        lambda: stamped_at(NOTE, stamp[:-9] + bytes(9), authority(tsa)),
        lambda: check_answer(NOTE, stamp_request(NOTE), stamp, authority(tsa)),
    ):
        with pytest.raises(TimestampError):
            wrong()


@pytest.mark.parametrize("raw", [b"", b"\x30", b"junk", bytes(100)])
def test_no_stamp_is_refused(tsa: Path, raw: bytes) -> None:
    with pytest.raises(TimestampError, match="not a time stamp"):
        stamped_at(NOTE, raw, authority(tsa))


def test_an_authority_that_refuses_has_stamped_nothing(tsa: Path) -> None:
    refused = answer(tsa, b"\x30\x03\x02\x01\x01")
    with pytest.raises(TimestampError):
        stamped_at(NOTE, refused, authority(tsa))


def test_a_file_that_is_no_certificate_is_told() -> None:
    with pytest.raises(TimestampError, match="no certificate in PEM"):
        authorities_of([b"junk"])
