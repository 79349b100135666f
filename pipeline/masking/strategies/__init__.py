"""What can be done to a class of data: one table. A new strategy is a file here, and an arm in
kernel/src/strategy.rs."""

from types import MappingProxyType

from pipeline.errors import PanlockError
from pipeline.masking.strategies.drop import DROP
from pipeline.masking.strategies.encrypt import ENCRYPT
from pipeline.masking.strategies.fpe import FPE
from pipeline.masking.strategies.partial import PARTIAL
from pipeline.masking.strategies.redact import REDACT
from pipeline.masking.strategies.strategy import Strategy
from pipeline.masking.strategies.token import TOKEN

__all__ = ["CLASSES", "CLEAR", "DEFAULTS", "STRATEGIES", "Strategy", "StrategyError", "allowed", "strategy_of"]

STRATEGIES = MappingProxyType({each.name: each for each in (DROP, REDACT, PARTIAL, TOKEN, FPE, ENCRYPT)})

CLEAR = "clear"  # declared, and left to the scan: it takes no strategy
DEFAULTS = MappingProxyType(
    {
        "pan": "token",
        "sad": "drop",  # never kept in any form (PCI DSS v4.0.1 3.3.1)
        "expiry": "redact",
        "name": "redact",
        "iban": "partial",
        "service-code": "redact",
        "pan-part": "partial",
    }
)
CLASSES = (*DEFAULTS, CLEAR)


class StrategyError(PanlockError):
    """A strategy that the class of data does not allow."""


def allowed(class_: str) -> tuple[str, ...]:
    """The strategies for a class."""
    return tuple(name for name, strategy in STRATEGIES.items() if class_ in strategy.classes)


def strategy_of(class_: str, strategy: str | None) -> str | None:
    """The strategy of a field rule, or its class's default; None for class clear. Raises StrategyError."""
    if class_ not in CLASSES:
        raise StrategyError(f"class {class_!r} is unknown: use {', '.join(CLASSES)}")
    if strategy is None:
        return DEFAULTS.get(class_)
    names = allowed(class_)
    if strategy not in names:
        use = f"use {', '.join(names)}" if names else "leave it out"
        raise StrategyError(f"strategy {strategy!r} is not for class {class_}: {use}")
    return strategy
