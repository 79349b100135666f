package panlock.producer;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.GeneralSecurityException;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** HPKE (RFC 9180) in base mode, for one message, with HKDF-SHA256 and AES-256-GCM. */
final class Hpke {
    private static final byte[] NONE = {};
    private static final byte[] VERSION = "HPKE-v1".getBytes(US_ASCII);
    private static final byte BASE = 0;

    private Hpke() {}

    /** Section 5.1, KeySchedule, and 5.2, Seal at sequence 0, without associated data. */
    static byte[] seal(Kem kem, byte[] sharedSecret, byte[] info, byte[] plain) throws GeneralSecurityException {
        return schedule(Cipher.ENCRYPT_MODE, kem, sharedSecret, info).doFinal(plain);
    }

    /** The cipher of the first message, ready. */
    static Cipher schedule(int mode, Kem kem, byte[] sharedSecret, byte[] info) throws GeneralSecurityException {
        byte[] suite = Codec.join("HPKE".getBytes(US_ASCII), kem.number(), new byte[] {0, 1, 0, 2});
        byte[] pskIdHash = extract(NONE, suite, "psk_id_hash", NONE);
        byte[] infoHash = extract(NONE, suite, "info_hash", info);
        byte[] context = Codec.join(new byte[] {BASE}, pskIdHash, infoHash);
        byte[] secret = extract(sharedSecret, suite, "secret", NONE);
        byte[] key = expand(secret, suite, "key", context, 32);
        byte[] nonce = expand(secret, suite, "base_nonce", context, 12);
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(128, nonce));
        return cipher;
    }

    /** Section 4, LabeledExtract. */
    static byte[] extract(byte[] salt, byte[] suite, String label, byte[] input) throws GeneralSecurityException {
        byte[] key = salt.length == 0 ? new byte[32] : salt; // RFC 5869: as many zeros as the hash is long
        return hmac(key, VERSION, suite, label.getBytes(US_ASCII), input);
    }

    /** Section 4, LabeledExpand, of at most 32 bytes: one block of HKDF. */
    static byte[] expand(byte[] secret, byte[] suite, String label, byte[] info, int length)
            throws GeneralSecurityException {
        byte[] size = {0, (byte) length};
        byte[] block = hmac(secret, size, VERSION, suite, label.getBytes(US_ASCII), info, new byte[] {1});
        return java.util.Arrays.copyOf(block, length);
    }

    private static byte[] hmac(byte[] key, byte[]... parts) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        for (byte[] part : parts) {
            mac.update(part);
        }
        return mac.doFinal();
    }
}
