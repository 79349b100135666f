"""Reading the vectors, and what a verifier says to each."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509

from pipeline.identity.certificates import Certificate, check_chain
from pipeline.identity.envelope import EnvelopeError, Place, content_hash, parse
from pipeline.identity.signature import verify_envelope
from pipeline.record import Reason

HERE = Path(__file__).parent
Case = dict[str, Any]


@cache
def read(name: str) -> Case:
    document: Case = json.loads((HERE / f"{name}.json").read_text())
    return document


def octets(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def headers(case: Case) -> list[tuple[str, bytes | None]]:
    return [(name, octets(content)) for name, content in case["headers"]]


def place(case: Case) -> Place:
    return Place(case["cluster"], bytes.fromhex(case["topic_id"]), case["partition"])


@cache
def roots() -> list[x509.Certificate]:
    return [x509.load_der_x509_certificate(bytes.fromhex(der)) for der in read("certificates")["roots"]]


def chain(name: str) -> list[bytes]:
    return [bytes.fromhex(der) for der in read("certificates")["chains"][name]["certificates"]]


@cache
def certificate(name: str, time: int) -> Certificate:
    found = check_chain(chain(name), roots(), time)
    assert isinstance(found, Certificate), found
    return found


def verdict(case: Case) -> str:
    """A reason code, or "ok"."""
    try:
        envelope = parse(bytes.fromhex(case["envelope"]))
        content = content_hash(bytes.fromhex(case["salt"]), octets(case["key"]), octets(case["value"]), headers(case))
    except EnvelopeError:
        return Reason.ENVELOPE_MALFORMED
    known = certificate(case["chain"], read("certificates")["checks"][0]["time"])
    return verify_envelope(envelope, known, place(case), case["principal"], content) or "ok"
