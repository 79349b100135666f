"""What leaves quarantine of a signed record is no oracle for its card number (PCI DSS 3.5.1.1)."""

import hashlib
import itertools
from collections.abc import Iterator

from pipeline.identity.envelope import ENVELOPE, SALT, Place, content_hash, head_bytes, leaf_hash, parse
from pipeline.identity.merkle import node_hash
from pipeline.identity.signer import Draft, Signer
from tests.vectors.envelope.material import key
from tests.vectors.envelope.reading import chain

PAN = b"4111111111111111"
TEMPLATE = b'{"order":17,"card":{"number":"%s"},"amount":12.5}'
PLACE, STREAM = Place("cluster", bytes(16), 0), hashlib.sha256(b"stream").digest()[:16]
SALTS = [hashlib.sha256(bytes([number])).digest()[:16] for number in range(3)]


def told() -> tuple[bytes, bytes, bytes]:
    """(envelope, content, salt) of the middle record of three; events hold the former two, never the last."""
    values = [b'{"order":16}', TEMPLATE % PAN, b'{"order":18}']
    drafts = [Draft(PLACE, STREAM, at, 1_000, SALTS[at], b"17", value, []) for at, value in enumerate(values)]
    headers = dict(Signer(key("ed25519"), chain("ed25519"), "checkout").sign_batch(drafts)[1])
    return headers[ENVELOPE], content_hash(SALTS[1], b"17", values[1], []), headers[SALT]


def guesses(envelope: bytes, content: bytes, value: bytes) -> Iterator[bytes]:
    """Everything that somebody who knows the record but its salt can hash: with all that the proof says as salt."""
    parsed = parse(envelope)
    known = [bytes(16), parsed.head.stream, parsed.head.certificate[:16], content[:16], content[16:]]
    known += [step[half : half + 16] for step in parsed.path for half in (0, 16)]
    known += [envelope[at : at + 16] for at in range(len(envelope) - 15)]
    for salt in known:
        guess = content_hash(salt, b"17", value, [])
        yield guess
        leaf = leaf_hash(PLACE, "checkout", head_bytes(envelope), guess)
        yield leaf
        yield from (node_hash(*pair) for step in parsed.path for pair in ((leaf, step), (step, leaf)))
    yield hashlib.sha256(value).digest()
    yield hashlib.sha256(b"panlock-content-v1" + value).digest()


def test_a_known_card_number_cannot_be_confirmed_from_event_and_proof() -> None:
    envelope, content, salt = told()
    public = envelope + content
    assert salt not in public
    for candidate in (PAN, b"4111111111111129"):
        for guess in guesses(envelope, content, TEMPLATE % candidate):
            assert guess not in public, "the record's hash can be guessed without its salt"


def test_with_the_salt_it_could_be_confirmed_which_is_why_the_salt_never_leaves() -> None:
    _, content, salt = told()
    found = [
        last
        for last in itertools.product(b"0123456789", repeat=3)
        if content_hash(salt, b"17", TEMPLATE % (PAN[:13] + bytes(last)), []) == content
    ]
    assert [bytes(each) for each in found] == [PAN[13:]]


def test_equal_records_have_unequal_hashes() -> None:
    assert len({content_hash(salt, b"17", TEMPLATE % PAN, []) for salt in SALTS}) == len(SALTS)
