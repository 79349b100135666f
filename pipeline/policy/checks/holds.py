"""Hold rules that could never be decided."""

from collections.abc import Iterator

from pipeline.masking.strategies import CLEAR
from pipeline.policy.checks.fields import meet
from pipeline.policy.document import Cursor
from pipeline.policy.problems import Problem, quote


def check_rule_ids(root: Cursor) -> Iterator[Problem]:
    for _, flow in root.at("flows").members():
        seen: set[str] = set()
        for rule in flow.at("hold").elements():
            name = rule.at("id")
            if name.text in seen:
                yield name.problem(f"{quote(name.text)} is the id of two rules of this flow", "give each its own")
            seen.add(name.text or "")


def check_approvers(root: Cursor) -> Iterator[Problem]:
    """Every role is held by someone, and enough people who may decide hold one of them.

    Where people sign in, their groups say who holds a role, and no policy can tell how many do.
    """
    if _people_sign_in(root):
        return
    people = dict(root.at("people").members())
    held = {role for person in people.values() for role in person.at("roles").texts()}
    for _, flow in root.at("flows").members():
        owners = _owners(root, flow)
        for rule in flow.at("hold").elements():
            for role in rule.at("approvers").elements():
                if role.text is not None and role.text not in held:
                    yield role.problem(f"nobody has the role {quote(role.text)}", "give it to people, or mend the name")
            yield from _check_quorum(rule, people, owners)


def check_policy_approvers(root: Cursor) -> Iterator[Problem]:
    """A change needs its quorum beside its author, who is one of them: nobody else may write a proposal.

    Somebody without a key signs in, which counts by keys of the issuer that workers have signed for.
    """
    place = root.at("policy_approvers")
    signing_in = _people_sign_in(root) and bool(root.at("audit", "worker_keys").data)
    people = dict(root.at("people").members())
    roles = set(place.at("roles").texts())
    holders = {name: each for name, each in people.items() if roles & set(each.at("roles").texts())}
    able = {name for name, each in holders.items() if signing_in or each.at("keys").data}
    quorum = place.at("quorum").data if place.at("quorum").data is not None else 2
    if isinstance(quorum, int) and not isinstance(quorum, bool) and roles and quorum >= len(able):
        yield place.at("quorum").problem(
            f"asks for {quorum} beside the author, but {len(able)} people with a key have one of the roles",
            "add people with one of the roles and a key, or lower the quorum; where people sign in, and the policy has "
            "`audit.worker_keys`, they need no key",
        )


def _owners(root: Cursor, flow: Cursor) -> set[str]:
    names = flow.at("producers").texts()
    return {owner for name in names for owner in root.at("principals", name, "owners").texts()}


def _check_quorum(rule: Cursor, people: dict[str, Cursor], owners: set[str]) -> Iterator[Problem]:
    roles = set(rule.at("approvers").texts())
    with_key = {name: person for name, person in people.items() if person.at("keys").data}
    able = {name for name, person in with_key.items() if roles & set(person.at("roles").texts())}
    count = len(able - owners)
    quorum = rule.at("quorum").data if rule.at("quorum").data is not None else 1
    if isinstance(quorum, int) and not isinstance(quorum, bool) and roles and quorum > count:
        owning = f", {len(able & owners)} more own a producer of the flow and do not count" if able & owners else ""
        yield rule.at("quorum").problem(
            f"asks for {quorum}, but {count} people with a key may approve{owning}",
            "add people with one of the roles and a key, or lower the quorum",
        )


def check_requesters(root: Cursor) -> Iterator[Problem]:
    """Where people sign in, every rule says who the requester is; elsewhere it may."""
    for _, flow in root.at("flows").members():
        masked = [rule.at("path").text for rule in flow.at("fields").elements() if rule.at("class").text != CLEAR]
        json = flow.at("format").text in (None, "json")
        for rule in flow.at("hold").elements():
            yield from _check_requester(rule, root, [path for path in masked if path is not None], json)


def _check_requester(rule: Cursor, root: Cursor, masked: list[str], json: bool) -> Iterator[Problem]:
    place, why = rule.at("requester"), rule.at("requester_reason")
    if place.data is None:
        if _people_sign_in(root):
            yield rule.problem(
                "does not say who the requester is",
                "write `requester: $.requested_by`, as records name them, or `requester: none` and a requester_reason",
            )
        return
    if place.text == "none":
        if why.data is None:
            yield place.problem("needs a reason", "say in `requester_reason` why nobody asked for these records")
        return
    if why.data is not None:
        yield why.problem("is for `requester: none`", "leave it out")
    if not json:
        yield place.problem("is for flows of format json", "write `none` and a requester_reason, or leave it out")
    elif (path := place.text) is not None and any(_meets(rule_path, path) for rule_path in masked):
        yield place.problem("is masked by a field rule: nobody could be recognised there", "name a field that stays")


def _meets(rule_path: str, path: str) -> bool:
    try:
        return meet(rule_path, path)
    except ValueError:  # the model says what is wrong with a path
        return False


def check_issuers(root: Cursor) -> Iterator[Problem]:
    """An issuer has one alias, and a client for each flow."""
    known: dict[str, str] = {}
    for name, issuer in root.at("issuers").members():
        url, device = issuer.at("issuer"), issuer.at("device_client_id")
        if url.text is not None and url.text in known:
            yield url.problem(f"is also the issuer {quote(known[url.text])}", "give it one alias")
        known.setdefault(url.text or "", name)
        if device.text is not None and device.text == issuer.at("client_id").text:
            yield device.problem(
                "is the client of the code flow, too: a phished device code would be an approval",
                "register a second client for the device flow, and allow it nothing else",
            )
        if device.data is not None and issuer.at("client_id").data is None:
            yield device.problem("is without a `client_id`, by which people sign in", "name both, or leave it out")


def _people_sign_in(root: Cursor) -> bool:
    return any(issuer.at("client_id").data is not None for _, issuer in root.at("issuers").members())
