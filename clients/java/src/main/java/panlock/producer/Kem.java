package panlock.producer;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import org.bouncycastle.crypto.SecretWithEncapsulation;
import org.bouncycastle.crypto.kems.MLKEMGenerator;
import org.bouncycastle.crypto.params.MLKEMParameters;
import org.bouncycastle.crypto.params.MLKEMPublicKeyParameters;

/** How a shared secret reaches the workers; the numbers are HPKE's registered ones (IANA). */
enum Kem {
    /** DHKEM(X25519, HKDF-SHA256), RFC 9180, section 4.1. */
    X25519(0x0020, 32) {
        @Override
        Encapsulated encapsulate(byte[] recipient) throws GeneralSecurityException {
            KeyPair ephemeral = Curve.generate();
            byte[] secret = Curve.agree(ephemeral.getPrivate(), Curve.read(recipient));
            byte[] own = Curve.bytes(ephemeral.getPublic());
            return new Encapsulated(own, dhkem(secret, own, recipient));
        }
    },
    /** X-Wing (draft-connolly-cfrg-xwing-kem): whoever records today and breaks X25519 later has nothing. */
    MLKEM768_X25519(0x647a, 1_216) {
        @Override
        Encapsulated encapsulate(byte[] recipient) throws GeneralSecurityException {
            byte[] lattice = Arrays.copyOf(recipient, MLKEM_BYTES);
            byte[] curve = Arrays.copyOfRange(recipient, MLKEM_BYTES, recipient.length);
            SecretWithEncapsulation made = new MLKEMGenerator(new SecureRandom())
                    .generateEncapsulated(new MLKEMPublicKeyParameters(MLKEMParameters.ml_kem_768, lattice));
            KeyPair ephemeral = Curve.generate();
            byte[] secret = Curve.agree(ephemeral.getPrivate(), Curve.read(curve));
            byte[] own = Curve.bytes(ephemeral.getPublic());
            byte[] shared = xWing(made.getSecret(), secret, own, curve);
            return new Encapsulated(Codec.join(made.getEncapsulation(), own), shared);
        }
    };

    static final int MLKEM_BYTES = 1_184;
    private static final byte[] X_WING = "\\.//^\\".getBytes(US_ASCII);

    private final int number;
    final int publicBytes;

    Kem(int number, int publicBytes) {
        this.number = number;
        this.publicBytes = publicBytes;
    }

    /** What the workers are sent, and the secret that they find in it. */
    record Encapsulated(byte[] key, byte[] secret) {}

    abstract Encapsulated encapsulate(byte[] recipient) throws GeneralSecurityException;

    /** Null for a number that is none of these. */
    static Kem of(int number) {
        return Arrays.stream(values()).filter(each -> each.number == number).findFirst().orElse(null);
    }

    /** u16. */
    byte[] number() {
        return new byte[] {(byte) (number >> 8), (byte) number};
    }

    static byte[] dhkem(byte[] secret, byte[] ephemeral, byte[] recipient) throws GeneralSecurityException {
        byte[] suite = Codec.join("KEM".getBytes(US_ASCII), X25519.number());
        byte[] extracted = Hpke.extract(new byte[0], suite, "eae_prk", secret);
        return Hpke.expand(extracted, suite, "shared_secret", Codec.join(ephemeral, recipient), 32);
    }

    static byte[] xWing(byte[] lattice, byte[] curve, byte[] ephemeral, byte[] recipient)
            throws GeneralSecurityException {
        MessageDigest digest = MessageDigest.getInstance("SHA3-256");
        return digest.digest(Codec.join(lattice, curve, ephemeral, recipient, X_WING));
    }
}
