"""pydantic's findings as problems with lines and remedies."""

import difflib

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.policy.document import Cursor, Path, dotted
from pipeline.policy.models import (
    Audit,
    BreakGlass,
    Clean,
    Csv,
    Denied,
    FieldRule,
    Flow,
    HoldRule,
    Issuer,
    Oidc,
    Part,
    Person,
    Policy,
    PolicyApprovers,
    Principal,
    Recording,
    Roles,
    Scan,
    TokenDomain,
)
from pipeline.policy.problems import Problem, quote

_KINDS = {"model_type": "a mapping", "dict_type": "a mapping", "tuple_type": "a list", "string_type": "text"}
_KINDS |= {"int_type": "a whole number", "int_from_float": "a whole number"}
_PARTS: dict[Path, type[Part]] = {
    (): Policy,
    ("principals", "*"): Principal,
    ("principals", "*", "oidc"): Oidc,
    ("people", "*"): Person,
    ("issuers", "*"): Issuer,
    ("roles",): Roles,
    ("audit",): Audit,
    ("policy_approvers",): PolicyApprovers,
    ("break_glass",): BreakGlass,
    ("denied",): Denied,
    ("token_domains", "*"): TokenDomain,
    ("flows", "*"): Flow,
    ("flows", "*", "clean"): Clean,
    ("flows", "*", "csv"): Csv,
    ("flows", "*", "scan"): Scan,
    ("flows", "*", "recording"): Recording,
    ("flows", "*", "fields", "*"): FieldRule,
    ("flows", "*", "hold", "*"): HoldRule,
}


def validate(root: Cursor) -> Policy | list[Problem]:
    """The policy, or all that pydantic finds wrong with it."""
    try:
        return Policy.model_validate_json(orjson.dumps(root.data))  # JSON's strict mode takes lists for tuples
    except ValidationError as error:
        return [_problem(root, found) for found in error.errors(include_url=False)]


def _problem(root: Cursor, error: ErrorDetails) -> Problem:
    path = tuple(step for step in error["loc"] if step != "[key]")
    what, remedy = _words(error, path, root)
    return Problem(root.document.line(path), dotted(path), what, remedy)


def _words(error: ErrorDetails, path: Path, root: Cursor) -> tuple[str, str]:
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    if kind == "panlock":
        return str(context["what"]), str(context["remedy"])
    if kind == "extra_forbidden":
        return "is no key of a policy", _nearest(path)
    if kind == "missing":
        return "is missing", "add it: docs/policy.md tells what it means"
    if kind == "literal_error":
        return f"{quote(given)} is not possible here", f"use {context['expected']}"
    if kind == "too_short":
        return "is empty", "name at least one"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = "at least" if kind.startswith("greater") else "at most"
        return f"{quote(given)} is out of bounds", f"use {bound} {context.get('ge', context.get('le'))}"
    if kind in _KINDS:
        return f"{_shown(given)} is not {_KINDS[kind]}", f"write {_KINDS[kind]}"
    return error["msg"], "docs/policy.md tells what belongs here"


def _shown(given: object) -> str:
    if given is None or isinstance(given, dict | list):
        return {type(None): "nothing", dict: "a mapping", list: "a list"}[type(given)]
    return quote(orjson.dumps(given).decode() if isinstance(given, bool) else given)


def _nearest(path: Path) -> str:
    shape = tuple("*" if isinstance(step, int) or index == 1 else step for index, step in enumerate(path[:-1]))
    part = _PARTS.get(shape)
    if part is None:
        return "remove it"
    known = [field.alias or name for name, field in part.model_fields.items()]
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"did you mean {quote(close[0])}?" if close else f"the keys here are {', '.join(known)}"
