"""Values that are not JSON go through enforcement as JSON ones do."""

from types import SimpleNamespace

import orjson
import panlock_kernel
import pytest

from pipeline.masking.face import REASONS, Masked
from pipeline.masking.formats.format import Malformed, Unwritable
from pipeline.masking.projected import Projected
from pipeline.record import Reason, record_sha256

PAN = "4111111111111111"
KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")


class Upper(SimpleNamespace):
    """A document of the toy format `PAN=<number>`."""

    def write(self, masked: bytes) -> bytes:
        number = orjson.loads(masked)["pan"]
        if number == "[REDACTED:PAN]":
            raise Unwritable("$.pan")
        return b"PAN=" + str(number).encode()


class Toy:
    def read(self, value: bytes) -> Upper:
        name, _, number = value.partition(b"=")
        if name != b"PAN":
            raise Malformed("byte 0")
        return Upper(json=orjson.dumps({"pan": number.decode()}))


def toy(strategy: str = "partial", *hold: str) -> Projected:
    rules = [{"id": f"r{index}", "when": when} for index, when in enumerate(hold)]
    config = {"flow": "payments", "fields": [], "scan": {"pan": strategy}, "rules": rules}
    return Projected(panlock_kernel.Flow(orjson.dumps(config), KEYRING), Toy())


def one(masker: Projected, value: bytes | None, key: bytes | None = None, headers: tuple = ()) -> Masked:
    return masker.enforce("checkout", [key], [value], [headers])[0]


def test_what_is_masked_in_the_projection_is_written_into_the_value() -> None:
    result = one(toy(), b"PAN=" + PAN.encode(), b"k", (("h", b"1"), ("panlock-x", b"2")))
    assert result.value == b"PAN=411111******1111"
    assert result.sha256.decode() == record_sha256(b"k", result.value, (("h", b"1"),))
    assert orjson.loads(result.masking)[0]["path"] == "$.pan"


def test_a_value_in_which_nothing_is_masked_is_the_very_same() -> None:
    value = b"PAN=12"
    result = one(toy(), value)
    assert result.value is value
    assert result.sha256.decode() == record_sha256(None, value, ())


def test_a_tombstone_passes() -> None:
    assert one(toy(), None).value is None


def test_a_value_that_cannot_be_read_is_rejected_alone_and_in_its_place() -> None:
    results = toy().enforce("checkout", [None] * 3, [b"PAN=1", b"what", b"PAN=2"], [(), (), ()])
    assert [result.value for result in results] == [b"PAN=1", None, b"PAN=2"]
    assert (REASONS[-results[1].verdict - 1], results[1].detail) == (Reason.MALFORMED_VALUE, "byte 0")


def test_a_masked_value_that_does_not_fit_is_rejected() -> None:
    result = one(toy("redact"), b"PAN=" + PAN.encode())
    assert (REASONS[-result.verdict - 1], result.detail, result.value) == (Reason.SCHEMA_MISMATCH, "$.pan", None)


def test_hold_rules_see_the_masked_projection_at_once_and_when_a_turn_comes() -> None:
    masker = toy("partial", 'record.pan == "411111******1111"')
    result = one(masker, b"PAN=" + PAN.encode())
    assert result.verdict == 1
    assert masker.assess("checkout", None, result.value, (), result.masking) == (1, None)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_verdict(reason: Reason) -> None:
    assert REASONS.count(reason) == 1
