"""policy.yaml as types. What one value alone can have wrong is checked here; what lies between values, in checks/."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PrivateAttr,
    model_validator,
)
from pydantic_core import CoreSchema

from pipeline.masking.formats.iso8583_spec import Base, SpecError, spec_of
from pipeline.policy.kinds import (
    DAY,
    MINUTE,
    AuditJwk,
    ClaimName,
    ClientId,
    CommonName,
    Expiry,
    FieldPath,
    FileName,
    IssuerUrl,
    KeyId,
    MaxAge,
    Name,
    PersonId,
    PersonJwk,
    RequesterPath,
    Retention,
    Rule,
    Said,
    Serial,
    SpiffeId,
    Subject,
    Thumbprint,
    TopicName,
    Window,
    WitnessKey,
    X5t,
    wrong,
)

Strategy = Literal["drop", "redact", "partial", "token", "fpe", "encrypt"]
Class = Literal["pan", "sad", "expiry", "name", "iban", "service-code", "pan-part", "clear"]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
DEFAULT_DOMAIN = "default"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Oidc(Part):
    """A producer without a certificate: a client of the issuer of that alias, and `sub` as its tokens have it."""

    issuer: Name
    subject: Subject


class Principal(Part):
    """A producer: by its certificate (`spiffe`), or as a client of an issuer (`oidc`).

    `owners` answer for it: they do not count as approvers of what it wrote.
    """

    spiffe: SpiffeId | None = None
    oidc: Oidc | None = None
    identity: Literal["broker", "header", "signed"] = "broker"
    owners: tuple[PersonId, ...] = ()


class Person(Part):
    """Someone who decides. `certificate` is the CN of their Kafka certificate; `roles` are those of their `keys`;
    those marked `hardware: true` break glass."""

    certificate: CommonName
    roles: tuple[Name, ...] = ()
    keys: tuple[PersonJwk, ...] = ()


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise wrong("is empty", "name at least one")
    return names


class Issuer(Part):
    """An OpenID Connect issuer that says who approvers are: people are its `person_claim`, roles its `groups_claim`.

    Without `client_id` nobody signs in there, and it says who producers are alone. `device_client_id`: the client of
    the device flow, which `client_id` must not be allowed at the issuer. `acr`: what a sign-in must be, any of these;
    empty: anything. `max_age_ms` counts from `auth_time`.
    """

    issuer: IssuerUrl
    client_id: ClientId | None = None
    device_client_id: ClientId | None = None
    person_claim: ClaimName = "email"
    groups_claim: ClaimName = "groups"
    acr: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = ()
    max_age_ms: MaxAge = Field(15 * MINUTE, alias="max_age")
    algorithms: Annotated[tuple[Algorithm, ...], AfterValidator(_some)] = ("RS256",)


class Roles(Part):
    """Who does what on the broker: CNs of certificates."""

    workers: tuple[CommonName, ...] = ("panlock-worker",)
    auditors: tuple[CommonName, ...] = ("panlock-auditor",)
    sealers: tuple[CommonName, ...] = ("panlock-sealer",)
    brokers: tuple[CommonName, ...] = ("panlock-broker",)
    broker_auditors: tuple[CommonName, ...] = ("panlock-broker-audit",)
    operators: tuple[CommonName, ...] = ("ops",)
    deployers: tuple[CommonName, ...] = ("panlock-deploy",)


class Audit(Part):
    """Whose signatures the audit counts: those of workers on their lanes' events, the sealer's on checkpoints, of
    `witnesses` so many (`witness_quorum`) on the same checkpoints, those of `panlock broker-audit` on its events
    (`broker_keys`) and of the brokers on what they counted (`access_keys`); and, in PEM files beside the policy, under
    which authorities a time stamp counts.

    A key stays as long as there are events that it signed.
    """

    worker_keys: tuple[AuditJwk, ...] = ()
    sealer_keys: tuple[AuditJwk, ...] = ()
    broker_keys: tuple[AuditJwk, ...] = ()
    access_keys: tuple[AuditJwk, ...] = ()
    witnesses: tuple[WitnessKey, ...] = ()
    witness_quorum: Annotated[int, Field(ge=1, le=100)] = 1
    timestamp_authorities: tuple[FileName, ...] = ()


class Denied(Part):
    """Who is refused while this policy is in force, beside whom operators deny in the lanes."""

    certificates: tuple[X5t, ...] = ()
    serials: tuple[Serial, ...] = ()
    principals: tuple[Name, ...] = ()
    people: tuple[PersonId, ...] = ()
    keys: tuple[Thumbprint, ...] = ()

    @cached_property
    def _every(self) -> AbstractSet[tuple[str, str]]:
        named = {"certificate": self.certificates, "serial": self.serials, "principal": self.principals}
        named |= {"person": tuple(each.casefold() for each in self.people), "key": self.keys}
        return {(kind, value) for kind, values in named.items() for value in values}

    def has(self, kind: str, value: str) -> bool:
        """`kind`: certificate (x5t#S256, hex), serial (hex), principal, person or key (thumbprint)."""
        return (kind, value.casefold() if kind == "person" else value) in self._every


class TokenDomain(Part):
    """Where the same number has the same token. `key` makes new tokens; `previous` made those before, and while `dual`
    records carry its tokens, too. `rekeys`: the flows whose record keys it makes, and which a rotation changes."""

    key: KeyId
    previous: KeyId | None = None
    dual: bool = False
    rekeys: tuple[Name, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.key,) if self.previous is None else (self.key, self.previous)


class FieldRule(Part):
    """What is done to one field; without a strategy, its class's default. `fallback` is for what fpe cannot do.

    `joined`: an array there holds one text in parts.
    """

    path: FieldPath
    class_: Class = Field(alias="class")
    strategy: Strategy | None = None
    domain: Name = DEFAULT_DOMAIN
    fallback: Strategy | None = None
    joined: bool = False


class Scan(Part):
    """What is done to what no field rule names; `key`: to card numbers in the record key."""

    pan: Strategy = "partial"
    sad: Strategy = "redact"
    iban: Literal["off"] | Strategy = "off"
    key: Literal["token", "fpe"] = "token"
    domain: Name = DEFAULT_DOMAIN


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise wrong("has a name twice", "give each column its own")
    return names


class HoldRule(Part):
    """When a record waits for people, for whom, and how long (`expires_ms`, after its broker time).

    `requester`: where the record says who asked for it: they do not count; or `none`, with a reason. `device_flow`:
    whether a sign-in by the device flow may decide.
    """

    id: Name
    when: Rule
    reason: Said
    approvers: Annotated[tuple[Name, ...], Field(min_length=1)]
    quorum: Annotated[int, Field(ge=1, le=100)] = 1
    expires_ms: Expiry = Field(DAY, alias="expires")
    requester: RequesterPath | None = None
    requester_reason: Said | None = None
    device_flow: Literal["refuse", "allow"] = "refuse"


class PolicyApprovers(Part):
    """Who changes the policy: people with one of the roles, so many of them beside the author."""

    roles: Annotated[tuple[Name, ...], Field(min_length=1)]
    quorum: Annotated[int, Field(ge=1, le=100)] = 2


class BreakGlass(Part):
    """Who releases a held record in an emergency: two with one of `roles` and a key that is `hardware: true`. Somebody
    else with one of `reviewers` looks at it afterwards."""

    roles: Annotated[tuple[Name, ...], Field(min_length=1)]
    reviewers: Annotated[tuple[Name, ...], Field(min_length=1)]


class Clean(Part):
    """The clean topic; without a name, clean.<flow>; without a retention (ms), the flow's and 7 days more."""

    topic: TopicName | None = None
    retention_ms: Retention | None = Field(None, alias="retention")


class Spec(Part):
    """Of format iso8583: a base, and what differs from it, field by field (pipeline.masking.formats.iso8583_spec)."""

    extends: Base = "1987-ascii"
    fields: dict[str, dict[str, str | int]] = {}

    @model_validator(mode="after")
    def _is_one(self) -> "Spec":
        try:
            spec_of(self.extends, self.fields)
        except SpecError as error:
            raise wrong(str(error), "see docs/record-formats.md") from None
        return self


class Csv(Part):
    """How values of format csv are read. `columns`: the first row names them, or they are 1, 2, 3 …, or their names."""

    columns: Literal["header", "index"] | Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_once)] = (
        "header"
    )
    delimiter: Literal[",", ";", "|", "\t"] = ","


