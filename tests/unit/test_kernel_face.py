"""What the kernel takes and gives, its configuration errors, and what a panic comes to."""

import json
import subprocess
import sys
import threading

import panlock_kernel
import pytest

from pipeline.record import Reason, record_sha256

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")
PAN = b"4111111111111111"


def flow(**config: object) -> panlock_kernel.Flow:
    return panlock_kernel.Flow(json.dumps(config).encode(), KEYRING)


def one(kernel: panlock_kernel.Flow, value: bytes | None, key: bytes | None = None, headers: tuple = ()) -> tuple:
    return kernel.enforce("checkout", [key], [value], [headers])[0]


def test_what_does_not_change_is_the_very_object_given() -> None:
    key, value = b"order-17", b'{"amount": 12}'
    verdict, detail, same_key, same_value, headers, masking, more, _ = one(flow(), value, key, (("a", b"1"),))
    assert same_key is key
    assert same_value is value
    assert (verdict, detail, headers, masking, more) == (0, None, None, b"[]", None)


def test_the_hash_is_the_masked_records_hash() -> None:
    headers = (("a", b"1"), ("panlock-identity", b"checkout"), ("a", None), ("pan", PAN))
    _, _, key, value, kept, _, _, sha256 = one(flow(), b'{"pan":"4111111111111111"}', b"k-" + PAN, headers)
    assert sha256.decode() == record_sha256(key, value, kept)
    _, _, _, _, _, _, _, tombstone = one(flow(), None, None, ())
    assert tombstone.decode() == record_sha256(None, None, ())


def test_a_tombstone_passes_with_its_key_masked_and_is_never_held() -> None:
    verdict, _, key, value, _, masking, _, _ = one(flow(rules=[{"id": "all", "when": "true || record.x"}]), None, PAN)
    assert (verdict, value) == (0, None)
    assert key.startswith(b"tok_k1_")
    assert json.loads(masking) == [{"by": "scan", "class": "pan", "key": "k1", "path": "key", "strategy": "token"}]


def test_headers_keep_order_duplicates_and_nulls_and_lose_the_producers_own_panlock_ones() -> None:
    headers = (("b", b"2"), ("panlock-record-id", b"forged"), ("a", None), ("b", b"3"), ("panlock-", b""))
    assert one(flow(), b"1", None, headers)[4] == (("b", b"2"), ("a", None), ("b", b"3"))
    assert one(flow(), b"1", None, (("panlock-x", b""),))[4] == ()


def test_card_data_in_a_header_name_rejects_the_record() -> None:
    verdict, place, *rest = one(flow(), b"1", None, (("x-4111 1111 1111 1111", b""),))
    assert (panlock_kernel.REJECTIONS[-verdict - 1], place) == ("header-name", "header")
    assert rest == [None, None, None, b"[]", None, b""]


def test_a_header_with_a_card_number_is_masked_or_by_drop_left_out() -> None:
    headers = (("a", b"1"), ("pan", b"card " + PAN), ("z", b"2"))
    assert one(flow(), b"1", None, headers)[4] == (("a", b"1"), ("pan", b"card 411111******1111"), ("z", b"2"))
    assert one(flow(scan="drop"), b"1", None, headers)[4] == (("a", b"1"), ("z", b"2"))


def test_keys_and_headers_that_are_no_text_are_scanned_as_bytes() -> None:
    _, _, key, _, headers, _, _, _ = one(flow(scan="redact"), b"1", b"\xff" + PAN + b"\xfe", (("a", b"\x00" + PAN),))
    assert key.startswith(b"\xfftok_k1_")
    assert key.endswith(b"\xfe")
    assert headers == (("a", b"\x00[REDACTED:PAN]"),)


def test_a_record_key_gets_tokens_whatever_the_scan_does() -> None:
    keys = {one(flow(scan=scan), b"1", PAN)[2] for scan in ("drop", "redact", "partial", "token")}
    assert len(keys) == 1
    assert keys.pop().startswith(b"tok_k1_")


def test_a_chunk_gives_one_result_a_record_in_order() -> None:
    values = [b"1", b"oops", None, b'"4111111111111111"']
    results = flow().enforce("checkout", [None] * 4, values, [()] * 4)
    assert [verdict for verdict, *_ in results] == [0, -1, 0, 0]
    assert results[3][3] == b'"411111******1111"'
    with pytest.raises(ValueError, match="as many"):
        flow().enforce("checkout", [None], values, [()] * 4)


def test_every_rejection_is_a_reason_of_the_record() -> None:
    assert set(panlock_kernel.REJECTIONS) <= set(Reason)


