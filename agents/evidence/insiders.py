"""What whoever holds a role can still do: docs/guarantees.md, in the words of a report."""

# ruff: noqa: E501  # texts, and questions that are constants

INSIDERS = (
    ("Broker administrator", "Read quarantine that is not sealed; write as a producer that does not sign; write clean topics; delete.",
     "Deletion, recreated topics and a changed audit are alarms; clean records that no worker wrote, `panlock audit reconcile` finds. Reading shows in the brokers' own logs, or `panlock broker-audit`."),
    ("Root on a worker", "See what passes in the clear, and the token keys; release, reject and tell what they like for its lanes.",
     "Not noticed. They cannot forge a producer's or a person's signature."),
    ("Who writes the policy that workers run", "Without `policy_approvers`, everything that a policy can say.",
     "With them every word is in the audit as it was signed; without, the policy's hash alone."),
    ("Who holds the sealer's key", "With the broker's administrator: show two histories to two readers.",
     "Only a witness's cosignature, or two readers who compare, notices it."),
    ("An approver", "Approve what they should not, once a record, under their name.",
     "It is in the audit under their key. A quorum of two asks for two such people."),
    ("Administrator of the identity provider", "Be any approver who signs in there, and any producer that is its client.",
     "Not by Panlock: their own log. Ask for an `acr` that hardware alone gives."),
    ("Who has an approver's key file and passphrase", "Be that approver.", "Not noticed. Replace the key as soon as it is known."),
    ("A quorum of policy approvers", "Any policy, for everybody.", "Each of their words is in the audit."),
    ("A deployer", "Through ALTER on the cluster, grant any ACL.", "`panlock deploy check`, run by somebody else."),
    ("A producer", "Write card data where no rule or scan finds it.", "Masking evidence that is missing is a hint, no proof."),
)  # fmt: skip
