"""Who gets in, and under which name: authorizer, listeners, rules that make a principal of a certificate. Pure."""

import re
from collections.abc import Iterator, Mapping

from deploy.doctor.facts import Broker, Facts, Setting, named
from deploy.doctor.finding import Check, Finding, Severity, Tools

_KNOWN = (
    "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "panlock.authorizer.PanlockAuthorizer",  # the former, and counts
)
_BUILDERS = (
    "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
    "panlock.principal.OidcPrincipalBuilder",
)
_HIDDEN_DENY = "allow.everyone.if.no.acl.found"
_NAME = "panlock-worker"  # as a certificate has it that `panlock` expects: CN alone
_RULE = re.compile(r"DEFAULT|RULE:((?:\\.|[^\\/])*)/((?:\\.|[^\\/])*)/([LU]?)")


def authorizer(facts: Facts, tools: Tools) -> Iterator[Finding]:
    """7.3.1 to 7.3.3: there is one, it is a known one, and it denies by default."""
    for where, setting in facts.set("authorizer.class.name"):
        if not setting.value:
            what = "has no authorizer: every client may do everything"
            remedy = tools.broker("authorizer.class.name", _KNOWN[0], True)
            yield Finding(Check.AUTHORIZER, Severity.BLOCKER, where, what, ("7.3.1", "7.3.2"), remedy)
        elif setting.value not in _KNOWN:
            what = f"has the authorizer {setting.value}: what it lets pass is not to be seen from here"
            remedy = "# see its documentation: ACLs must be enforced, and what none allows be denied"
            yield Finding(Check.AUTHORIZER, Severity.UNKNOWN, where, what, ("7.3.2",), remedy)
    if facts.acls is None:
        what = "Kafka says that ACLs are off"
        remedy = tools.broker("authorizer.class.name", _KNOWN[0], True)
        yield Finding(Check.AUTHORIZER, Severity.BLOCKER, "cluster", what, ("7.3.1",), remedy)
    yield from _default(facts)
    for where, setting in facts.set("super.users"):
        if setting.value is None:
            what = "has super users, whom no ACL stops; Kafka tells nobody who they are"
            yield Finding(
                Check.SUPER_USERS, Severity.NOTE, where, what, ("7.2.2",), "grep super.users server.properties"
            )


def _default(facts: Facts) -> Iterator[Finding]:
    if facts.denies_strangers:
        return
    for where, setting in facts.set(_HIDDEN_DENY):  # not set at all is false, as it should be
        if setting.value is None:
            what = f"sets {_HIDDEN_DENY}, whose value Kafka tells nobody, and this certificate may do everything anyway"
            remedy = (
                f"grep {_HIDDEN_DENY} server.properties     # must be false, or not there\n"
                "# or ask again with a certificate that is no super user: it proves it by being denied"
            )
            yield Finding(Check.DEFAULT_DENY, Severity.UNKNOWN, where, what, ("7.3.3",), remedy)


def listeners(facts: Facts, tools: Tools) -> Iterator[Finding]:
    """4.2.1, 8.3.1: none in the clear, and one on which a certificate is asked for."""
    problems: dict[tuple[str, str], list[int]] = {}
    for broker in facts.brokers:
        by_certificate = False
        for name, protocol in _open(broker):
            wanted = _of_listener(broker.settings or {}, name, "ssl.client.auth")
            if protocol.endswith("PLAINTEXT"):
                problems.setdefault((name, protocol), []).append(broker.id)
            elif protocol == "SSL" and wanted == "required":
                by_certificate = True
            elif protocol == "SSL":
                problems.setdefault((name, f"ssl.client.auth is {wanted or 'not to be seen'}"), []).append(broker.id)
        if broker.settings is not None and not by_certificate:
            problems.setdefault(("", ""), []).append(broker.id)
    for (name, what), ids in problems.items():
        yield _listener(name, what, named(ids), tools)