class Recording(Part):
    """What is kept of what producers wrote, for people who replay it; as a word alone, `mode`.

    `reason`: why card numbers are kept. `retention_ms`: without one, 90 d of masked recordings, 30 d of those that
    reveal. Who replays a session needs the word of `quorum` others with a role of `approvers`, where there are any.
    """

    mode: Literal["off", "masked", "reveal"] = "off"
    retention_ms: Retention | None = Field(None, alias="retention")
    reason: Said | None = None
    approvers: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    quorum: Annotated[int, Field(ge=1, le=100)] = 1

    @property
    def kept_ms(self) -> int:
        return self.retention_ms or (30 * DAY if self.mode == "reveal" else 90 * DAY)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        return {"anyOf": [{"enum": ["off", "masked", "reveal"]}, handler(core)]}


def _mode(value: object) -> object:
    return {"mode": value} if isinstance(value, str) else value


class Flow(Part):
    """One logical stream. `retention_ms` of its quarantine topics covers the longest outage to survive."""

    producers: Annotated[tuple[Name, ...], Field(min_length=1)]
    consumers: tuple[CommonName, ...] = ()
    partitions: Annotated[int, Field(ge=1, le=2000)] = 12
    clean: Clean = Field(default_factory=lambda: Clean.model_validate({}))
    format: Literal["json", "ndjson", "text", "csv", "xml", "avro", "protobuf", "jsonschema", "iso8583"] = "json"
    csv: Csv = Field(default_factory=lambda: Csv.model_validate({}))
    spec: Spec = Spec()
    ordering: Literal["key", "none"] = "key"
    repartition: Literal["off", "masked"] = "off"
    recording: Annotated[Recording, BeforeValidator(_mode)] = Recording.model_validate({})
    quarantine: Literal["clear", "sealed"] = "clear"
    window_ms: Window = Field(15 * MINUTE, alias="window")
    fields: tuple[FieldRule, ...] = ()
    scan: Scan = Scan()
    allow: tuple[FieldPath, ...] = ()
    schema_: Literal["open", "closed"] = Field("open", alias="schema")
    hold: tuple[HoldRule, ...] = ()
    max_message_bytes: Annotated[int, Field(ge=1024, le=8 << 20)] = 1_048_588
    retention_ms: Retention = Field(7 * DAY, alias="retention")

    _name: str = PrivateAttr("")

    @property
    def clean_topic(self) -> str:
        return self.clean.topic or f"clean.{self._name}"

    @property
    def clean_retention_ms(self) -> int:
        """Counts from the quarantine record's time: what waited out an outage must still be there to be read."""
        return self.clean.retention_ms or self.retention_ms + 7 * DAY

    @property
    def recorded(self) -> bool:
        return self.recording.mode != "off"

    @property
    def closed(self) -> bool:
        return self.schema_ == "closed"


