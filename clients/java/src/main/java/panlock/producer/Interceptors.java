package panlock.producer;

import java.util.List;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Headers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The application's own interceptors, in front of the signature; what they throw is logged, as Kafka does it. */
final class Interceptors<K, V> implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PanlockProducer.class);

    private final List<ProducerInterceptor<K, V>> all;

    Interceptors(List<ProducerInterceptor<K, V>> all) {
        this.all = all;
    }

    ProducerRecord<K, V> onSend(ProducerRecord<K, V> record) {
        ProducerRecord<K, V> intercepted = record;
        for (ProducerInterceptor<K, V> each : all) {
            try {
                intercepted = each.onSend(intercepted);
            } catch (RuntimeException error) {
                LOG.warn("an interceptor of the application failed", error);
            }
        }
        return intercepted;
    }

    void onAcknowledgement(RecordMetadata metadata, Exception failure, Headers headers) {
        for (ProducerInterceptor<K, V> each : all) {
            try {
                each.onAcknowledgement(metadata, failure, headers);
            } catch (RuntimeException error) {
                LOG.warn("an interceptor of the application failed", error);
            }
        }
    }

    @Override
    public void close() {
        for (ProducerInterceptor<K, V> each : all) {
            try {
                each.close();
            } catch (Exception error) {
                LOG.warn("an interceptor of the application did not close", error);
            }
        }
    }
}
