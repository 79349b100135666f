package panlock.producer;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.Partitioner;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;

/** What this kit reads of a producer's configuration: its own settings, and those of Kafka's that it must know. */
final class Settings extends AbstractConfig {
    static final String PREFIX = "panlock.";
    static final String SEAL_TO = "panlock.seal.to";
    static final String LINGER_MS = "panlock.linger.ms";
    static final String BATCH_RECORDS = "panlock.batch.records";
    static final String KEY_SERIALIZER = "panlock.key.serializer";
    static final String VALUE_SERIALIZER = "panlock.value.serializer";
    private static final String NOBODY = "nobody";

    private static final ConfigDef DEFINITION = new ConfigDef()
            .define(SEAL_TO, Type.STRING, Importance.HIGH, "The workers' public key: its line, or a file; or: nobody")
            .define(LINGER_MS, Type.INT, 5, Range.between(0, 60_000), Importance.LOW, "How long a record waits for others")
            .define(
                    BATCH_RECORDS,
                    Type.INT,
                    256,
                    Range.between(1, MerkleTree.MAX_LEAVES),
                    Importance.LOW,
                    "Records that share a signature, at most")
            .define(KEY_SERIALIZER, Type.CLASS, ByteArraySerializer.class, Importance.MEDIUM, "Of the interceptor alone")
            .define(VALUE_SERIALIZER, Type.CLASS, ByteArraySerializer.class, Importance.MEDIUM, "Of the interceptor alone")
            .define(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, Type.CLASS, null, Importance.HIGH, "Kafka's")
            .define(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, Type.CLASS, null, Importance.HIGH, "Kafka's")
            .define(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG, Type.LIST, List.of(), Importance.LOW, "Kafka's")
            .define(ProducerConfig.MAX_BLOCK_MS_CONFIG, Type.LONG, 60_000, Importance.LOW, "Kafka's")
            .define(ProducerConfig.BATCH_SIZE_CONFIG, Type.LONG, 16_384, Importance.LOW, "Kafka's")
            .define(ProducerConfig.BUFFER_MEMORY_CONFIG, Type.LONG, 33_554_432, Importance.LOW, "Kafka's")
            .define(ProducerConfig.PARTITIONER_CLASS_CONFIG, Type.CLASS, null, Importance.LOW, "Kafka's")
            .define(ProducerConfig.PARTITIONER_IGNORE_KEYS_CONFIG, Type.BOOLEAN, false, Importance.LOW, "Kafka's")
            .withClientSslSupport();

    Settings(Map<String, ?> configs) {
        super(DEFINITION, checked(configs), false); // false: logged, it would name the private key's file
    }

    private static Map<String, ?> checked(Map<String, ?> configs) {
        if (configs.get(SEAL_TO) == null) {
            throw new ConfigException(SEAL_TO, null, "name the file with the public key of Panlock's workers, or "
                    + NOBODY + " for a flow whose policy says quarantine: clear");
        }
        Object idempotence = configs.get(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG);
        if (idempotence != null && !String.valueOf(idempotence).strip().equalsIgnoreCase("true")) {
            throw new ConfigException(
                    ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
                    idempotence,
                    "a retry could change the order of a stream; leave it on");
        }
        return configs;
    }

    /** Null where records stay clear. */
    Recipient recipient() {
        String to = getString(SEAL_TO);
        return to.equals(NOBODY) ? null : Recipient.read(to);
    }

    Partitioning partitioning() {
        boolean named = getClass(ProducerConfig.PARTITIONER_CLASS_CONFIG) != null;
        Partitioner own =
                named ? getConfiguredInstance(ProducerConfig.PARTITIONER_CLASS_CONFIG, Partitioner.class) : null;
        boolean ignoreKeys = getBoolean(ProducerConfig.PARTITIONER_IGNORE_KEYS_CONFIG);
        return new Partitioning(own, ignoreKeys, getLong(ProducerConfig.BATCH_SIZE_CONFIG));
    }

    /** {@code name}: the setting that names the class. */
    @SuppressWarnings("unchecked")
    <T> Serializer<T> serializer(String name, boolean isKey) {
        Serializer<T> made = getConfiguredInstance(name, Serializer.class);
        if (made == null) {
            throw new ConfigException(name, null, "name a serializer");
        }
        made.configure(originals(), isKey);
        return made;
    }

    /** Throws ConfigException where Panlock's own is among them: records would be signed twice. */
    @SuppressWarnings("unchecked")
    <K, V> Interceptors<K, V> interceptors() {
        List<ProducerInterceptor<K, V>> made = (List<ProducerInterceptor<K, V>>)
                (List<?>) getConfiguredInstances(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG, ProducerInterceptor.class);
        if (made.stream().anyMatch(PanlockInterceptor.class::isInstance)) {
            throw new ConfigException(
                    ProducerConfig.INTERCEPTOR_CLASSES_CONFIG, made, "PanlockProducer signs: leave Panlock's out");
        }
        return new Interceptors<>(made);
    }

    long maxBlockMs() {
        return getLong(ProducerConfig.MAX_BLOCK_MS_CONFIG);
    }

    /** For the producer that writes what is signed: without what has been done by then. */
    Map<String, Object> behind() {
        Map<String, Object> behind = new HashMap<>(originals());
        behind.keySet().removeIf(name -> name.startsWith(PREFIX));
        behind.remove(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG); // they come before the signature
        behind.remove(ProducerConfig.PARTITIONER_CLASS_CONFIG);
        behind.remove(ProducerConfig.PARTITIONER_IGNORE_KEYS_CONFIG);
        behind.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true); // named, Kafka refuses what contradicts it
        behind.putIfAbsent(ProducerConfig.LINGER_MS_CONFIG, 0); // records have waited for each other already
        return behind;
    }
}
