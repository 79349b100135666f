package panlock.producer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

class PanlockInterceptorTest {
    private static final String LAST = PanlockInterceptor.class.getName();

    private static Map<String, Object> configs(Map<String, ?> more) {
        Map<String, Object> configs = new HashMap<>(Map.of(
                Settings.SEAL_TO, "nobody",
                "bootstrap.servers", "localhost:9",
                "ssl.keystore.type", "PEM",
                "ssl.keystore.key", Vectors.pem("p256"),
                "ssl.keystore.certificate.chain", "none",
                "key.serializer", ByteArraySerializer.class.getName(),
                "value.serializer", ByteArraySerializer.class,
                "panlock.key.serializer", StringSerializer.class.getName(),
                "panlock.value.serializer", StringSerializer.class.getName(),
                "interceptor.classes", LAST));
        configs.putAll(more);
        return configs;
    }

    private static PanlockInterceptor interceptor() {
        PanlockInterceptor made = new PanlockInterceptor();
        made.configure(
                new Settings(configs(Map.of())),
                new Stream(Vectors.identity("p256"), null, () -> Vectors.NOW),
                new PanlockProducerTest.Three());
        return made;
    }

    @Test
    void itSerialisesSetsThePartitionAndSignsATreeOfOne() {
        PanlockInterceptor interceptor = interceptor();
        ProducerRecord<Object, Object> sent = interceptor.onSend(new ProducerRecord<>("t", "k", "v"));
        assertArrayEquals("v".getBytes(StandardCharsets.UTF_8), (byte[]) sent.value());
        byte[] envelope = sent.headers().lastHeader(Codec.ENVELOPE).value();
        assertEquals(1, Reader.parse(envelope).size());
        assertEquals("ok", Reader.verdict(
                envelope, sent.headers().lastHeader(Codec.SALT).value(), Vectors.chain("p256").get(0),
                Topics.place(new PanlockProducerTest.Three().describe("t"), "t", sent.partition()), "checkout",
                (byte[]) sent.key(), (byte[]) sent.value(), sent.headers()));
        RecordMetadata where = new RecordMetadata(new TopicPartition("t", sent.partition()), 0, 0, 0, 1, 1);
        interceptor.onAcknowledgement(where, null, sent.headers());
        assertNull(interceptor.onSend(new ProducerRecord<>("t", "k", "v")).headers().lastHeader(Codec.CERTIFICATES));
        interceptor.onAcknowledgement(where, new IllegalStateException(), sent.headers());
        assertTrue(interceptor.onSend(new ProducerRecord<>("t", "k", "v")).headers().lastHeader(Codec.CERTIFICATES) != null);
    }

    @Test
    void whatItCannotSignLeavesEmptyWithAnEnvelopeThatIsNone() {
        PanlockInterceptor interceptor = interceptor();
        List<ProducerRecord<Object, Object>> cannot = List.of(
                new ProducerRecord<>("other", "k", "4111111111111111"),
                new ProducerRecord<>("t", "k", 4111),
                new ProducerRecord<>("t", 3, "k", "4111111111111111"));
        for (ProducerRecord<Object, Object> each : cannot) {
            ProducerRecord<Object, Object> sent = interceptor.onSend(each);
            assertNull(sent.key());
            assertNull(sent.value());
            assertEquals(0, sent.headers().lastHeader(Codec.ENVELOPE).value().length);
            assertEquals(each.topic(), sent.topic());
        }
    }

    @Test
    void aConfigurationThatWouldLeaveRecordsUnsignedIsRefused() {
        List<Map<String, ?>> wrong = List.of(
                Map.of("value.serializer", StringSerializer.class.getName()),
                Map.of("acks", "1"),
                Map.of("enable.idempotence", "false"),
                Map.of("interceptor.classes", LAST + "," + PanlockProducerTest.Tracer.class.getName()));
        for (Map<String, ?> each : wrong) {
            ConfigException error =
                    assertThrows(ConfigException.class, () -> new PanlockInterceptor().configure(configs(each)));
            assertTrue(each.keySet().stream().anyMatch(name -> error.getMessage().contains(name))
                    || error.getMessage().contains("idempotence"), error.getMessage());
        }
        ConfigException reachedTheKeystore =
                assertThrows(ConfigException.class, () -> new PanlockInterceptor().configure(configs(Map.of())));
        assertTrue(reachedTheKeystore.getMessage().contains("ssl.keystore"));
    }
}
