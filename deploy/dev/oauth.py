"""A second listener of the development brokers, for clients without a certificate: SASL/OAUTHBEARER over TLS.

Kafka's own validator looks at signature, issuer, audience and times; deploy/kafka/principal names the client
`oidc:<alias>:<subject>`, so that it can have no certificate's name. Production needs the same settings.
"""

from dataclasses import dataclass
from pathlib import Path

LISTENER = "OAUTH"
LONGEST = 15 * 60_000  # ms until a client authenticates again, if its token does not end before
SKEW = 2  # seconds: issuer and brokers have one clock here; Kafka's default is 30
_KAFKA = "org.apache.kafka.common.security.oauthbearer"


@dataclass(frozen=True, slots=True)
class OAuthListener:
    """Whose tokens are taken, for whom they must be, and `alias`: what the policy calls the issuer.

    `ca`: PEM of the authority of the issuer's own certificate; `plugin`: the jar of deploy/kafka/principal.
    """

    alias: str
    issuer: str
    jwks: str
    audience: str
    ca: Path
    plugin: Path

    def properties(self) -> dict[str, object]:
        """For server.properties."""
        # The broker's own login wants a subject once there are options. Nobody is shown its token: brokers have mTLS.
        trust = f'ssl.truststore.type="PEM" ssl.truststore.location="{self.ca}"'
        login = 'unsecuredLoginStringClaim_sub="nobody"'
        mechanism = {
            "sasl.server.callback.handler.class": f"{_KAFKA}.OAuthBearerValidatorCallbackHandler",
            "sasl.jaas.config": f"{_KAFKA}.OAuthBearerLoginModule required {trust} {login};",
            "sasl.oauthbearer.jwks.endpoint.url": self.jwks,
            "sasl.oauthbearer.expected.issuer": self.issuer,
            "sasl.oauthbearer.expected.audience": self.audience,
            "sasl.oauthbearer.clock.skew.seconds": SKEW,
            "connections.max.reauth.ms": LONGEST,
        }
        listener = {
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            "principal.builder.class": "panlock.principal.OidcPrincipalBuilder",
            "panlock.oidc.alias": self.alias,
            **{f"oauthbearer.{name}": value for name, value in mechanism.items()},
        }
        return {f"listener.name.{LISTENER.lower()}.{name}": value for name, value in listener.items()}

    @property
    def jvm(self) -> list[str]:
        """Kafka asks nobody for keys whom its start does not name."""
        return [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self.jwks}"]
