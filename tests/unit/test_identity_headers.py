"""Identity headers: present once and right, or refused."""

import pytest

from pipeline.identity.headers import verify
from pipeline.record import Reason


@pytest.mark.parametrize("mode", ["broker", "header"])
def test_the_owners_name_once_passes(mode: str) -> None:
    assert verify("checkout", mode, (("trace", b"1"), ("panlock-identity", b"checkout"))) is None


def test_without_a_header_the_brokers_acl_is_enough_where_the_policy_says_so() -> None:
    assert verify("checkout", "broker", (("trace", b"checkout"),)) is None


def test_without_a_header_the_record_is_rejected_where_the_policy_wants_one() -> None:
    assert verify("checkout", "header", (("trace", b"checkout"),)) is Reason.IDENTITY_MISSING


@pytest.mark.parametrize("mode", ["broker", "header"])
@pytest.mark.parametrize("content", [b"refunds", b"Checkout", b"checkout ", b"checkout\x00", b"", b"\xff\xfe", None])
def test_anything_but_the_owners_name_is_a_mismatch(mode: str, content: bytes | None) -> None:
    assert verify("checkout", mode, (("panlock-identity", content),)) is Reason.IDENTITY_MISMATCH


@pytest.mark.parametrize("second", [b"checkout", b"refunds", None])
def test_twice_is_refused_even_where_both_agree(second: bytes | None) -> None:
    headers = (("panlock-identity", b"checkout"), ("trace", b"1"), ("panlock-identity", second))
    assert verify("checkout", "broker", headers) is Reason.IDENTITY_DUPLICATE
