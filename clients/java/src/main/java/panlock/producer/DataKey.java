package panlock.producer;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * AES-256-GCM for one stream on one topic in one hour. {@code header} is panlock-sealed-key, {@code digest} its SHA-256.
 *
 * <pre>nonce = u8 part (0 key, 1 value) | u24 partition | u64 sequence</pre>
 */
record DataKey(SecretKey key, long hour, byte[] header, byte[] digest) {
    static final int BYTES = 32;
    static final long HOUR_MS = 3_600_000;
    static final byte KEY = 0;
    static final byte VALUE = 1;
    private static final int MAX_PARTITION = (1 << 24) - 1;

    static DataKey make(Recipient recipient, Place place, String principal, byte[] stream, long hour, SecureRandom random) {
        byte[] secret = new byte[BYTES];
        random.nextBytes(secret);
        byte[] info = info(place, principal, stream, hour);
        byte[] header = recipient.wrap(secret, info);
        return new DataKey(new SecretKeySpec(secret, "AES"), hour, header, Codec.hash(header));
    }

    static byte[] info(Place place, String principal, byte[] stream, long hour) {
        return Codec.join(
                "panlock-seal-v1".getBytes(US_ASCII),
                Codec.measured(place.cluster()),
                place.topicBytes(),
                Codec.measured(principal),
                stream,
                ByteBuffer.allocate(4).putInt((int) hour).array());
    }

    /** A null stays null. No two records may have the same stream, topic, partition and sequence. */
    byte[] seal(byte part, Place place, long sequence, byte[] associatedData, byte[] clear) {
        if (clear == null) {
            return null;
        }
        if (place.partition() > MAX_PARTITION) {
            throw new SigningException("partition " + place.partition() + " cannot be sealed: the nonce holds 24 bits");
        }
        try {
            Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
            cipher.init(Cipher.ENCRYPT_MODE, key, new GCMParameterSpec(128, nonce(part, place, sequence)));
            cipher.updateAAD(associatedData);
            return cipher.doFinal(clear);
        } catch (GeneralSecurityException error) {
            throw new SigningException("the JDK does not seal with AES-256-GCM", error);
        }
    }

    static byte[] nonce(byte part, Place place, long sequence) {
        return ByteBuffer.allocate(12).putInt(part << 24 | place.partition()).putLong(sequence).array();
    }
}
