"""`panlock mask`: one line out for each line in, whatever is in it."""

import io
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.mask import UnknownFlowError, _source, answers, batches
from pipeline.policy import parse_policy

TEXT = """
version: 1
principals:
  checkout: {spiffe: spiffe://pay.example/checkout, identity: header}
  refunds: {spiffe: spiffe://pay.example/refunds}
people:
  ana:
    certificate: ana
    roles: [approvers]
    keys: [{kty: OKP, crv: Ed25519, x: iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w}]
flows:
  payments:
    producers: [checkout, refunds]
    max_message_bytes: 4096
    fields:
      - {path: $.card.number, class: pan, strategy: token}
      - {path: $.card.cvv, class: sad}
    hold:
      - {id: by-refunds, when: 'principal == "refunds"', reason: look, approvers: [approvers]}
      - {id: large, when: record.amount > 5000.0, reason: look, approvers: [approvers]}
"""
POLICY = parse_policy(TEXT, "policy.yaml")
SOURCE = _source(POLICY, "payments", None)


def answer(line: bytes, principal: str | None = None) -> bytes:
    source = SOURCE if principal is None else _source(POLICY, "payments", principal)
    (told,) = answers(source, [line], 4096)
    return told


def test_a_value_of_another_format_comes_out_as_a_string() -> None:
    policy = parse_policy(
        TEXT.replace("producers: [checkout, refunds]\n", "producers: [refunds]\n    format: xml\n"), "p"
    )
    source = _source(policy, "payments", None)
    (told,) = answers(source, [b"<a>4111111111111111</a>"], 4096, spliced=False)
    assert json.loads(told)["value"] == "<a>411111******1111</a>"


def test_a_record_comes_out_masked_with_its_findings() -> None:
    told = json.loads(answer(b'{"card":{"number":"4111111111111111","cvv":"123"},"amount":1}'))
    assert list(told) == ["outcome", "value", "findings", "reason"]
    assert told["outcome"] == "released"
    assert told["value"]["card"]["number"].startswith("tok_try_")
    assert "cvv" not in told["value"]["card"]
    assert [finding["path"] for finding in told["findings"]] == ["$.card.number", "$.card.cvv"]
    assert told["reason"] is None


def test_what_is_not_masked_is_spliced_in_byte_for_byte() -> None:
    line = b'{ "amount":1.10,  "n":123456789012345678901234567890, "s":"\\u0041\xc3\xa9" }\r'
    assert answer(line).startswith(b'{"outcome":"released","value":' + line + b',"findings":[]')


def test_a_held_record_names_the_rule_that_holds_it() -> None:
    told = json.loads(answer(b'{"amount":7000}'))
    assert (told["outcome"], told["reason"], told["value"]) == ("held", "large", {"amount": 7000})
    assert json.loads(answer(b'{"amount":1}', "refunds"))["reason"] == "by-refunds"


def test_a_rule_that_fails_holds() -> None:
    told = json.loads(answer(b'{"amount":"much"}'))
    assert (told["outcome"], told["reason"]) == ("held", "rule-error")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "malformed-json"),
        (b"   ", "malformed-json"),
        (b"nonsense", "malformed-json"),
        (b'{"a":1,"a":2}', "duplicate-key"),
        (b'{"a":"\xff"}', "invalid-utf8"),
        (b'{"a":1} x', "trailing-bytes"),
        (b"[" * 2000, "too-deep"),
        (b'{"card":{"number":{}}}', "field-type"),
        (b'{"a":"' + b"x" * 5000 + b'"}', "too-large"),
    ],
    ids=str,
)
def test_what_is_rejected_says_why_and_shows_nothing(line: bytes, reason: str) -> None:
    assert json.loads(answer(line)) == {"outcome": "rejected", "value": None, "findings": [], "reason": reason}


def test_a_line_that_is_too_long_does_not_shift_the_others() -> None:
    told = [json.loads(each) for each in answers(SOURCE, [b"1", b'"' + b"x" * 5000 + b'"', b"2"], 4096)]
    assert [each["value"] for each in told] == [1, None, 2]


def test_findings_beyond_a_hundred_are_counted() -> None:
    numbers = ",".join(f'"{n}"' for n in ["4111111111111111"] * 130)
    told = json.loads(answer(b'{"amount":1,"n":[' + numbers.encode() + b"]}"))
    assert len(told["findings"]) == 100
    assert told["findings_more"] == {"pan": 30}


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=20))
def test_every_line_gets_one_line(lines: list[bytes]) -> None:
    told = list(answers(SOURCE, lines, 4096))
    assert len(told) == len(lines)
    for each in told:
        assert each.count(b"\n") == 1
        assert set(json.loads(each)) == {"outcome", "value", "findings", "reason"}


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20), st.booleans())
def test_a_stream_is_cut_at_its_line_feeds_wherever_its_chunks_end(lines: list[bytes], ended: bool) -> None:
    text = b"\n".join(lines) + (b"\n" if ended and lines else b"")

    class Trickle(io.BytesIO):
        def read1(self, size: int = -1) -> bytes:
            return super().read1(3)

    wanted = text.split(b"\n")
    if wanted[-1] == b"":
        wanted.pop()
    assert [line for batch in batches(Trickle(text)) for line in batch] == wanted


@pytest.mark.parametrize(("flow", "principal"), [("orders", None), ("payments", "ledger")])
def test_an_unknown_flow_or_producer_is_told_with_those_there_are(flow: str, principal: str | None) -> None:
    with pytest.raises(UnknownFlowError, match=r"payments|checkout, refunds"):
        _source(POLICY, flow, principal)


def test_answers_come_as_the_lines_do() -> None:
    """A program that asks line by line is not left waiting for a batch to fill."""
    policy = Path(__file__).parents[1] / "vectors/decision/policy.yaml"
    command = [sys.executable, "-m", "cli", "mask", "--policy", str(policy), "--flow", "payments"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        for number in range(3):
            process.stdin.write(b'{"n":%d}\n' % number)
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 30)[0]
            assert json.loads(process.stdout.readline())["value"] == {"n": number}
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_format_with_schemas_takes_them_from_where_it_is_told(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        TEXT.replace("producers: [checkout, refunds]\n", "producers: [refunds]\n    format: avro\n")
        .replace("$.card.number", "$.pan")
        .replace("      - {path: $.card.cvv, class: sad}\n", "")
    )
    (tmp_path / "7.avsc").write_text(
        '{"type":"record","name":"P","fields":[{"name":"pan","type":"string"},{"name":"amount","type":"double"}]}'
    )
    value = b"\x00\x00\x00\x00\x07\x20" + b"4111111111111111" + bytes(8)
    command = [sys.executable, "-m", "cli", "mask", "--policy", str(policy), "--flow", "payments"]
    done = subprocess.run([*command, "--schemas", str(tmp_path)], input=value, capture_output=True, check=True)
    told = json.loads(done.stdout)
    assert (told["outcome"], told["findings"][0]["path"]) == ("held", "$.pan")
    without = subprocess.run(command, input=value, capture_output=True, check=False)
    assert (without.returncode, without.stdout) == (2, b"")
    assert b"name a directory or a registry under `schemas:`" in without.stderr
