package panlock.producer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** Panlock's own vectors: tests/vectors/envelope of the repository that this kit lies in. */
final class Vectors {
    static final Path HERE = Path.of("..", "..", "tests", "vectors", "envelope");
    static final JsonNode CERTIFICATES = read("certificates");
    static final long NOW = CERTIFICATES.get("checks").get(0).get("time").asLong();

    private Vectors() {}

    static JsonNode read(String name) {
        try {
            return new ObjectMapper().readTree(HERE.resolve(name + ".json").toFile());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static Stream<JsonNode> each(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false);
    }

    static byte[] bytes(JsonNode hex) {
        return hex.isNull() ? null : HexFormat.of().parseHex(hex.asText());
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    static Place place(JsonNode where, JsonNode record) {
        ByteBuffer id = ByteBuffer.wrap(bytes(where.get("topic_id")));
        return new Place(
                where.get("cluster").asText(),
                new Uuid(id.getLong(), id.getLong()),
                record.get("partition").asInt());
    }

    static Headers headers(JsonNode record) {
        Headers headers = new RecordHeaders();
        record.get("headers").forEach(each -> headers.add(each.get(0).asText(), bytes(each.get(1))));
        return headers;
    }

    static List<X509Certificate> chain(String name) {
        return each(CERTIFICATES.get("chains").get(name).get("certificates"))
                .map(each -> certificate(bytes(each)))
                .toList();
    }

    static String pem(String name) {
        return CERTIFICATES.get("private_keys").get(name).asText();
    }

    static PrivateKey key(String name) {
        byte[] der = Base64.getMimeDecoder().decode(pem(name).replaceAll("-----[A-Z ]+-----", ""));
        try {
            String kind = chain(name).get(0).getPublicKey().getAlgorithm();
            return KeyFactory.getInstance(kind).generatePrivate(new PKCS8EncodedKeySpec(der));
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    static Identity identity(String name) {
        return new Identity(key(name), chain(name));
    }

    private static X509Certificate certificate(byte[] der) {
        try {
            return (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }
}
