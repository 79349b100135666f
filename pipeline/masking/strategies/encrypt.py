"""Authenticated encryption (AES-256-GCM-SIV): whoever has the key, and the role, reads it with `panlock reveal`.

It remains cardholder data.
"""

from pipeline.masking.strategies.strategy import Strategy

ENCRYPT = Strategy(
    name="encrypt",
    leaves="enc_<key id>_<base64url>",
    classes=frozenset({"pan", "expiry", "name", "iban", "service-code", "pan-part"}),
    keyed=True,
    keeps=True,
)
