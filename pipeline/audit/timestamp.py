"""Time stamps (RFC 3161) of manifests: an authority that is nobody's here says that a manifest was there by a time.

What is stamped are the bytes of the manifest's note, signature and all, with SHA-256. What is kept is the authority's
whole answer, a TimeStampResp in DER: `openssl ts -verify -data manifest -in stamp.tsr -CAfile authority.pem` reads it.
The record's key is `timestamp/<the manifest's time>`, and its header `panlock-manifest` the manifest's note.
"""

import datetime
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from pipeline.errors import PanlockError

KEY_PREFIX = b"timestamp/"
MANIFEST = "panlock-manifest"  # header
REQUEST_TYPE, ANSWER_TYPE = "application/timestamp-query", "application/timestamp-reply"
LARGEST = 64 << 10  # bytes of an answer; with its chain of certificates it has about 6 KB


def stamp_path(time: str) -> str:
    """Of the stamp of a manifest of that time, in an export: the answer alone, for the manifest lies beside it."""
    return f"timestamps/{time}.tsr"


class TimestampError(PanlockError):
    """No time stamp of this manifest by one of the authorities that count."""


class Stamped(NamedTuple):
    """`time`: of the manifest, as it has it; `note`: the manifest; `response`: TimeStampResp, DER."""

    time: str
    note: bytes
    response: bytes

    @property
    def key(self) -> bytes:
        return KEY_PREFIX + self.time.encode()


def authorities_of(pems: Sequence[bytes]) -> list[Certificate]:
    """Raises TimestampError."""
    try:
        return [each for pem in pems for each in load_pem_x509_certificates(pem)]
    except ValueError:
        raise TimestampError("a file of audit.timestamp_authorities is no certificate in PEM") from None


def stamp_request(note: bytes) -> TimeStampRequest:
    """With a nonce, and for the authority's certificates."""
    return TimestampRequestBuilder().data(note).hash_algorithm(HashAlgorithm.SHA256).build()


def check_answer(note: bytes, request: TimeStampRequest, answer: bytes, authorities: Sequence[Certificate]) -> None:
    """That it answers this request. Raises TimestampError."""
    _verify(VerifierBuilder.from_request(request), note, answer, authorities)


def stamped_at(note: bytes, response: bytes, authorities: Sequence[Certificate]) -> datetime.datetime:
    """When the authority had the note, in UTC; its certificates must have been valid then. Raises TimestampError."""
    found = _verify(VerifierBuilder(), note, response, authorities)
    return found.tst_info.gen_time.astimezone(datetime.UTC)


def _verify(
    builder: VerifierBuilder, note: bytes, response: bytes, authorities: Sequence[Certificate]
) -> TimeStampResponse:
    if not authorities:
        raise TimestampError("nobody says whose time stamps count: name files in audit.timestamp_authorities")
    for each in authorities:
        builder = builder.add_root_certificate(each)
    try:
        found = decode_timestamp_response(response)
        builder.build().verify_message(found, note)
    except (VerificationError, ValueError) as error:
        why = str(error).partition(": ErrorStack")[0]
        raise TimestampError(f"not a time stamp of this manifest by an authority that counts: {why}") from error
    return found
