package panlock.producer;

import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import org.apache.kafka.common.config.ConfigException;

/** Who signs: a certificate, what is above it, and its private key. Safe for threads. */
public final class Identity {
    private static final int MAX_CHAIN = 4;
    private static final int MAX_BYTES = 16_384;

    private final PrivateKey key;
    private final Algorithm algorithm;
    private final String principal;
    private final byte[] x5t;
    private final byte[] header;

    /**
     * @param chain the producer's own certificate first; the root may be left out
     * @throws ConfigException unless the key is the first certificate's and can sign records
     */
    public Identity(PrivateKey key, List<X509Certificate> chain) {
        if (chain.isEmpty() || chain.size() > MAX_CHAIN) {
            throw new ConfigException("a chain has 1 to 4 certificates, the producer's own first");
        }
        this.key = key;
        X509Certificate leaf = chain.get(0);
        algorithm = Algorithm.of(leaf.getPublicKey());
        if (algorithm == null) {
            throw new ConfigException("this certificate's key signs no records: use Ed25519, P-256, or RSA of 2,048 to"
                    + " 4,096 bits");
        }
        principal = commonName(leaf);
        try {
            x5t = Codec.hash(leaf.getEncoded());
            header = header(chain);
            check(leaf);
        } catch (GeneralSecurityException | SigningException error) {
            throw new ConfigException("the private key is not that of the first certificate: name the two that belong"
                    + " together");
        }
    }

    /** The certificate's CN: the name that Kafka's ACLs know. */
    public String principal() {
        return principal;
    }

    Algorithm algorithm() {
        return algorithm;
    }

    /** SHA-256 of the certificate's DER. */
    byte[] x5t() {
        return x5t;
    }

    /** The header panlock-certificates: u8 version 1 | for each certificate: u16 length | DER. */
    byte[] header() {
        return header;
    }

    byte[] sign(byte[] message) {
        try {
            Signature signature = algorithm.signature();
            signature.initSign(key);
            signature.update(message);
            return signature.sign();
        } catch (GeneralSecurityException error) {
            throw new SigningException("the private key does not sign: a key that this JDK's providers can use", error);
        }
    }

    private void check(X509Certificate leaf) throws GeneralSecurityException {
        byte[] message = {1};
        byte[] signed = sign(message);
        Signature signature = algorithm.signature();
        signature.initVerify(leaf.getPublicKey());
        signature.update(message);
        if (!signature.verify(signed)) {
            throw new GeneralSecurityException("another key's");
        }
    }

    private static byte[] header(List<X509Certificate> chain) throws GeneralSecurityException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(1);
        for (X509Certificate certificate : chain) {
            byte[] der = certificate.getEncoded();
            out.write(der.length >> 8);
            out.write(der.length);
            out.writeBytes(der);
        }
        if (out.size() > MAX_BYTES) {
            throw new ConfigException("a chain has at most 16,384 bytes: leave the root out");
        }
        return out.toByteArray();
    }

    private static String commonName(X509Certificate leaf) {
        try {
            List<String> names = new LdapName(leaf.getSubjectX500Principal().getName())
                    .getRdns().stream()
                            .filter(each -> each.getType().equalsIgnoreCase("CN"))
                            .map(each -> each.getValue() instanceof String text ? text : "")
                            .toList();
            if (names.size() == 1 && !names.get(0).isEmpty()) {
                return names.get(0);
            }
        } catch (InvalidNameException error) {
            // as if it had none
        }
        throw new ConfigException("the certificate must have one CN: it is the principal's name");
    }
}
