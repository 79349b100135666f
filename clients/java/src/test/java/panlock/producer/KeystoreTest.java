package panlock.producer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeystoreTest {
    private static final char[] PASSWORD = "a password".toCharArray();

    /** The vectors' p256 key as openssl writes it under that password (PBES2). */
    private static final String ENCRYPTED =
            """
            -----BEGIN ENCRYPTED PRIVATE KEY-----
            MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBBqGsyim5qvDLQ4tF/5
            adEuAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQwIB8wN7COJs2KhTG
            GHb3xQSBkHKbRE3UidywQf3HeQmfx2G7PRYMvYhDn98KvYRwO/HngX1P6qX8oQTE
            ndXfCR/Tk0giCBlKfjknwaO1e9bLX+siCuXXGlEXxQdPNe9i9vjfIIUx2A9L68io
            YZkKPnC3901VPU/xgaE4eCk4jTF96gKMbNzu1AV+7JAisNJMZV9njTmIY7+Z/tm6
            UkUG4efMZw==
            -----END ENCRYPTED PRIVATE KEY-----
            """;

    @TempDir
    private Path directory;

    private static Identity identity(Map<String, String> names) {
        Map<String, Object> configs = new HashMap<>(names);
        configs.put(Settings.SEAL_TO, "nobody");
        return Keystore.identity(new Settings(configs));
    }

    private static String certificate(String name) throws Exception {
        String der = Base64.getMimeEncoder().encodeToString(Vectors.chain(name).get(0).getEncoded());
        return "-----BEGIN CERTIFICATE-----\n" + der + "\n-----END CERTIFICATE-----\n";
    }

    private Path store(String... names) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        for (String name : names) {
            store.setKeyEntry(name, Vectors.key(name), PASSWORD, Vectors.chain(name).toArray(Certificate[]::new));
        }
        Path file = directory.resolve("store.p12");
        try (OutputStream out = Files.newOutputStream(file)) {
            store.store(out, PASSWORD);
        }
        return file;
    }

    @ParameterizedTest
    @ValueSource(strings = {"ed25519", "p256", "rsa"})
    void pemFilesPemTextAndStoresNameTheSameIdentity(String name) throws Exception {
        Path file = directory.resolve("identity.pem");
        Files.writeString(file, Vectors.pem(name) + certificate(name));
        Identity expected = Vectors.identity(name);
        for (Identity read : new Identity[] {
            identity(Map.of("ssl.keystore.type", "PEM", "ssl.keystore.location", file.toString())),
            identity(Map.of(
                    "ssl.keystore.type", "PEM",
                    "ssl.keystore.key", Vectors.pem(name),
                    "ssl.keystore.certificate.chain", certificate(name))),
            identity(Map.of(
                    "ssl.keystore.type", "PKCS12",
                    "ssl.keystore.location", store(name).toString(),
                    "ssl.keystore.password", new String(PASSWORD))),
        }) {
            assertEquals("checkout", read.principal());
            assertArrayEquals(expected.header(), read.header());
        }
    }

    @Test
    void anEncryptedPemKeyOpensWithItsPassword() throws Exception {
        Map<String, String> names = new HashMap<>(Map.of(
                "ssl.keystore.type", "PEM",
                "ssl.keystore.key", ENCRYPTED,
                "ssl.keystore.certificate.chain", certificate("p256"),
                "ssl.key.password", new String(PASSWORD)));
        assertEquals("checkout", identity(names).principal());
        names.put("ssl.key.password", "another");
        assertThrows(ConfigException.class, () -> identity(names));
    }

    @Test
    void aStoreWithTwoKeysAndNoStoreAtAllAreRefused() throws Exception {
        Map<String, String> two = Map.of(
                "ssl.keystore.type", "PKCS12",
                "ssl.keystore.location", store("p256", "rsa").toString(),
                "ssl.keystore.password", new String(PASSWORD));
        assertThrows(ConfigException.class, () -> identity(two));
        assertThrows(ConfigException.class, () -> identity(Map.of()));
    }

    @Test
    void anErrorNeverQuotesTheKey() throws Exception {
        String key = Vectors.pem("p256");
        ConfigException error = assertThrows(
                ConfigException.class,
                () -> identity(Map.of(
                        "ssl.keystore.type", "PEM",
                        "ssl.keystore.key", key,
                        "ssl.keystore.certificate.chain", "no certificate")));
        assertFalse(error.toString().contains(key.substring(30, 60)));
    }
}
