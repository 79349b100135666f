package panlock.producer;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Utils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Kafka's producer, signing and sealing: construct it where {@code KafkaProducer} was constructed. Records leave in
 * batches that share a signature, within 5 ms. A record that cannot be signed is not sent: its future and its callback
 * have a {@link SigningException}. Safe for threads, as Kafka's is.
 */
public final class PanlockProducer<K, V> implements Producer<K, V> {
    private static final Logger LOG = LoggerFactory.getLogger(PanlockProducer.class);

    private final Producer<byte[], byte[]> kafka;
    private final Topics topics;
    private final Partitioning partitioning;
    private final Serializer<K> keySerializer;
    private final Serializer<V> valueSerializer;
    private final Interceptors<K, V> interceptors;
    private final Stream stream;
    private final Lingering lingering;
    private final long maxBlockMs;
    private final Thread signer;
    private volatile Exception unsent; // of this transaction: Kafka does not know of it

    /** @throws ConfigException without idempotence, an identity in ssl.keystore.*, or panlock.seal.to */
    public PanlockProducer(Map<String, Object> configs) {
        this(configs, null, null);
    }

    /** Serializers that are given are not configured, as with Kafka's producer. */
    public PanlockProducer(Map<String, Object> configs, Serializer<K> keySerializer, Serializer<V> valueSerializer) {
        this(new Settings(configs), keySerializer, valueSerializer);
    }

    public PanlockProducer(Properties properties) {
        this(properties, null, null);
    }

    public PanlockProducer(Properties properties, Serializer<K> keySerializer, Serializer<V> valueSerializer) {
        this(Utils.propsToMap(properties), keySerializer, valueSerializer);
    }

    private PanlockProducer(Settings settings, Serializer<K> key, Serializer<V> value) {
        this(
                settings,
                new Stream(Keystore.identity(settings), settings.recipient(), System::currentTimeMillis),
                key == null ? settings.serializer(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, true) : key,
                value == null ? settings.serializer(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, false) : value,
                new KafkaProducer<>(settings.behind(), new ByteArraySerializer(), new ByteArraySerializer()),
                new AdminTopics(settings.originals(), settings.maxBlockMs()));
    }

    PanlockProducer(
            Settings settings,
            Stream stream,
            Serializer<K> keySerializer,
            Serializer<V> valueSerializer,
            Producer<byte[], byte[]> kafka,
            Topics topics) {
        this.stream = stream;
        this.keySerializer = keySerializer;
        this.valueSerializer = valueSerializer;
        this.kafka = kafka;
        this.topics = topics;
        partitioning = settings.partitioning();
        interceptors = settings.interceptors();
        maxBlockMs = settings.maxBlockMs();
        lingering = new Lingering(
                settings.getInt(Settings.LINGER_MS),
                settings.getInt(Settings.BATCH_RECORDS),
                settings.getLong(ProducerConfig.BUFFER_MEMORY_CONFIG));
        signer = new Thread(this::run, "panlock-signer");
        signer.setDaemon(true);
        signer.start();
    }

    /** Go on with another certificate of the same principal; records signed with the former stay valid. */
    public void renew(Identity identity) {
        stream.renew(identity);
    }

    @Override
    public Future<RecordMetadata> send(ProducerRecord<K, V> record) {
        return send(record, null);
    }

    @Override
    public Future<RecordMetadata> send(ProducerRecord<K, V> record, Callback callback) {
        CompletableFuture<RecordMetadata> future = new CompletableFuture<>();
        ProducerRecord<K, V> intercepted = interceptors.onSend(record);
        try {
            if (!lingering.put(new Pending(draft(intercepted), callback, future), maxBlockMs)) {
                throw new TimeoutException("no room for another record within max.block.ms, " + maxBlockMs + " ms");
            }
        } catch (ApiException error) { // Kafka's word on the topic: told as its own producer tells it
            told(new Pending(null, callback, future), nowhere(intercepted), error, intercepted.headers());
        } catch (InterruptedException error) {
            throw new InterruptException(error);
        }
        return future;
    }

    private Draft draft(ProducerRecord<K, V> record) {
        String topic = record.topic();
        RecordHeaders headers = new RecordHeaders(record.headers());
        Cluster cluster = topics.describe(topic);
        byte[] key = keySerializer.serialize(topic, headers, record.key());
        byte[] value = valueSerializer.serialize(topic, headers, record.value());
        int partition = partitioning.choose(record, key, value, cluster);
        return new Draft(topic, Topics.place(cluster, topic, partition), record.timestamp(), key, value, headers);
    }

    private static RecordMetadata nowhere(ProducerRecord<?, ?> record) {
        int partition = record.partition() == null ? RecordMetadata.UNKNOWN_PARTITION : record.partition();
        return new RecordMetadata(new TopicPartition(record.topic(), partition), -1, -1, -1, -1, -1);
    }

    /** One thread signs, oldest first, and sends in that order, so that a stream stays one. */
    private void run() {
        try {
            for (List<Pending> batch = lingering.take(); !batch.isEmpty(); batch = lingering.take()) {
                sign(batch);
                lingering.handed(batch.size());
            }
        } catch (InterruptedException error) {
            // close() had no time for the rest, and tells it
        } catch (Throwable error) { // out of memory, say: without this thread nothing is ever sent again
            LOG.error("signing ended", error);
            lingering.close();
            giveUp();
        }
    }