def _listener(name: str, what: str, where: str, tools: Tools) -> Finding:
    key = f"listener.name.{name.lower()}.ssl.client.auth"
    if not name:
        what = "has no listener that asks clients for a certificate: nobody is known by one"
        remedy = "# in server.properties: a listener with SSL, and\nssl.client.auth=required"
        return Finding(Check.CERTIFICATE_LISTENER, Severity.BLOCKER, where, what, ("8.2.1", "8.3.1"), remedy)
    if what.endswith("PLAINTEXT"):
        secure = "SASL_SSL" if what.startswith("SASL") else "SSL"
        remedy = tools.broker("listener.security.protocol.map", f"…,{name}:{secure}", True)
        what = f"listener {name} is {what}: records and names pass it in the clear"
        return Finding(Check.PLAINTEXT, Severity.RISK, where, what, ("4.2.1", "8.3.1"), remedy)
    severity = Severity.UNKNOWN if what.endswith("seen") else Severity.RISK
    what = f"listener {name}: {what}; who shows no certificate is User:ANONYMOUS there"
    return Finding(Check.CLIENT_AUTH, severity, where, what, ("8.3.1",), tools.broker(key, "required", True))


def _open(broker: Broker) -> Iterator[tuple[str, str]]:
    """(name, protocol) of the listeners that clients can reach."""
    settings = broker.settings or {}
    protocols = dict(pair.split(":", 1) for pair in _list(settings, "listener.security.protocol.map") if ":" in pair)
    controllers = _list(settings, "controller.listener.names")
    for each in _list(settings, "listeners"):
        name = each.split("://")[0]
        if name not in controllers:
            yield name, protocols.get(name, name)


def _list(settings: Mapping[str, Setting], key: str) -> list[str]:
    setting = settings.get(key)
    return [each.strip() for each in (setting.value or "").split(",") if each.strip()] if setting else []


def _of_listener(settings: Mapping[str, Setting], name: str, key: str) -> str | None:
    """A listener's own setting, else the broker's; None where it is not to be seen."""
    own = settings.get(f"listener.name.{name.lower()}.{key}") or settings.get(key)
    return "none" if own is None else own.value


def mapping(facts: Facts, tools: Tools) -> Iterator[Finding]:
    """8.2.1: a certificate CN=panlock-worker is User:panlock-worker, by the rules of every TLS listener."""
    right = tools.broker("ssl.principal.mapping.rules", "RULE:^CN=([A-Za-z0-9._@-]+)$/$1/,DEFAULT", True)
    found: dict[tuple[str, str | None], list[int]] = {}
    for broker in facts.brokers:
        for name, protocol in _open(broker):
            if protocol == "SSL":
                rules = _of_listener(broker.settings or {}, name, "ssl.principal.mapping.rules")
                found.setdefault((name, rules), []).append(broker.id)
    for (name, rules), ids in found.items():
        principal = None if rules is None else mapped(rules, f"CN={_NAME}")
        if principal == _NAME:
            continue
        severity = Severity.UNKNOWN if principal is None else Severity.BLOCKER
        told = "something that cannot be told from here" if principal is None else f"User:{principal}"
        what = f"listener {name} makes {told} of a certificate CN={_NAME}, and ACLs name User:{_NAME}"
        yield Finding(Check.PRINCIPAL_MAPPING, severity, named(ids), what, ("8.2.1",), right)
    for where, value, _ in facts.which("principal.builder.class", lambda value: value not in ("", *_BUILDERS)):
        what = f"principals are made by {value}: whether by a certificate's CN is not to be seen from here"
        remedy = "# see its documentation: a certificate's CN must become the principal"
        yield Finding(Check.PRINCIPAL_MAPPING, Severity.UNKNOWN, where, what, ("8.2.1",), remedy)


def mapped(rules: str, name: str) -> str | None:
    """What `ssl.principal.mapping.rules` make of a distinguished name; "" where none fits, None if it cannot be told.

    Kafka takes the first rule whose pattern is the whole name (SslPrincipalMapper).
    """
    if rules in ("", "none"):
        return name
    for rule in _RULE.finditer(rules):
        if rule.group() == "DEFAULT":
            return name
        pattern, replacement, case = rule.groups()
        try:
            match = re.fullmatch(pattern, name)
            if match:
                result = match.expand(re.sub(r"\$(\d)", r"\\\1", replacement))
                return {"L": result.lower(), "U": result.upper()}.get(case, result)
        except (re.error, IndexError):
            return None
    return ""
