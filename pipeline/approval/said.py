"""What people write as their reason: it goes into the audit for good, so it is bounded, printable, and masked.

Somebody will paste a card number into it. The command line refuses that before anything is signed; a lane that reads
such a message from another client masks it.
"""

import unicodedata

import orjson
from panlock_kernel import Flow, Keyring

FRESH_MS = 15 * 60_000  # from the signature to the broker's time
AHEAD_MS = 60_000  # how far a person's clock may be ahead
MAX_CHARACTERS = 500
_NO_KEY = Keyring({"none": bytes(32)}, "none")  # redacting uses none
_SCAN = Flow(b'{"fields":[],"scan":"redact","rules":[]}', _NO_KEY)


def printable(text: str) -> bool:
    """Whether it is 1 to 500 characters, not blank, without controls or reordering that a terminal would obey."""
    if not text.strip() or len(text) > MAX_CHARACTERS:
        return False
    return all(letter.isprintable() or unicodedata.category(letter) == "Zs" for letter in text)


def masked(text: str) -> str:
    """The text without card numbers."""
    result = _SCAN.enforce("", [None], [orjson.dumps({"said": text})], [()])[0]
    return str(orjson.loads(result[3] or b"")["said"])


def is_fresh(iat: int, received: int) -> bool:
    """Whether a message of `iat` (seconds) came to the broker (ms) soon after: later, it is a copy."""
    return -AHEAD_MS <= received - iat * 1000 <= FRESH_MS
