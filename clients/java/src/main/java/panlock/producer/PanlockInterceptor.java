package panlock.producer;

import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signs and seals by configuration alone, where no line can be changed: one signature a record, and a topic's first
 * record waits until Kafka has described the topic. {@link PanlockProducer} is better in all but that.
 *
 * <p>It serialises, for it signs bytes; behind it only {@code ByteArraySerializer} may come. Kafka swallows what an
 * interceptor throws and sends the record as it was. So what cannot be signed leaves as a record without key and value
 * whose envelope is empty: nothing clear reaches quarantine, and the worker rejects it and says so in the audit.
 */
public final class PanlockInterceptor implements ProducerInterceptor<Object, Object> {
    private static final Logger LOG = LoggerFactory.getLogger(PanlockInterceptor.class);

    private Serializer<Object> keySerializer;
    private Serializer<Object> valueSerializer;
    private Topics topics;
    private Partitioning partitioning;
    private Stream stream;

    /** @throws ConfigException as PanlockProducer does, and unless it comes last and behind it come bytes */
    @Override
    public void configure(Map<String, ?> configs) {
        Settings settings = new Settings(configs);
        checkPlace(settings);
        Stream made = new Stream(Keystore.identity(settings), settings.recipient(), System::currentTimeMillis);
        configure(settings, made, new AdminTopics(configs, settings.maxBlockMs()));
    }

    void configure(Settings settings, Stream stream, Topics topics) {
        this.stream = stream;
        this.topics = topics;
        keySerializer = settings.serializer(Settings.KEY_SERIALIZER, true);
        valueSerializer = settings.serializer(Settings.VALUE_SERIALIZER, false);
        partitioning = settings.partitioning();
    }

    @Override
    public ProducerRecord<Object, Object> onSend(ProducerRecord<Object, Object> record) {
        try {
            return signed(record);
        } catch (Throwable error) { // thrown on, the record would leave unsigned
            LOG.error("A record for {} could not be signed: the worker will reject it", record.topic(), error);
            return refused(record);
        }
    }

    private ProducerRecord<Object, Object> signed(ProducerRecord<Object, Object> record) {
        String topic = record.topic();
        RecordHeaders headers = new RecordHeaders(record.headers());
        Cluster cluster = topics.describe(topic);
        byte[] key = keySerializer.serialize(topic, headers, record.key());
        byte[] value = valueSerializer.serialize(topic, headers, record.value());
        int partition = partitioning.choose(record, key, value, cluster);
        Draft draft = new Draft(topic, Topics.place(cluster, topic, partition), record.timestamp(), key, value, headers);
        return untyped(stream.sign(List.of(draft)).get(0).record());
    }

    private static ProducerRecord<Object, Object> untyped(ProducerRecord<byte[], byte[]> signed) {
        return new ProducerRecord<>(
                signed.topic(), signed.partition(), signed.timestamp(), signed.key(), signed.value(), signed.headers());
    }

    private static ProducerRecord<Object, Object> refused(ProducerRecord<Object, Object> record) {
        RecordHeaders headers = new RecordHeaders();
        headers.add(Codec.ENVELOPE, new byte[0]);
        return new ProducerRecord<>(record.topic(), record.partition(), record.timestamp(), null, null, headers);
    }

    @Override
    public void onAcknowledgement(RecordMetadata metadata, Exception error, Headers headers) {
        Cluster cluster = metadata == null ? null : topics.known(metadata.topic());
        if (cluster == null || metadata.partition() < 0) {
            return; // never signed, so it brought nothing
        }
        Place place = Topics.place(cluster, metadata.topic(), metadata.partition());
        if (error == null) {
            stream.delivered(place, headers);
        } else {
            stream.failed(place);
        }
    }

    @Override
    public void close() {
        if (topics != null) {
            topics.close();
            partitioning.close();
            keySerializer.close();
            valueSerializer.close();
        }
    }

    private static void checkPlace(Settings settings) {
        for (String name : List.of(
                ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG)) {
            if (settings.getClass(name) != ByteArraySerializer.class) {
                throw new ConfigException(
                        name,
                        settings.getClass(name),
                        "what is signed are bytes: name ByteArraySerializer here, and your serializer as "
                                + Settings.PREFIX + name);
            }
        }
        ProducerConfig effective = new ProducerConfig(settings.originals());
        if (!effective.getBoolean(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG)) { // acks, retries or in-flight say so
            throw new ConfigException(
                    ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, false, "a retry could change the order of a stream: set it");
        }
        List<?> all = effective.getList(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG);
        Object last = all.get(all.size() - 1);
        if (last != PanlockInterceptor.class && !last.equals(PanlockInterceptor.class.getName())) {
            throw new ConfigException(
                    ProducerConfig.INTERCEPTOR_CLASSES_CONFIG, all, "name Panlock's last: it signs what leaves");
        }
    }
}
