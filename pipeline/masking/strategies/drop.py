"""The member goes, with its name. An item of an array, or the whole value, is redacted: others would be renumbered."""

from pipeline.masking.strategies.strategy import Strategy

DROP = Strategy(
    name="drop",
    leaves="nothing",
    classes=frozenset({"pan", "sad", "expiry", "name", "iban", "service-code", "pan-part"}),
)