    private void giveUp() {
        List<Pending> left = lingering.left();
        left.forEach(each -> failed(each, new KafkaException("the producer closed before this record was sent")));
        lingering.handed(left.size());
    }

    private void sign(List<Pending> batch) {
        List<Signed> signed;
        try {
            signed = stream.sign(batch.stream().map(Pending::draft).toList());
        } catch (RuntimeException | LinkageError error) { // whatever it is: unsigned, a record goes nowhere
            KafkaException told =
                    error instanceof SigningException own ? own : new SigningException("records not signed", error);
            batch.forEach(each -> failed(each, told));
            return;
        }
        for (int at = 0; at < batch.size(); at++) {
            send(batch.get(at), signed.get(at));
        }
    }

    private void send(Pending pending, Signed signed) {
        try {
            kafka.send(signed.record(), (metadata, error) -> {
                if (error == null) {
                    stream.delivered(signed.place(), signed.record().headers());
                } else {
                    stream.failed(signed.place());
                }
                told(pending, metadata, error, signed.record().headers());
            });
        } catch (RuntimeException error) {
            stream.failed(signed.place());
            failed(pending, error);
        }
    }

    private void failed(Pending pending, Exception error) {
        unsent = error;
        Draft draft = pending.draft();
        TopicPartition where = new TopicPartition(draft.topic(), draft.place().partition());
        told(pending, new RecordMetadata(where, -1, -1, -1, -1, -1), error, draft.headers());
    }

    /** In the order of Kafka's producer: interceptors, the callback, the future. */
    private void told(Pending pending, RecordMetadata metadata, Exception error, Headers headers) {
        if (pending.told().getAndSet(true)) {
            return; // closing gave it up while it was being sent
        }
        interceptors.onAcknowledgement(metadata, error, headers);
        if (pending.callback() != null) {
            try {
                pending.callback().onCompletion(metadata, error);
            } catch (RuntimeException own) {
                LOG.error("a callback of the application failed", own);
            }
        }
        if (error == null) {
            pending.future().complete(metadata);
        } else {
            pending.future().completeExceptionally(error);
        }
    }

    private void drain() {
        try {
            lingering.drain();
        } catch (InterruptedException error) {
            throw new InterruptException(error);
        }
    }

    @Override
    public void flush() {
        drain();
        kafka.flush();
    }

    @Override
    public void initTransactions() {
        kafka.initTransactions();
    }

    @Override
    public void beginTransaction() {
        kafka.beginTransaction();
        unsent = null;
    }

    @Override
    public void sendOffsetsToTransaction(
            Map<TopicPartition, OffsetAndMetadata> offsets, ConsumerGroupMetadata groupMetadata) {
        kafka.sendOffsetsToTransaction(offsets, groupMetadata);
    }

    @Override
    public void commitTransaction() {
        drain();
        if (unsent != null) {
            throw new KafkaException("a record of this transaction was not sent: abort it", unsent);
        }
        try {
            kafka.commitTransaction();
        } catch (RuntimeException error) {
            stream.forget();
            throw error;
        }
    }

    @Override
    public void abortTransaction() {
        drain();
        stream.forget(); // no reader sees what an aborted transaction brought
        kafka.abortTransaction();
        unsent = null;
    }

    @Override
    public List<PartitionInfo> partitionsFor(String topic) {
        return kafka.partitionsFor(topic);
    }

    @Override
    public Map<MetricName, ? extends Metric> metrics() {
        return kafka.metrics();
    }

    @Override
    public void registerMetricForSubscription(KafkaMetric metric) {
        kafka.registerMetricForSubscription(metric);
    }

    @Override
    public void unregisterMetricFromSubscription(KafkaMetric metric) {
        kafka.unregisterMetricFromSubscription(metric);
    }

    @Override
    public Uuid clientInstanceId(Duration timeout) {
        return kafka.clientInstanceId(timeout);
    }

    @Override
    public void close() {
        close(Duration.ofMillis(Long.MAX_VALUE));
    }

    /** What has no time to be sent fails. */
    @Override
    public void close(Duration timeout) {
        if (timeout.isNegative()) {
            throw new IllegalArgumentException("The timeout cannot be negative.");
        }
        long begun = System.nanoTime();
        lingering.close();
        try {
            joinSigner(timeout);
        } finally {
            Duration spent = Duration.ofNanos(System.nanoTime() - begun);
            Duration left = timeout.minus(spent);
            kafka.close(left.isNegative() ? Duration.ZERO : left);
            topics.close();
            partitioning.close();
            interceptors.close();
            keySerializer.close();
            valueSerializer.close();
        }
    }

    private void joinSigner(Duration timeout) {
        if (Thread.currentThread() == signer) { // a callback that closes
            return;
        }
        try {
            if (timeout.compareTo(Duration.ofDays(1)) > 0) {
                signer.join();
            } else if (!timeout.isZero()) {
                signer.join(Math.max(1, timeout.toMillis()));
            }
            if (signer.isAlive()) {
                signer.interrupt();
                signer.join(1_000);
                giveUp();
            }
        } catch (InterruptedException error) {
            throw new InterruptException(error);
        }
    }
}
