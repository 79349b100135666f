from dataclasses import dataclass
from types import SimpleNamespace

import panlock_kernel
import pytest

from pipeline.masking.face import Masked, kernel_flow
from pipeline.masking.strategies import CLASSES, STRATEGIES, StrategyError, allowed, strategy_of

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")


@dataclass(frozen=True)
class Rule:
    path: str
    class_: str
    strategy: str | None
    domain: str = "default"
    fallback: str | None = None
    joined: bool = False


POLICY = SimpleNamespace(token_domains={}, truncation="6+4")


def compiled(flow: SimpleNamespace, *, panic_on: str | None = None) -> panlock_kernel.Flow:
    return kernel_flow("payments", flow, POLICY, KEYRING, panic_on=panic_on)


def flow(*fields: Rule, scan: str = "redact", hold: tuple = ()) -> SimpleNamespace:
    found = SimpleNamespace(pan=scan, sad="redact", iban="off", key="token", domain="default")
    return SimpleNamespace(fields=fields, scan=found, hold=hold, allow=(), closed=False, format="json")


def enforce(kernel: panlock_kernel.Flow, value: bytes) -> Masked:
    return Masked(*kernel.enforce("checkout", [None], [value], [()])[0])


def test_a_policys_flow_is_what_the_kernel_enforces() -> None:
    rules = (Rule("$.pan", "pan", "partial"), Rule("$.cvv", "sad", None))
    held = (SimpleNamespace(id="large", when="record.amount > 5.0"),)
    kernel = compiled(flow(*rules, hold=held))
    result = enforce(kernel, b'{"pan":"4111111111111111","cvv":"123","note":"5555555555554444","amount":9}')
    assert result.value == b'{"pan":"411111******1111","note":"[REDACTED:PAN]","amount":9}'
    assert (result.verdict, result.detail) == (1, None)


def test_results_have_the_names_of_masked() -> None:
    result = enforce(compiled(flow()), b"{")
    assert result == Masked(-1, "byte 1", None, None, None, b"[]", None, b"")


def test_a_panic_can_be_asked_for() -> None:
    with pytest.raises(panlock_kernel.KernelPanic):
        enforce(compiled(flow(), panic_on="boom"), b'"boom"')


def test_every_strategy_of_the_table_is_one_of_the_kernels() -> None:
    for class_ in CLASSES:
        for strategy in allowed(class_) or (None,):
            compiled(flow(Rule("$.a", class_, strategy)))


def test_every_strategy_is_named_as_its_table_names_it() -> None:
    assert all(strategy.name == name and strategy.classes <= set(CLASSES) for name, strategy in STRATEGIES.items())


def test_sensitive_authentication_data_is_never_kept() -> None:
    assert strategy_of("sad", None) == "drop"
    for strategy in ("token", "partial", "encrypt"):
        with pytest.raises(StrategyError, match="drop, redact"):
            strategy_of("sad", strategy)
    with pytest.raises(StrategyError, match="pan, sad"):
        strategy_of("pin", "drop")