class Policy(Part):
    """The one source of topics, ACLs, masking, holds and retention. `version` is the policy's own: raise it.

    `authorities`: PEM files, beside the policy, of the CAs that signed producers' certificates lead to; without them,
    the CA of the worker's own connection.
    """

    version: Annotated[int, Field(ge=1)]
    application: Name = "panlock"
    lanes: Annotated[int, Field(ge=1, le=512)] = 8
    principals: Annotated[dict[Name, Principal], Field(min_length=1)]
    people: dict[PersonId, Person] = {}
    issuers: dict[Name, Issuer] = {}
    roles: Roles = Roles()
    audit: Audit = Audit()
    policy_approvers: PolicyApprovers | None = None
    break_glass: BreakGlass | None = None
    denied: Denied = Denied()
    authorities: tuple[FileName, ...] = ()
    token_domains: dict[Name, TokenDomain] = {}
    truncation: Literal["6+4", "8+4", "0+4"] = "6+4"
    flows: Annotated[dict[Name, Flow], Field(min_length=1)]

    _hash: str = PrivateAttr("")
    _files: Mapping[str, bytes] = PrivateAttr({})

    @model_validator(mode="after")
    def _name_flows(self) -> "Policy":
        for name, flow in self.flows.items():
            flow._name = name
        return self

    @property
    def hash(self) -> str:
        """SHA-256 of the file's bytes, hex: what every audit event names as its policy."""
        return self._hash

    @property
    def authority_pems(self) -> dict[str, bytes]:
        """Content of `authorities`, as the bundle brought it: a policy by itself knows their names alone."""
        return {name: self._files[name] for name in self.authorities}

    @property
    def timestamp_pems(self) -> list[bytes]:
        """Content of `audit.timestamp_authorities`, likewise."""
        return [self._files[name] for name in self.audit.timestamp_authorities]

    @property
    def sign_ins(self) -> dict[str, Issuer]:
        """The issuers where people sign in."""
        return {alias: issuer for alias, issuer in self.issuers.items() if issuer.client_id is not None}

    def kafka_name(self, principal: str) -> str:
        """Of the Kafka principal: the certificate's CN, or `oidc:<alias>:<subject>`, which no CN can be."""
        oidc = self.principals[principal].oidc
        return principal if oidc is None else f"oidc:{oidc.issuer}:{oidc.subject}"

    def owners(self, flow: Flow) -> AbstractSet[str]:
        """Who answers for a producer of the flow."""
        return {owner for name in flow.producers for owner in self.principals[name].owners}

    def approvers(self, rule: HoldRule) -> AbstractSet[str]:
        """Everyone with one of the rule's roles, owners of the producer included."""
        return self.holders(rule.approvers)

    def holders(self, roles: Iterable[str]) -> AbstractSet[str]:
        """Everyone with one of the roles."""
        wanted = set(roles)
        return {person for person, entry in self.people.items() if wanted & set(entry.roles)}
