"""One certificate, one duty: what a CN may do on the broker is the sum of all places that name it."""

from collections.abc import Iterator

from pipeline.policy.document import Cursor
from pipeline.policy.models import Roles
from pipeline.policy.problems import Problem, quote

Held = dict[str, list[tuple[str, Cursor]]]  # CN -> (duty, where the policy gives it)

# Pairs of duties that one certificate may have. A producer may not read clean topics: whoever writes card numbers and
# sees what becomes of them has an oracle for tokens.
_TOGETHER = {
    frozenset(pair)
    for pair in (
        ("consumer", "auditor"),
        ("consumer", "operator"),
        ("consumer", "person"),
        ("consumer", "approver"),
        ("operator", "person"),
        ("operator", "approver"),
        ("auditor", "person"),
    )
}


def check_certificates(root: Cursor) -> Iterator[Problem]:
    held = _duties(root)
    for name, duties in held.items():
        for index, (duty, place) in enumerate(duties):
            clash = next((other for other in duties[:index] if not _may_share(other[0], duty)), None)
            if clash is not None:
                yield place.problem(
                    f"{quote(name)} would be {_a(clash[0])} (line {clash[1].line}) and {_a(duty)} with one certificate",
                    "issue a second certificate with a CN of its own",
                )
    yield from _check_prefixes(root, held)


def _may_share(duty: str, other: str) -> bool:
    if duty == other:  # named twice for the same; two people with one certificate could not be told apart
        return duty not in ("person", "approver")
    return frozenset((duty, other)) in _TOGETHER


def _duties(root: Cursor) -> Held:
    held: Held = {}
    for name, principal in root.at("principals").members():
        held.setdefault(name, []).append(("principal", principal))
    roles = root.at("roles")
    for key, field in Roles.model_fields.items():
        _add(held, key.removesuffix("s"), roles.at(key), field.default)
    deciding = set(root.at("policy_approvers", "roles").texts())
    deciding |= {role for _, flow in root.at("flows").members() for role in _deciding(flow)}
    for _, person in root.at("people").members():
        duty = "approver" if deciding & set(person.at("roles").texts()) else "person"
        place = person.at("certificate")
        if place.text is not None:
            held.setdefault(place.text, []).append((duty, place))
    for _, flow in root.at("flows").members():
        _add(held, "consumer", flow.at("consumers"), ())
    return held


def _add(held: Held, duty: str, place: Cursor, defaults: tuple[str, ...]) -> None:
    for name in defaults if place.data is None else ():
        held.setdefault(name, []).append((duty, place))
    for element in place.elements():
        if element.text is not None:
            held.setdefault(element.text, []).append((duty, element))


def _deciding(flow: Cursor) -> Iterator[str]:
    for rule in flow.at("hold").elements():
        yield from rule.at("approvers").texts()


def _a(duty: str) -> str:
    return f"{'an' if duty[0] in 'aeiou' else 'a'} {duty}"


def _check_prefixes(root: Cursor, held: Held) -> Iterator[Problem]:
    """Everyone may use the consumer groups that begin with their CN; the workers' group must be none of them."""
    application = root.at("application").text or "panlock"
    for name, duties in held.items():
        if application.startswith(name) and any(duty != "worker" for duty, _ in duties):
            duty, place = duties[0]
            yield place.problem(
                f"{quote(name)} begins the application {quote(application)}: {_a(duty)} could join the workers' group",
                "rename the application or the certificate",
            )
