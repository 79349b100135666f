"""Token domains: declared before they are named, and rotated in the open."""

from collections.abc import Iterator

from pipeline.policy.document import Cursor
from pipeline.policy.models import DEFAULT_DOMAIN
from pipeline.policy.problems import Problem, quote


def check_domains(root: Cursor) -> Iterator[Problem]:
    """Every domain that is named is declared, its previous key is another, and a dual one has it."""
    declared = {name for name, _ in root.at("token_domains").members()}
    for _, domain in root.at("token_domains").members():
        previous = domain.at("previous")
        if previous.text is not None and previous.text == domain.at("key").text:
            yield previous.problem("is the same key", "name the key before it, or leave it out")
        if domain.at("dual").data is True and previous.data is None:
            yield domain.at("dual").problem(
                "needs two keys, and there is no `previous`", "name it, or leave `dual` out"
            )
    for _, flow in root.at("flows").members():
        for holder in (*flow.at("fields").elements(), flow.at("scan")):
            place = holder.at("domain")
            if place.text is not None and place.text not in (*declared, DEFAULT_DOMAIN):
                yield place.problem(f"{quote(place.text)} is no token domain", "declare it under token_domains")


def check_rotations(root: Cursor) -> Iterator[Problem]:
    """With a rotation one card has two record keys: order, compaction and holds by key end there. So it is declared."""
    keyed: dict[str, list[str]] = {}
    for name, flow in root.at("flows").members():
        keyed.setdefault(flow.at("scan", "domain").text or DEFAULT_DOMAIN, []).append(name)
    for name, domain in root.at("token_domains").members():
        flows = keyed.get(name, []) if domain.at("previous").data is not None else []
        rekeys = domain.at("rekeys")
        missing = [flow for flow in flows if flow not in rekeys.texts()]
        if missing:
            yield rekeys.problem(
                f"does not name {', '.join(map(quote, missing))}, where this rotation changes record keys",
                "announce it to their consumers, and name all of them here (docs/strategies.md)",
            )
        for element in rekeys.elements():
            if element.text is not None and element.text not in flows:
                yield element.problem(f"{quote(element.text)} keeps its record keys", "leave it out")