def test_findings_beyond_a_hundred_are_counted_by_class() -> None:
    kernel = flow(fields=[{"path": "$.cvv[*]", "class": "sad", "strategy": "redact"}])
    value = json.dumps({"pans": [PAN.decode()] * 103, "cvv": ["123", "456"]}).encode()
    _, _, _, _, _, masking, more, _ = one(kernel, value)
    assert len(json.loads(masking)) == 100
    assert more == b'{"pan":3,"sad":2}'


@pytest.mark.parametrize(
    ("keys", "active", "what"),
    [
        ({"k1": b"short"}, "k1", "32 random bytes"),
        ({"K1": b"1" * 32}, "K1", "a-z and 0-9"),
        ({"": b"1" * 32}, "", "a-z and 0-9"),
        ({"k" * 17: b"1" * 32}, "k" * 17, "1 to 16"),
        ({"k1": b"1" * 32}, "k2", "not among the keys"),
    ],
)
def test_a_wrong_keyring_is_refused_with_what_to_do(keys: dict[str, bytes], active: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        panlock_kernel.Keyring(keys, active)


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"fields": [{"path": "card", "class": "pan", "strategy": "token"}]}, r"start with \$"),
        ({"fields": [{"path": "$.cvv", "class": "sad", "strategy": "token"}]}, "never kept"),
        ({"fields": [{"path": "$.cvv", "class": "sad", "strategy": "redact", "fallback": "token"}]}, "never kept"),
        ({"fields": [{"path": "$.a", "class": "pan", "strategy": "hash"}]}, "unknown variant"),
        ({"fields": [{"path": "$.a", "class": "pan"}]}, "strategy is missing"),
        ({"fields": [{"path": "$.a", "class": "clear", "strategy": "drop"}]}, "takes no strategy"),
        ({"fields": [{"path": "$.a", "class": "pan", "strategy": "token", "domain": "d"}]}, "not declared"),
        ({"domains": {"d": {"key": "k9"}}, "scan": {"domain": "d"}}, "k9.*add it"),
        ({"domains": {"d": {"key": "k1", "previous": "k9"}}, "scan": {"domain": "d"}}, "k9.*masked again"),
        ({"scan": {"key": "partial"}}, "takes token or fpe"),
        ({"scan": {"pans": "token"}}, "unknown field"),
        ({"rules": [{"id": "r1", "when": "amount > 1"}]}, "r1.*record.amount"),
        ({"scans": "partial"}, "unknown field"),
    ],
)
def test_a_wrong_flow_is_refused_with_what_to_do(config: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        flow(**config)


def test_a_panic_is_an_exception_without_the_record_in_it() -> None:
    kernel = flow(panic_on="boom")
    with pytest.raises(panlock_kernel.KernelPanic) as caught:
        kernel.enforce("checkout", [None, None], [b"1", b'"boom 4111111111111111"'], [(), ()])
    assert isinstance(caught.value, Exception)
    assert "boom" not in str(caught.value)
    assert one(kernel, b'"fine"')[0] == 0


def test_a_panic_prints_its_place_and_nothing_of_the_record() -> None:
    script = (
        "import panlock_kernel as k\n"
        "flow = k.Flow(b'{\"panic_on\": \"boom\"}', k.Keyring({'k1': b'1' * 32}, 'k1'))\n"
        "try: flow.enforce('p', [None], [b'boom 4111'], [()])\n"
        "except k.KernelPanic: print('caught')\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "caught\n"
    assert result.stderr.startswith("panlock-kernel: panic at ")
    assert "4111" not in result.stderr
    assert "boom" not in result.stderr


def test_threads_share_one_flow() -> None:
    kernel = flow()
    values: list[bytes | None] = [b'"4111111111111111"'] * 500
    results: list[list] = []
    threads = [
        threading.Thread(target=lambda: results.append(kernel.enforce("p", [None] * 500, values, [()] * 500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(result[3] == b'"411111******1111"' for chunk in results for result in chunk)


@pytest.mark.parametrize("path", ["$", "$.a.b", "$.a[*].b", "$..cvv", '$["card-number"]', "$..a[*]..b"])
def test_paths_of_the_subset_are_taken(path: str) -> None:
    panlock_kernel.check_path(path)


@pytest.mark.parametrize("path", ["", "a", "$.", "$.a[0]", "$.*", "$.a[?(@.b)]", "$[a]", "$.a b", "$" + ".a" * 600])
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"\$|name|supported|bytes"):
        panlock_kernel.check_path(path)
