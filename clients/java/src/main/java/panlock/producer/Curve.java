package panlock.producer;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.interfaces.XECPublicKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.XECPublicKeySpec;
import javax.crypto.KeyAgreement;

/** X25519 (RFC 7748) by the JDK, with public keys as 32 little-endian bytes. */
final class Curve {
    static final int BYTES = 32;

    private Curve() {}

    static KeyPair generate() throws GeneralSecurityException {
        return KeyPairGenerator.getInstance("X25519").generateKeyPair();
    }

    /** Throws for a point of small order, too. */
    static byte[] agree(PrivateKey own, PublicKey other) throws GeneralSecurityException {
        KeyAgreement agreement = KeyAgreement.getInstance("X25519");
        agreement.init(own);
        agreement.doPhase(other, true);
        return agreement.generateSecret();
    }

    static PublicKey read(byte[] raw) throws GeneralSecurityException {
        byte[] reversed = reversed(raw);
        reversed[0] &= 0x7f; // RFC 7748, section 5: the top bit does not count
        BigInteger u = new BigInteger(1, reversed);
        return KeyFactory.getInstance("X25519").generatePublic(new XECPublicKeySpec(NamedParameterSpec.X25519, u));
    }

    static byte[] bytes(PublicKey key) {
        byte[] number = ((XECPublicKey) key).getU().toByteArray(); // big-endian, as short as it can be, or one longer
        byte[] raw = new byte[BYTES];
        for (int at = 0; at < Math.min(BYTES, number.length); at++) {
            raw[at] = number[number.length - 1 - at];
        }
        return raw;
    }

    private static byte[] reversed(byte[] raw) {
        byte[] out = new byte[raw.length];
        for (int at = 0; at < raw.length; at++) {
            out[at] = raw[raw.length - 1 - at];
        }
        return out;
    }
}
