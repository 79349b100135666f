package panlock.producer;

import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.EdECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;

/** How the root is signed; the certificate's kind of key decides. */
enum Algorithm {
    ED25519(1),
    ECDSA_P256(2),
    RSA_PSS(3);

    private static final PSSParameterSpec PSS =
            new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, PSSParameterSpec.TRAILER_FIELD_BC);

    final byte number;

    Algorithm(int number) {
        this.number = (byte) number;
    }

    /** Null for a key that signs no records. */
    static Algorithm of(PublicKey key) {
        if (key instanceof EdECPublicKey edwards && edwards.getParams().getName().equals("Ed25519")) {
            return ED25519;
        }
        if (key instanceof ECPublicKey curve && isP256(curve.getParams())) {
            return ECDSA_P256;
        }
        if (key instanceof RSAPublicKey rsa
                && rsa.getModulus().bitLength() >= 2_048
                && rsa.getModulus().bitLength() <= 4_096) {
            return RSA_PSS;
        }
        return null;
    }

    /** By its numbers: its name is not told alike by all providers. */
    private static boolean isP256(ECParameterSpec curve) {
        try {
            AlgorithmParameters named = AlgorithmParameters.getInstance("EC");
            named.init(new ECGenParameterSpec("secp256r1"));
            ECParameterSpec p256 = named.getParameterSpec(ECParameterSpec.class);
            return p256.getCurve().equals(curve.getCurve())
                    && p256.getGenerator().equals(curve.getGenerator())
                    && p256.getOrder().equals(curve.getOrder());
        } catch (GeneralSecurityException error) {
            return false;
        }
    }

    Signature signature() throws GeneralSecurityException {
        switch (this) {
            case ED25519:
                return Signature.getInstance("Ed25519");
            case ECDSA_P256:
                return Signature.getInstance("SHA256withECDSA");
            default:
                Signature pss = Signature.getInstance("RSASSA-PSS");
                pss.setParameter(PSS);
                return pss;
        }
    }
}
