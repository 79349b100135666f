package panlock.producer;

import com.fasterxml.jackson.databind.JsonNode;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.XECPrivateKeySpec;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.crypto.digests.SHAKEDigest;
import org.bouncycastle.crypto.kems.MLKEMExtractor;
import org.bouncycastle.crypto.params.MLKEMParameters;
import org.bouncycastle.crypto.params.MLKEMPrivateKeyParameters;

/** What a worker does with sealed records, for the tests: a kit itself opens nothing. */
final class Opener {
    private final Kem kem;
    private final byte[] id;
    private final byte[] publicKey;
    private final byte[] seed;

    /** One of the vectors' recipients. */
    Opener(JsonNode recipient) {
        kem = Kem.of(recipient.get("kem").asInt());
        id = Vectors.bytes(recipient.get("key_id"));
        seed = Vectors.bytes(recipient.get("seed"));
        String line = recipient.get("public").asText();
        byte[] raw = Base64.getDecoder().decode(line.substring(line.indexOf(':') + 1));
        publicKey = Arrays.copyOfRange(raw, 2, raw.length);
    }

    byte[] dataKey(byte[] header, byte[] info) throws GeneralSecurityException {
        byte[] prefix = Codec.join(new byte[] {1}, kem.number(), id);
        int encapsulated = kem == Kem.X25519 ? 32 : 1_120;
        if (header.length != 35 + encapsulated + 48 || !Arrays.equals(prefix, Arrays.copyOf(header, 35))) {
            throw new GeneralSecurityException("not for this recipient");
        }
        byte[] sent = Arrays.copyOfRange(header, 35, 35 + encapsulated);
        byte[] wrapped = Arrays.copyOfRange(header, 35 + encapsulated, header.length);
        return Hpke.schedule(Cipher.DECRYPT_MODE, kem, secret(sent), info).doFinal(wrapped);
    }

    private byte[] secret(byte[] sent) throws GeneralSecurityException {
        if (kem == Kem.X25519) {
            return Kem.dhkem(Curve.agree(curve(seed), Curve.read(sent)), sent, publicKey);
        }
        byte[] expanded = new byte[96];
        SHAKEDigest shake = new SHAKEDigest(256);
        shake.update(seed, 0, seed.length);
        shake.doFinal(expanded, 0, expanded.length);
        byte[] lattice = new MLKEMExtractor(
                        new MLKEMPrivateKeyParameters(MLKEMParameters.ml_kem_768, Arrays.copyOf(expanded, 64)))
                .extractSecret(Arrays.copyOf(sent, 1_088));
        byte[] ephemeral = Arrays.copyOfRange(sent, 1_088, 1_120);
        byte[] agreed = Curve.agree(curve(Arrays.copyOfRange(expanded, 64, 96)), Curve.read(ephemeral));
        return Kem.xWing(lattice, agreed, ephemeral, Arrays.copyOfRange(publicKey, Kem.MLKEM_BYTES, publicKey.length));
    }

    private static PrivateKey curve(byte[] seed) throws GeneralSecurityException {
        return KeyFactory.getInstance("X25519")
                .generatePrivate(new XECPrivateKeySpec(NamedParameterSpec.X25519, seed));
    }

    static byte[] open(byte[] dataKey, byte part, Place place, long sequence, byte[] associatedData, byte[] sealed)
            throws GeneralSecurityException {
        if (sealed == null) {
            return null;
        }
        if (sealed.length < 16) { // the JDK of 17 trips over it
            throw new GeneralSecurityException("shorter than a tag");
        }
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        GCMParameterSpec nonce = new GCMParameterSpec(128, DataKey.nonce(part, place, sequence));
        cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(dataKey, "AES"), nonce);
        cipher.updateAAD(associatedData);
        return cipher.doFinal(sealed);
    }
}
