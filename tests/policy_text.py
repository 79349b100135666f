"""A policy that is fine and uses every part of the language; tests change one thing of it."""

OTHER_KEY = "{kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}"  # RFC 8037 A.2
EC_KEY = (
    "{kty: EC, crv: P-256, x: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU, "
    "y: x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0}"  # RFC 7515 A.3
)
THIRD_KEY = (
    "{kty: EC, crv: P-256, x: MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4, "
    "y: 4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM}"  # RFC 7517 A.1
)

POLICY = f"""\
version: 1
application: panlock
lanes: 8
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout, owners: [ben@pay.example]}}
  refunds: {{spiffe: spiffe://pay.example/refunds, identity: header}}
people:
  ana@pay.example:
    certificate: ana
    roles: [payments-approvers]
    keys: [{OTHER_KEY}]
  cy@pay.example:
    certificate: cy
    roles: [payments-approvers, operators]
    keys: [{EC_KEY}]
flows:
  payments:
    producers: [checkout, refunds]
    consumers: [ledger]
    partitions: 12
    clean: {{topic: payments}}
    format: json
    quarantine: clear
    recording: off
    ordering: key
    fields:
      - {{path: $.card.number, class: pan, strategy: token}}
      - {{path: $.card.cvv, class: sad}}
    scan: {{pan: partial}}
    hold:
      - id: large-refund
        when: has(record.type) && record.type == "refund" && has(record.amount) && record.amount > 5000.0
        reason: refunds over 5,000 need two people
        approvers: [payments-approvers]
        quorum: 2
        expires: 4h
"""
