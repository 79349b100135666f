package panlock.principal;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.kafka.common.Configurable;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.security.auth.AuthenticationContext;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.KafkaPrincipalBuilder;
import org.apache.kafka.common.security.auth.SaslAuthenticationContext;
import org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;

/**
 * The principal of a client of a SASL/OAUTHBEARER listener: {@code User:oidc:<alias>:<subject>}.
 *
 * <p>A certificate's name has no colon (the listeners with certificates map only such), and an alias has none, so
 * that no subject, whatever it is, becomes a certificate's name or one of another issuer.
 *
 * <p>Set it for that listener alone, and name the issuer by its alias in Panlock's policy:
 *
 * <pre>
 * listener.name.oauth.principal.builder.class=panlock.principal.OidcPrincipalBuilder
 * listener.name.oauth.panlock.oidc.alias=corporate
 * </pre>
 *
 * <p>The listener refuses everybody unless it expects one issuer and an audience, and connections end with their
 * tokens: Kafka makes a builder for each connection, and logs why this one cannot be made.
 */
public final class OidcPrincipalBuilder implements KafkaPrincipalBuilder, Configurable {
    private static final String MECHANISM = "OAUTHBEARER";
    private static final String ALIASES = ".panlock.oidc.alias";
    private static final Pattern ALIAS = Pattern.compile("[a-z0-9-]{1,64}");
    // OpenID Connect Core 1.0, 2: at most 255 ASCII characters. No space: Kafka trims a subject before it hands it on.
    private static final Pattern SUBJECT = Pattern.compile("[!-~]{1,255}");
    private static final ObjectMapper JSON = new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

    private final DefaultKafkaPrincipalBuilder forwarded = new DefaultKafkaPrincipalBuilder(null, null);
    private Map<String, ?> configs = Map.of();
    private String claim = "sub";

    @Override
    public void configure(Map<String, ?> configs) {
        this.configs = configs;
        if (setting("sasl.oauthbearer.sub.claim.name") instanceof String name) {
            claim = name;
        }
        if (!(setting("sasl.oauthbearer.expected.issuer") instanceof String issuer) || issuer.isBlank()) {
            throw new ConfigException("sasl.oauthbearer.expected.issuer: name the listener's issuer; its alias stands for it");
        }
        if (!(setting("sasl.oauthbearer.expected.audience") instanceof List<?> audience) || audience.isEmpty()) {
            throw new ConfigException("sasl.oauthbearer.expected.audience: say for whom tokens must be; others are for other services");
        }
        if (!(setting("connections.max.reauth.ms") instanceof Long reauth) || reauth <= 0) {
            throw new ConfigException("connections.max.reauth.ms: set it, or a connection outlives its token");
        }
    }

    @Override
    public KafkaPrincipal build(AuthenticationContext context) {
        if (!(context instanceof SaslAuthenticationContext sasl) || !MECHANISM.equals(sasl.server().getMechanismName())) {
            throw refused("this listener takes SASL/OAUTHBEARER alone");
        }
        Object token = sasl.server().getNegotiatedProperty(MECHANISM + ".token");
        if (!(token instanceof OAuthBearerToken bearer)) {
            throw refused("there is no token");
        }
        return new KafkaPrincipal(KafkaPrincipal.USER_TYPE, "oidc:" + alias(sasl.listenerName()) + ":" + subject(bearer));
    }

    @Override
    public byte[] serialize(KafkaPrincipal principal) {
        return forwarded.serialize(principal);
    }

    @Override
    public KafkaPrincipal deserialize(byte[] bytes) {
        return forwarded.deserialize(bytes);
    }

    /** As the mechanism's setting of this listener, or the listener's or broker's own. */
    private Object setting(String name) {
        Object own = configs.get(MECHANISM.toLowerCase(Locale.ROOT) + "." + name);
        return own == null ? configs.get(name) : own;
    }

    private String alias(String listener) {
        Object alias = configs.get("listener.name." + listener.toLowerCase(Locale.ROOT) + ALIASES);
        if (!(alias instanceof String name) || !ALIAS.matcher(name).matches()) {
            throw refused("the broker's configuration gives this listener's issuer no alias");
        }
        return name;
    }

    /** Of the token itself, which the listener's validator has verified: letter by letter, where Kafka trims it. */
    private String subject(OAuthBearerToken token) {
        String[] parts = token.value().split("\\.", -1);
        try {
            JsonNode subject = JSON.readTree(Base64.getUrlDecoder().decode(parts[1])).get(claim);
            if (subject != null && subject.isTextual() && SUBJECT.matcher(subject.textValue()).matches()
                    && subject.textValue().equals(token.principalName())) {
                return subject.textValue();
            }
        } catch (IOException | IllegalArgumentException | ArrayIndexOutOfBoundsException error) {
            throw refused("the token cannot be read");
        }
        throw refused("the subject is not 1 to 255 printable ASCII characters");
    }

    private static SaslAuthenticationException refused(String why) {
        return new SaslAuthenticationException("Authentication failed: " + why);
    }
}
