"""What may be done to which class of data, and where fallbacks belong."""

from collections.abc import Iterator

from pipeline.masking.strategies import CLASSES, CLEAR, STRATEGIES, allowed
from pipeline.policy.document import Cursor
from pipeline.policy.problems import Problem, quote


def check_strategies(root: Cursor) -> Iterator[Problem]:
    """Sensitive authentication data is never kept, in no form (PCI DSS v4.0.1 3.3.1)."""
    for _, flow in root.at("flows").members():
        for rule in flow.at("fields").elements():
            class_ = rule.at("class").text
            if class_ not in CLASSES:
                continue  # the model says so
            if class_ == "pan" and rule.at("strategy").data is None:
                yield rule.at("strategy").problem("is missing", f"say {_either(allowed('pan'))}")
            yield from _check_strategy(rule.at("strategy"), class_)
            yield from _check_fallback(rule, class_)
            if class_ == CLEAR and rule.at("joined").data is True:
                yield rule.at("joined").problem("is for what is masked, and class clear is not", "leave it out")
        for name, place in flow.at("scan").members():
            if name in CLASSES:
                yield from _check_strategy(place, name)


def _check_strategy(place: Cursor, class_: str) -> Iterator[Problem]:
    strategy, names = place.text, allowed(class_)
    if strategy not in STRATEGIES:
        return
    if strategy in names:
        return
    if class_ == "sad":
        yield place.problem(
            f"{quote(strategy)} would keep sensitive authentication data (PCI DSS 3.3.1)", f"use {_either(names)}"
        )
    elif class_ == CLEAR:
        yield place.problem("is for what is masked, and class clear is not", "leave it out")
    else:
        yield place.problem(f"{quote(strategy)} is not for class {class_}", f"use {_either(names)}")


def _check_fallback(rule: Cursor, class_: str) -> Iterator[Problem]:
    fallback = rule.at("fallback")
    if fallback.data is None:
        return
    if rule.at("strategy").text != "fpe":
        yield fallback.problem("is for strategy fpe alone: no other depends on the value", "leave it out")
    elif fallback.text == "fpe":
        yield fallback.problem("`fpe` cannot stand in for itself", "use token, partial, redact, drop or encrypt")
    else:
        yield from _check_strategy(fallback, class_)


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
