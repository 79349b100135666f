package panlock.producer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import org.apache.kafka.common.header.Header;

/**
 * The bytes of docs/envelope.md.
 *
 * <pre>
 * head      u8 version 1 | u8 flags (bit 0: sealed) | u8 algorithm | x5t#S256 (32) | stream (16) | u64 sequence |
 *           u64 time in ms | only if sealed: SHA-256 of the header panlock-sealed-key (32)
 * envelope  head | u32 tree size | u32 leaf index | u8 hashes | the path | u16 length | signature
 * </pre>
 */
final class Codec {
    static final String RESERVED = "panlock-";
    static final String ENVELOPE = "panlock-envelope";
    static final String SALT = "panlock-salt";
    static final String CERTIFICATES = "panlock-certificates";
    static final String SEALED_KEY = "panlock-sealed-key";
    static final String IDENTITY = "panlock-identity";

    static final byte[] NO_DIGEST = {};
    private static final byte VERSION = 1;
    private static final byte[] NULL = {-1, -1, -1, -1};

    private Codec() {}

    static byte[] head(Identity identity, byte[] stream, long sequence, long time, byte[] sealedKey) {
        byte flags = (byte) (sealedKey.length == 0 ? 0 : 1);
        return ByteBuffer.allocate(67 + sealedKey.length)
                .put(VERSION)
                .put(flags)
                .put(identity.algorithm().number)
                .put(identity.x5t())
                .put(stream)
                .putLong(sequence)
                .putLong(time)
                .put(sealedKey)
                .array();
    }

    static byte[] envelope(byte[] head, int size, int index, List<byte[]> path, byte[] signature) {
        ByteBuffer out = ByteBuffer.allocate(head.length + 11 + 32 * path.size() + signature.length);
        out.put(head).putInt(size).putInt(index).put((byte) path.size());
        path.forEach(out::put);
        return out.putShort((short) signature.length).put(signature).array();
    }

    /** The leaf's bytes between its first and the content; a sealed record authenticates them. */
    static byte[] associatedData(Place place, String principal, byte[] head) {
        byte[] partition = ByteBuffer.allocate(4).putInt(place.partition()).array();
        return join(
                "panlock-envelope-v1".getBytes(UTF_8),
                measured(place.cluster()),
                place.topicBytes(),
                partition,
                measured(principal),
                head);
    }

    static byte[] leafHash(byte[] associatedData, byte[] content) {
        MessageDigest digest = sha256();
        digest.update((byte) 0);
        digest.update(associatedData);
        return digest.digest(content);
    }

    /** Of the record as Kafka gets it. Of the headers those count that are the application's, and panlock-identity. */
    static byte[] contentHash(byte[] salt, byte[] key, byte[] value, Iterable<Header> headers) {
        MessageDigest digest = sha256();
        digest.update("panlock-content-v1".getBytes(UTF_8));
        digest.update(salt);
        part(digest, key);
        part(digest, value);
        for (Header header : headers) {
            if (!header.key().startsWith(RESERVED) || header.key().equals(IDENTITY)) {
                part(digest, header.key().getBytes(UTF_8));
                part(digest, header.value());
            }
        }
        return digest.digest();
    }

    static byte[] signedBytes(int size, byte[] root) {
        byte[] name = "panlock-root-v1".getBytes(UTF_8);
        return ByteBuffer.allocate(name.length + 36).put(name).putInt(size).put(root).array();
    }

    /** u8 length | UTF-8. */
    static byte[] measured(String text) {
        byte[] bytes = text.getBytes(UTF_8);
        if (bytes.length > 255) {
            throw new SigningException("a cluster id or a principal of more than 255 bytes: no leaf can name it");
        }
        return join(new byte[] {(byte) bytes.length}, bytes);
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(256);
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException("every JDK has SHA-256", error);
        }
    }

    static byte[] hash(byte[]... parts) {
        MessageDigest digest = sha256();
        for (byte[] part : parts) {
            digest.update(part);
        }
        return digest.digest();
    }

    private static void part(MessageDigest digest, byte[] part) {
        if (part == null) {
            digest.update(NULL);
        } else {
            digest.update(ByteBuffer.allocate(4).putInt(part.length).array());
            digest.update(part);
        }
    }
}
