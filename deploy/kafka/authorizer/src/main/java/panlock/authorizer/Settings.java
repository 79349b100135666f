package panlock.authorizer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.config.ConfigException;

/**
 * What the broker's configuration says, below {@code panlock.access.}: a wrong one keeps the broker from starting.
 *
 * @param key private, Ed25519, PKCS #8 in PEM: the public one is among the policy's {@code audit.access_keys}
 * @param window milliseconds that a report covers
 * @param bound different accesses of a window that are counted by themselves
 * @param producer of the reports: everything below {@code panlock.access.producer.}
 * @param controllers the listeners of controllers
 */
record Settings(PrivateKey key, long window, int bound, Map<String, Object> producer, Set<String> controllers) {
    private static final String PREFIX = "panlock.access.";
    private static final String PRODUCER = PREFIX + "producer.";
    private static final long MINUTE = 60_000;
    private static final int BOUND = 4_000;

    static Settings of(Map<String, ?> configs) {
        Map<String, Object> producer = new HashMap<>();
        configs.forEach((name, value) -> {
            if (name.startsWith(PRODUCER)) {
                producer.put(name.substring(PRODUCER.length()), value);
            }
        });
        if (!producer.containsKey("bootstrap.servers")) {
            throw new ConfigException(PRODUCER + "bootstrap.servers: say where reports go");
        }
        Set<String> controllers = new TreeSet<>();
        if (configs.get("controller.listener.names") instanceof String names) {
            controllers.addAll(Set.of(names.split("\\s*,\\s*")));
        }
        long window = number(configs, "window.ms", MINUTE, 100, 3_600_000);
        int bound = (int) number(configs, "bound", BOUND, 1, 100_000);
        return new Settings(key(configs.get(PREFIX + "key")), window, bound, producer, controllers);
    }

    private static long number(Map<String, ?> configs, String name, long usual, long least, long most) {
        Object value = configs.get(PREFIX + name);
        try {
            long number = value == null ? usual : Long.parseLong(value.toString().strip());
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException error) {
            // told below
        }
        throw new ConfigException(PREFIX + name, value, "must be a number from " + least + " to " + most);
    }

    private static PrivateKey key(Object file) {
        if (!(file instanceof String name)) {
            throw new ConfigException(PREFIX + "key: name the file of the key that signs reports (`panlock audit key`)");
        }
        try {
            String pem = Files.readString(Path.of(name), StandardCharsets.US_ASCII);
            String text = pem.replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
            return KeyFactory.getInstance("Ed25519").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
        } catch (IOException | IllegalArgumentException | GeneralSecurityException error) {
            throw new ConfigException(PREFIX + "key", name, "is no Ed25519 key in PEM that the broker may read");
        }
    }
}
