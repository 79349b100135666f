package panlock.producer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(50) // less than the longest linger here: flushing, committing and closing do not wait for it
class PanlockProducerTest {
    private static final Uuid ID = new Uuid(7, 8);
    private MockProducer<byte[], byte[]> kafka =
            new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer());
    private Producer<String, String> made;

    /** Topic t with three partitions, and none besides. */
    static final class Three implements Topics {
        @Override
        public Cluster describe(String topic) {
            if (!topic.equals("t")) {
                throw new TopicAuthorizationException(topic);
            }
            Node[] nodes = {new Node(1, "localhost", 9)};
            List<PartitionInfo> partitions = new ArrayList<>();
            for (int each = 0; each < 3; each++) {
                partitions.add(new PartitionInfo(topic, each, nodes[0], nodes, nodes));
            }
            return new Cluster("c", List.of(nodes), partitions, java.util.Set.of(), java.util.Set.of(),
                    java.util.Set.of(), null, Map.of(topic, ID));
        }

        @Override
        public Cluster known(String topic) {
            return topic.equals("t") ? describe(topic) : null;
        }

        @Override
        public void close() {}
    }

    private Producer<String, String> producer(Object... settings) {
        made = new PanlockProducer<>(
                new Settings(configs(settings)),
                new Stream(Vectors.identity("p256"), null, () -> Vectors.NOW),
                new StringSerializer(),
                new StringSerializer(),
                kafka,
                new Three());
        return made;
    }

    private static Map<String, Object> configs(Object... settings) {
        Map<String, Object> configs = new HashMap<>(Map.of(Settings.SEAL_TO, "nobody"));
        for (int at = 0; at < settings.length; at += 2) {
            configs.put((String) settings[at], settings[at + 1]);
        }
        return configs;
    }

    @AfterEach
    void close() {
        if (made != null) {
            made.close();
        }
    }

    private static ProducerRecord<String, String> record(String key) {
        return new ProducerRecord<>("t", key, "v");
    }

    private static Reader envelope(ProducerRecord<byte[], byte[]> sent) {
        return Reader.parse(sent.headers().lastHeader(Codec.ENVELOPE).value());
    }

    @Test
    void recordsThatComeTogetherShareASignatureAndKeepTheirOrder() throws Exception {
        producer(Settings.LINGER_MS, 60_000, Settings.BATCH_RECORDS, 10);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int each = 0; each < 25; each++) {
            sent.add(made.send(record("k" + each % 4)));
        }
        made.flush();
        for (Future<RecordMetadata> each : sent) {
            assertTrue(each.isDone());
            each.get();
        }
        assertEquals(
                List.of(10, 10, 5),
                kafka.history().stream().map(each -> envelope(each)).filter(each -> each.index() == 0)
                        .map(Reader::size).toList());
        Map<Integer, Long> next = new HashMap<>();
        for (ProducerRecord<byte[], byte[]> each : kafka.history()) {
            assertEquals(next.getOrDefault(each.partition(), 0L), envelope(each).sequence());
            next.merge(each.partition(), 1L, (before, one) -> Math.max(before, 0) + one);
        }
    }

    @Test
    void aRecordAloneLeavesAfterTheLinger() throws Exception {
        producer(Settings.LINGER_MS, 20).send(record("k")).get();
        assertEquals(1, envelope(kafka.history().get(0)).size());
    }

    @Test
    void keysGoToThePartitionsOfKafkasOwnProducer() {
        producer();
        for (int each = 0; each < 100; each++) {
            made.send(record("key " + each));
        }
        made.flush();
        for (ProducerRecord<byte[], byte[]> each : kafka.history()) {
            assertEquals(BuiltInPartitioner.partitionForKey(each.key(), 3), each.partition());
        }
    }

    @Test
    void whatKafkaRefusesFailsAloneAndTheChainGoesAgain() throws Exception {
        kafka = new MockProducer<>(false, null, new ByteArraySerializer(), new ByteArraySerializer());
        producer(Settings.LINGER_MS, 0);
        List<Exception> told = new ArrayList<>();
        for (int each = 0; each < 3; each++) {
            Future<RecordMetadata> future = made.send(new ProducerRecord<>("t", 0, "k", "v"), (where, error) -> told.add(error));
            while (kafka.history().size() <= each) {
                Thread.sleep(1);
            }
            if (each == 1) {
                kafka.errorNext(new KafkaException("too large"));
                assertThrows(ExecutionException.class, future::get);
            } else {
                kafka.completeNext();
                future.get();
            }
        }
        assertEquals(3, told.size());
        assertInstanceOf(KafkaException.class, told.get(1));
        List<Boolean> chains = kafka.history().stream()
                .map(each -> each.headers().lastHeader(Codec.CERTIFICATES) != null)
                .toList();
        assertEquals(List.of(true, false, true), chains);
    }

    @Test
    void aTopicThatMayNotBeWrittenIsToldToFutureAndCallback() {
        List<Exception> told = new ArrayList<>();
        Future<RecordMetadata> future =
                producer().send(new ProducerRecord<>("other", "v"), (where, error) -> told.add(error));
        ExecutionException error = assertThrows(ExecutionException.class, future::get);
        assertInstanceOf(TopicAuthorizationException.class, error.getCause());
        assertEquals(List.of(error.getCause()), told);
    }

    @Test
    void whatCannotBeSignedIsNotSentAndItsTransactionDoesNotCommit() {
        made = new PanlockProducer<>(
                new Settings(configs()),
                new Stream(Vectors.identity("p256"), null, () -> {
                    throw new IllegalStateException("no clock");
                }),
                new StringSerializer(),
                new StringSerializer(),
                kafka,
                new Three());
        made.initTransactions();
        made.beginTransaction();
        Future<RecordMetadata> future = made.send(record("k"));
        assertThrows(KafkaException.class, () -> made.commitTransaction());
        assertInstanceOf(SigningException.class, assertThrows(ExecutionException.class, future::get).getCause());
        made.abortTransaction();
        assertEquals(List.of(), kafka.history());
    }

    @Test
    void aTransactionHoldsWhatWasSentInIt() {
        producer(Settings.LINGER_MS, 60_000).initTransactions();
        made.beginTransaction();
        made.send(record("k"));
        made.commitTransaction();
        assertEquals(1, kafka.history().size());
        made.beginTransaction();
        made.send(record("k"));
        made.abortTransaction();
        made.beginTransaction();
        made.send(record("k"));
        made.commitTransaction();
        assertEquals(2, kafka.history().size());
        assertTrue(kafka.history().get(1).headers().lastHeader(Codec.CERTIFICATES) != null, "the abort forgot it");
    }

    @Test
    void closingSendsWhatWaitsAndNothingIsSentAfterwards() {
        producer(Settings.LINGER_MS, 60_000).send(record("k"));
        made.close(Duration.ofSeconds(5));
        assertEquals(1, kafka.history().size());
        assertThrows(IllegalStateException.class, () -> made.send(record("k")));
    }

    @Test
    void closingWithoutTimeFailsWhatWaitsAndFlushingReturns() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        kafka = new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer()) {
            @Override
            public synchronized Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> sent, Callback callback) {
                begun.countDown();
                try {
                    Thread.sleep(60_000); // as Kafka's does while its buffer is full
                } catch (InterruptedException error) {
                    throw new InterruptException(error);
                }
                return super.send(sent, callback);
            }
        };
        producer(Settings.LINGER_MS, 0);
        List<Exception> told = Collections.synchronizedList(new ArrayList<>());
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int each = 0; each < 3; each++) {
            sent.add(made.send(record("k"), (where, error) -> told.add(error)));
        }
        begun.await();
        CompletableFuture<Void> flushing = CompletableFuture.runAsync(() -> made.flush());
        made.close(Duration.ofMillis(20));
        sent.forEach(each -> assertThrows(ExecutionException.class, each::get));
        flushing.handle((done, error) -> done).get(30, TimeUnit.SECONDS);
        assertEquals(3, told.size());
        assertEquals(List.of(), kafka.history());
    }

    @Test
    void aRecordThatClosingGaveUpIsToldOnce() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        CountDownLatch late = new CountDownLatch(1);
        kafka = new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer()) {
            @Override
            public Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> sent, Callback callback) {
                begun.countDown();
                while (closed.getCount() > 0) {
                    Thread.onSpinWait(); // deaf to the interruption
                }
                callback.onCompletion(null, null);
                late.countDown();
                return null;
            }
        };
        producer(Settings.LINGER_MS, 0);
        List<Boolean> told = Collections.synchronizedList(new ArrayList<>());
        made.send(record("k"), (where, error) -> told.add(error == null));
        begun.await();
        made.close(Duration.ofMillis(20));
        closed.countDown();
        late.await();
        assertEquals(List.of(false), told);
    }

    /** Adds a header and counts acknowledgements, as tracers do. */
    public static final class Tracer implements ProducerInterceptor<String, String> {
        static int acknowledged;

        @Override
        public ProducerRecord<String, String> onSend(ProducerRecord<String, String> record) {
            record.headers().add("trace", new byte[] {1});
            return record;
        }

        @Override
        public void onAcknowledgement(RecordMetadata metadata, Exception error) {
            acknowledged++;
        }

        @Override
        public void configure(Map<String, ?> configs) {}

        @Override
        public void close() {}
    }

    @Test
    void interceptorsComeBeforeTheSignature() {
        producer(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG, Tracer.class.getName()).send(record("k"));
        made.flush();
        ProducerRecord<byte[], byte[]> sent = kafka.history().get(0);
        assertTrue(sent.headers().lastHeader("trace") != null);
        assertEquals("ok", Reader.verdict(
                sent.headers().lastHeader(Codec.ENVELOPE).value(), sent.headers().lastHeader(Codec.SALT).value(),
                Vectors.chain("p256").get(0), new Place("c", ID, sent.partition()), "checkout", sent.key(), sent.value(),
                sent.headers()));
        assertEquals(1, Tracer.acknowledged);
    }

    @Test
    void withoutIdempotenceOrARecipientThereIsNoProducer() {
        String idempotence = ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG;
        assertThrows(ConfigException.class, () -> new Settings(configs(idempotence, "false")));
        assertThrows(ConfigException.class, () -> new Settings(configs(idempotence, false)));
        assertThrows(ConfigException.class, () -> new Settings(Map.of()));
        Map<String, Object> contradicted = new Settings(
                        configs(ProducerConfig.ACKS_CONFIG, "1", ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:9"))
                .behind();
        assertThrows(KafkaException.class, () -> new KafkaProducer<>(
                        contradicted, new ByteArraySerializer(), new ByteArraySerializer()).close());
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 1_025})
    void aBatchHasAtMost1024Records(int records) {
        assertThrows(ConfigException.class, () -> new Settings(configs(Settings.BATCH_RECORDS, records)));
    }
}
