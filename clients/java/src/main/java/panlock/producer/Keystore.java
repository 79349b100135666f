package panlock.producer;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.config.types.Password;

/** The identity that Kafka's own {@code ssl.keystore.*} settings name: who signs is who connects. */
final class Keystore {
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----\\s+([A-Za-z0-9+/=\\s]+?)-----END \\1-----");

    private Keystore() {}

    /** Throws ConfigException, which never quotes a file. */
    static Identity identity(AbstractConfig config) {
        String type = config.getString(SslConfigs.SSL_KEYSTORE_TYPE_CONFIG);
        String location = config.getString(SslConfigs.SSL_KEYSTORE_LOCATION_CONFIG);
        try {
            return type.equals("PEM") ? fromPem(config, location) : fromStore(config, type, location);
        } catch (GeneralSecurityException | IOException | IllegalArgumentException error) {
            throw new ConfigException("cannot use ssl.keystore.* (" + type + ", " + location + "): a certificate and its"
                    + " private key, PEM keys in PKCS#8, and the right password");
        }
    }

    private static Identity fromPem(AbstractConfig config, String location)
            throws GeneralSecurityException, IOException {
        Password chain = config.getPassword(SslConfigs.SSL_KEYSTORE_CERTIFICATE_CHAIN_CONFIG);
        Password key = config.getPassword(SslConfigs.SSL_KEYSTORE_KEY_CONFIG);
        if (location == null && (chain == null || key == null)) {
            throw missing();
        }
        String file = location == null ? null : Files.readString(Path.of(location));
        List<X509Certificate> certificates = certificates(file == null ? chain.value() : file);
        String kind = certificates.get(0).getPublicKey().getAlgorithm();
        Password password = config.getPassword(SslConfigs.SSL_KEY_PASSWORD_CONFIG);
        return new Identity(privateKey(file == null ? key.value() : file, kind, password), certificates);
    }

    private static Identity fromStore(AbstractConfig config, String type, String location)
            throws GeneralSecurityException, IOException {
        Password password = config.getPassword(SslConfigs.SSL_KEYSTORE_PASSWORD_CONFIG);
        if (location == null || password == null) {
            throw missing();
        }
        KeyStore store = KeyStore.getInstance(type);
        try (InputStream in = Files.newInputStream(Path.of(location))) {
            store.load(in, password.value().toCharArray());
        }
        List<String> aliases = new ArrayList<>();
        for (String alias : Collections.list(store.aliases())) {
            if (store.isKeyEntry(alias)) {
                aliases.add(alias);
            }
        }
        if (aliases.size() != 1) {
            throw new ConfigException("the keystore must hold one private key, not " + aliases.size()
                    + ": which of them signs would be a matter of luck");
        }
        Password own = config.getPassword(SslConfigs.SSL_KEY_PASSWORD_CONFIG);
        char[] secret = (own == null ? password : own).value().toCharArray();
        List<X509Certificate> chain = new ArrayList<>();
        for (Certificate each : store.getCertificateChain(aliases.get(0))) {
            chain.add((X509Certificate) each);
        }
        return new Identity((PrivateKey) store.getKey(aliases.get(0), secret), chain);
    }

    private static List<X509Certificate> certificates(String pem) throws GeneralSecurityException {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        List<X509Certificate> found = new ArrayList<>();
        for (Matcher block = BLOCK.matcher(pem); block.find(); ) {
            if (block.group(1).equals("CERTIFICATE")) {
                InputStream der = new ByteArrayInputStream(decoded(block));
                found.add((X509Certificate) factory.generateCertificate(der));
            }
        }
        if (found.isEmpty()) {
            throw new GeneralSecurityException("no certificate");
        }
        return found;
    }

    private static PrivateKey privateKey(String pem, String kind, Password password)
            throws GeneralSecurityException, IOException {
        for (Matcher block = BLOCK.matcher(pem); block.find(); ) {
            if (block.group(1).equals("PRIVATE KEY")) {
                return KeyFactory.getInstance(kind).generatePrivate(new PKCS8EncodedKeySpec(decoded(block)));
            }
            if (block.group(1).equals("ENCRYPTED PRIVATE KEY") && password != null) {
                return decrypted(decoded(block), kind, password.value().toCharArray());
            }
        }
        throw new GeneralSecurityException("no private key in PKCS#8");
    }

    private static PrivateKey decrypted(byte[] der, String kind, char[] password)
            throws GeneralSecurityException, IOException {
        EncryptedPrivateKeyInfo info = new EncryptedPrivateKeyInfo(der);
        String algorithm = info.getAlgName().equals("PBES2") || info.getAlgName().equals("1.2.840.113549.1.5.13")
                ? info.getAlgParameters().toString() // the JDK names the scheme there alone
                : info.getAlgName();
        Cipher cipher = Cipher.getInstance(algorithm);
        cipher.init(
                Cipher.DECRYPT_MODE,
                SecretKeyFactory.getInstance(algorithm).generateSecret(new PBEKeySpec(password)),
                info.getAlgParameters());
        return KeyFactory.getInstance(kind).generatePrivate(info.getKeySpec(cipher));
    }

    private static byte[] decoded(Matcher block) {
        return Base64.getMimeDecoder().decode(block.group(2).getBytes(US_ASCII));
    }

    private static ConfigException missing() {
        return new ConfigException("no identity to sign with: name the producer's certificate and key in ssl.keystore.*, as"
                + " for connecting to Kafka");
    }
}
