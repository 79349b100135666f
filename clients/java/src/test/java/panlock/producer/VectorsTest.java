package panlock.producer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static panlock.producer.Vectors.bytes;
import static panlock.producer.Vectors.hex;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class VectorsTest {
    private static final JsonNode SEALED = Vectors.read("sealed");

    static Stream<JsonNode> good() {
        return Vectors.each(Vectors.read("good").get("batches"));
    }

    static Stream<JsonNode> bad() {
        return Vectors.each(Vectors.read("bad").get("cases"));
    }

    static Stream<JsonNode> trees() {
        return Vectors.each(Vectors.read("merkle").get("trees"));
    }

    static Stream<JsonNode> sealed() {
        return Vectors.each(SEALED.get("batches"));
    }

    static Stream<JsonNode> notSealed() {
        return Vectors.each(SEALED.get("bad"));
    }

    @ParameterizedTest
    @MethodSource("good")
    void theKitMakesTheBytesOfTheVectors(JsonNode batch) {
        Identity identity = Vectors.identity(batch.get("chain").asText());
        assertEquals(batch.get("principal").asText(), identity.principal());
        List<byte[]> heads = new ArrayList<>();
        List<byte[]> leaves = new ArrayList<>();
        for (JsonNode record : batch.get("records")) {
            JsonNode says = record.get("head");
            long sequence = says.get("sequence").asLong();
            byte[] head = Codec.head(
                    identity, bytes(batch.get("stream")), sequence, says.get("time").asLong(), Codec.NO_DIGEST);
            assertEquals(says.get("bytes").asText(), hex(head));
            byte[] content = Codec.contentHash(
                    bytes(record.get("salt")), bytes(record.get("key")), bytes(record.get("value")), Vectors.headers(record));
            assertEquals(record.get("content").asText(), hex(content));
            byte[] associated = Codec.associatedData(Vectors.place(batch, record), identity.principal(), head);
            leaves.add(Codec.leafHash(associated, content));
            assertEquals(record.get("leaf").asText(), hex(leaves.get(leaves.size() - 1)));
            heads.add(head);
        }
        MerkleTree tree = MerkleTree.of(leaves);
        byte[] signed = Codec.signedBytes(leaves.size(), tree.root());
        assertEquals(batch.get("signed").asText(), hex(signed));
        if (identity.algorithm() == Algorithm.ED25519) {
            assertEquals(batch.get("signature").asText(), hex(identity.sign(signed)));
        }
        for (int index = 0; index < leaves.size(); index++) {
            byte[] made = Codec.envelope(
                    heads.get(index), leaves.size(), index, tree.paths().get(index), bytes(batch.get("signature")));
            assertEquals(batch.get("records").get(index).get("envelope").asText(), hex(made));
        }
    }

    @ParameterizedTest
    @MethodSource("good")
    void whatIsGoodIsTaken(JsonNode batch) {
        for (JsonNode record : batch.get("records")) {
            assertEquals("ok", verdict(batch, record));
        }
    }

    @ParameterizedTest
    @MethodSource("bad")
    void whatIsBadIsRefusedForItsReason(JsonNode wrong) {
        assertEquals(wrong.get("expect").asText(), verdict(wrong, wrong), wrong.get("name").asText());
    }

    private static String verdict(JsonNode shared, JsonNode record) {
        return Reader.verdict(
                bytes(record.get("envelope")),
                bytes(record.get("salt")),
                Vectors.chain(shared.get("chain").asText()).get(0),
                Vectors.place(shared, record),
                shared.get("principal").asText(),
                bytes(record.get("key")),
                bytes(record.get("value")),
                Vectors.headers(record));
    }

    @ParameterizedTest
    @MethodSource("trees")
    void treesAreThoseOfTheVectors(JsonNode expected) {
        List<byte[]> leaves = new ArrayList<>();
        for (int leaf = 0; leaf < expected.get("size").asInt(); leaf++) {
            leaves.add(Codec.hash(new byte[] {0}, ByteBuffer.allocate(4).putInt(leaf).array()));
        }
        MerkleTree tree = MerkleTree.of(leaves);
        assertEquals(expected.get("root").asText(), hex(tree.root()));
        for (JsonNode each : expected.get("paths")) {
            List<String> path = tree.paths().get(each.get("index").asInt()).stream().map(Vectors::hex).toList();
            assertEquals(Vectors.each(each.get("path")).map(JsonNode::asText).toList(), path);
        }
    }

    @ParameterizedTest
    @MethodSource("sealed")
    void sealedRecordsAreThoseOfTheVectors(JsonNode batch) throws GeneralSecurityException {
        byte[] header = bytes(batch.get("sealed_key"));
        byte[] info = info(batch, batch.get("records").get(0));
        assertEquals(batch.get("info").asText(), hex(info));
        byte[] secret = opener(batch.get("name").asText()).dataKey(header, info);
        assertEquals(batch.get("data_key").asText(), hex(secret));
        long hour = batch.get("hour").asLong();
        DataKey dataKey = new DataKey(new SecretKeySpec(secret, "AES"), hour, header, Codec.hash(header));
        for (JsonNode record : batch.get("records")) {
            Reader read = Reader.parse(bytes(record.get("envelope")));
            assertArrayEquals(
                    Codec.head(Vectors.identity("ed25519"), read.stream(), read.sequence(), read.time(), dataKey.digest()),
                    read.head());
            Place place = Vectors.place(batch, record);
            byte[] associated = Codec.associatedData(place, batch.get("principal").asText(), read.head());
            byte[] key = dataKey.seal(DataKey.KEY, place, read.sequence(), associated, bytes(record.get("clear_key")));
            byte[] value =
                    dataKey.seal(DataKey.VALUE, place, read.sequence(), associated, bytes(record.get("clear_value")));
            assertArrayEquals(bytes(record.get("key")), key);
            assertArrayEquals(bytes(record.get("value")), value);
            assertEquals("ok", verdict(batch, record));
        }
    }

    @ParameterizedTest
    @MethodSource("sealed")
    void whatTheKitWrapsOpens(JsonNode batch) throws GeneralSecurityException {
        byte[] info = info(batch, batch.get("records").get(0));
        byte[] secret = bytes(batch.get("data_key"));
        JsonNode recipient = recipient(batch.get("name").asText());
        byte[] header = new Recipient(recipient.get("public").asText()).wrap(secret, info);
        assertEquals(bytes(batch.get("sealed_key")).length, header.length);
        assertArrayEquals(secret, new Opener(recipient).dataKey(header, info));
        assertThrows(GeneralSecurityException.class, () -> new Opener(recipient).dataKey(header, new byte[0]));
    }

    @ParameterizedTest
    @MethodSource("notSealed")
    void whatIsSealedWronglyDoesNotOpen(JsonNode wrong) {
        assertThrows(GeneralSecurityException.class, () -> {
            Reader read = Reader.parse(bytes(wrong.get("envelope")));
            Place place = Vectors.place(wrong, wrong);
            byte[] dataKey = opener(wrong.get("recipient").asText()).dataKey(bytes(wrong.get("sealed_key")), info(wrong, wrong));
            byte[] associated = Codec.associatedData(place, wrong.get("principal").asText(), read.head());
            Opener.open(dataKey, DataKey.KEY, place, read.sequence(), associated, bytes(wrong.get("key")));
            Opener.open(dataKey, DataKey.VALUE, place, read.sequence(), associated, bytes(wrong.get("value")));
        });
    }

    private static byte[] info(JsonNode shared, JsonNode record) {
        return DataKey.info(
                Vectors.place(shared, record),
                shared.get("principal").asText(),
                bytes(shared.get("stream")),
                shared.get("hour").asLong());
    }

    private static JsonNode recipient(String name) {
        return Vectors.each(SEALED.get("recipients"))
                .filter(each -> each.get("name").asText().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static Opener opener(String name) {
        return new Opener(recipient(name));
    }
}
