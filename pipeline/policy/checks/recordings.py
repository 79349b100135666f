"""Recordings that nobody could be let replay, or that would keep what may not be kept."""

from collections.abc import Iterator

from pipeline.policy.document import Cursor
from pipeline.policy.problems import Problem, quote


def check_replays(root: Cursor) -> Iterator[Problem]:
    """Whoever must agree to a replay is there; where people sign in, their groups say who is."""
    if any(issuer.at("client_id").data is not None for _, issuer in root.at("issuers").members()):
        return
    people = [person for _, person in root.at("people").members()]
    for _, flow in root.at("flows").members():
        recording = flow.at("recording")
        roles, quorum = recording.at("approvers"), recording.at("quorum").data
        for role in roles.elements():
            if role.text is not None and all(role.text not in person.at("roles").texts() for person in people):
                yield role.problem(f"nobody has the role {quote(role.text)}", "give it to people, or mend the name")
        wanted = set(roles.texts())
        able = [each for each in people if each.at("keys").data and wanted & set(each.at("roles").texts())]
        if isinstance(quorum, int) and wanted and quorum > len(able):
            yield recording.at("quorum").problem(
                f"asks for {quorum}, but {len(able)} people with a key have one of the roles",
                "add people with one of the roles and a key, or lower the quorum",
            )


def check_reveals(root: Cursor) -> Iterator[Problem]:
    """Card numbers are kept, encrypted, where every field is declared: no authentication data hides in another."""
    for _, flow in root.at("flows").members():
        recording = flow.at("recording")
        mode = recording if recording.text is not None else recording.at("mode")
        if mode.text != "reveal":
            continue
        if flow.at("schema").text != "closed":
            yield mode.problem(
                "`reveal` keeps card numbers, and in an open schema a field that nobody declared can hold a CVV",
                "write `schema: closed`, declare every field, and those with authentication data as `class: sad`",
            )
        if flow.at("allow").data:
            yield flow.at("allow").problem("is not scanned, and `recording: reveal` keeps it", "declare these fields")
        if flow.at("format").text not in (None, "json"):
            yield flow.at("format").problem("has no recordings that reveal", "use `recording: masked`")
        if not any(rule.at("class").text == "sad" for rule in flow.at("fields").elements()):
            yield mode.problem(
                "`reveal` is for flows that say where authentication data comes, and no field is `class: sad`",
                "declare each; a flow that has none declares where it would come, as $.card.cvv",
            )
        if recording.at("reason").data is None:
            yield recording.at("reason").problem("is missing", "say why card numbers must be kept (PCI DSS 3.2.1)")
