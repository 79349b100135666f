package panlock.producer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class StreamTest {
    private static final Place PLACE = new Place("cluster", new Uuid(1, 2), 5);
    private static final byte[] CARD = "4111111111111111".getBytes(StandardCharsets.US_ASCII);
    private long now = Vectors.NOW;

    static java.util.stream.Stream<JsonNode> recipients() {
        return Vectors.each(Vectors.read("sealed").get("recipients"));
    }

    private Stream stream(String signer, boolean sealed) {
        String line = recipients().findFirst().orElseThrow().get("public").asText();
        return new Stream(Vectors.identity(signer), sealed ? new Recipient(line) : null, () -> now);
    }

    private static Draft draft(Place place, byte[] key, byte[] value, Header... headers) {
        return new Draft("t", place, null, key, value, new RecordHeaders(headers));
    }

    private static byte[] header(Signed signed, String name) {
        return signed.record().headers().lastHeader(name).value();
    }

    private static Reader envelope(Signed signed) {
        return Reader.parse(header(signed, Codec.ENVELOPE));
    }

    private static Set<String> brought(Signed signed) {
        Set<String> names = new TreeSet<>();
        signed.record().headers().forEach(each -> names.add(each.key()));
        names.retainAll(Set.of(Codec.CERTIFICATES, Codec.SEALED_KEY));
        return names;
    }

    private static String verdict(Signed signed, String signer) {
        return Reader.verdict(
                header(signed, Codec.ENVELOPE),
                header(signed, Codec.SALT),
                Vectors.chain(signer).get(0),
                signed.place(),
                "checkout",
                signed.record().key(),
                signed.record().value(),
                signed.record().headers());
    }

    @ParameterizedTest
    @ValueSource(strings = {"ed25519", "p256", "rsa"})
    void whatIsSignedVerifies(String signer) {
        Place other = new Place("cluster", new Uuid(1, 2), 6);
        List<Signed> signed = stream(signer, false)
                .sign(List.of(draft(PLACE, CARD, null), draft(other, null, CARD), draft(PLACE, CARD, CARD)));
        signed.forEach(each -> assertEquals("ok", verdict(each, signer)));
        assertEquals(List.of(0L, 0L, 1L), signed.stream().map(each -> envelope(each).sequence()).toList());
        Set<String> salts = new HashSet<>();
        signed.forEach(each -> salts.add(Vectors.hex(header(each, Codec.SALT))));
        assertEquals(3, salts.size());
        assertEquals(
                Vectors.CERTIFICATES.get("chains").get(signer).get("header").asText(),
                Vectors.hex(header(signed.get(0), Codec.CERTIFICATES)));
    }

    @ParameterizedTest
    @MethodSource("recipients")
    void whatIsSealedOpens(JsonNode recipient) throws GeneralSecurityException {
        Recipient to = new Recipient(recipient.get("public").asText());
        Stream stream = new Stream(Vectors.identity("p256"), to, () -> now);
        byte[][][] clear = {{CARD, CARD}, {null, new byte[0]}, {CARD, null}};
        for (byte[][] each : clear) {
            Signed signed = stream.sign(List.of(draft(PLACE, each[0], each[1]))).get(0);
            assertEquals("ok", verdict(signed, "p256"));
            Reader read = envelope(signed);
            byte[] info = DataKey.info(PLACE, "checkout", read.stream(), now / 3_600_000);
            byte[] dataKey = new Opener(recipient).dataKey(header(signed, Codec.SEALED_KEY), info);
            byte[] associated = Codec.associatedData(PLACE, "checkout", read.head());
            byte[] key = signed.record().key();
            byte[] value = signed.record().value();
            assertFalse(Arrays.equals(CARD, key) || Arrays.equals(CARD, value));
            assertArrayEquals(each[0], Opener.open(dataKey, (byte) 0, PLACE, read.sequence(), associated, key));
            assertArrayEquals(each[1], Opener.open(dataKey, (byte) 1, PLACE, read.sequence(), associated, value));
        }
    }

    @Test
    void chainAndDataKeyGoAlongUntilOneIsDeliveredAndAgainLater() {
        Stream stream = stream("ed25519", true);
        Set<String> both = Set.of(Codec.CERTIFICATES, Codec.SEALED_KEY);
        assertEquals(both, brought(next(stream, false)));
        assertEquals(both, brought(next(stream, true)));
        assertEquals(Set.of(), brought(next(stream, true)));
        stream.failed(PLACE);
        assertEquals(both, brought(next(stream, true)));
        now += Stream.REPEAT_MS - 1;
        assertEquals(Set.of(), brought(next(stream, true)));
        now += 1;
        assertEquals(both, brought(next(stream, true)), "10 minutes later");
        assertEquals(Set.of(), brought(next(stream, true)));
        stream.forget();
        assertEquals(both, brought(next(stream, true)), "an aborted transaction brought nothing");
    }

    private static Signed next(Stream stream, boolean delivered) {
        Signed signed = stream.sign(List.of(draft(PLACE, null, CARD))).get(0);
        if (delivered) {
            stream.delivered(PLACE, signed.record().headers());
        }
        return signed;
    }

    @Test
    void aNewHourHasANewDataKeyAndANewCertificateGoesAlong() {
        Stream stream = stream("ed25519", true);
        Signed first = next(stream, true);
        now += 60_000;
        stream.renew(Vectors.identity("p256"));
        Signed second = next(stream, true);
        assertEquals(Set.of(Codec.CERTIFICATES), brought(second));
        assertEquals("ok", verdict(second, "p256"));
        now += 3_600_000 - 60_000;
        Signed third = next(stream, true);
        assertEquals(Set.of(Codec.CERTIFICATES, Codec.SEALED_KEY), brought(third));
        assertFalse(Arrays.equals(header(first, Codec.SEALED_KEY), header(third, Codec.SEALED_KEY)));
        assertEquals(2, envelope(third).sequence());
    }

    @Test
    void headersOfPanlocksAndPartitionsThatNoNonceHoldsAreRefused() {
        Header own = new org.apache.kafka.common.header.internals.RecordHeader(Codec.IDENTITY, CARD);
        assertThrows(SigningException.class, () -> draft(PLACE, null, CARD, own));
        Place far = new Place("cluster", new Uuid(1, 2), 1 << 24);
        assertThrows(SigningException.class, () -> stream("p256", true).sign(List.of(draft(far, null, CARD))));
    }

    @Test
    void aKeyOfAnotherCertificateIsRefused() {
        assertThrows(
                org.apache.kafka.common.config.ConfigException.class,
                () -> new Identity(Vectors.key("p256"), Vectors.chain("ed25519")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "panlock-seal-key-v1:AAAA", "panlock-seal-key-v1:ACB=b8", "panlock-seal-private-v1:ACAB"})
    void aLineThatIsNoPublicKeyIsRefused(String line) {
        assertThrows(org.apache.kafka.common.config.ConfigException.class, () -> new Recipient(line));
    }

    @Test
    void aPublicKeyThatNothingCanBeSealedToIsRefused() {
        String zeros = java.util.Base64.getEncoder().encodeToString(Codec.join(new byte[] {0, 0x20}, new byte[32]));
        assertThrows(
                org.apache.kafka.common.config.ConfigException.class,
                () -> new Recipient("panlock-seal-key-v1:" + zeros));
    }
}
