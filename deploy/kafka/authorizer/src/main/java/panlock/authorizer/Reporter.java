package panlock.authorizer;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.server.authorizer.AuthorizerServerInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports the counts of each window, also of an idle one, to panlock.access. Two threads of its own: one closes windows
 * by the clock, the other sends, and waits for Kafka as long as it takes; up to {@link #KEPT} reports wait with it.
 * Reports are numbered, so that one that was lost is missed.
 */
final class Reporter {
    static final String TOPIC = "panlock.access";
    private static final int KEPT = 1_440;
    private static final long GOODBYE = 1_000; // ms that a broker's stop waits for the last report
    private static final long AGAIN = 500; // ms after a failure
    private static final Logger LOG = LoggerFactory.getLogger(Reporter.class);

    private final Settings settings;
    private final Counts counts;
    private final Report.Source source;
    private final LinkedBlockingDeque<Report.Signed> waiting = new LinkedBlockingDeque<>(KEPT);
    private final Thread closing = new Thread(this::closeWindows, "panlock-access-windows");
    private final Thread sending = new Thread(this::sendAll, "panlock-access-sender");
    private volatile boolean closed;
    private long seq;
    private long from;

    Reporter(Settings settings, Counts counts, AuthorizerServerInfo server) {
        this.settings = settings;
        this.counts = counts;
        boolean controller = server.endpoints().stream().allMatch(each -> settings.controllers().contains(each.listener()));
        byte[] random = new byte[8];
        new SecureRandom().nextBytes(random);
        from = System.currentTimeMillis();
        source = new Report.Source(
                server.clusterResource().clusterId(),
                server.brokerId(),
                controller ? "controller" : "broker",
                HexFormat.of().formatHex(random),
                from);
        closing.setDaemon(true);
        sending.setDaemon(true);
    }

    boolean isController() {
        return source.role().equals("controller");
    }

    void start() {
        closing.start();
        sending.start();
    }

    /** With the last report, if it can be sent at once. */
    void close() {
        closed = true;
        closing.interrupt();
        try {
            sending.join(GOODBYE);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
        sending.interrupt();
    }

    private void closeWindows() {
        report(false); // of no time: that it began
        while (!closed) {
            long now = System.currentTimeMillis();
            try {
                Thread.sleep(settings.window() - now % settings.window());
                report(false);
            } catch (InterruptedException error) {
                break; // closed
            }
        }
        report(true);
    }

    private void report(boolean last) {
        long to = System.currentTimeMillis();
        try {
            List<Report.Signed> reports = Report.of(source, seq, from, to, last, counts.take(), settings.key());
            seq += reports.size();
            from = to;
            for (Report.Signed report : reports) {
                while (!waiting.offerLast(report)) {
                    waiting.pollFirst(); // its number will be missed
                }
            }
        } catch (GeneralSecurityException | RuntimeException error) {
            seq++; // the number of what could not be said will be missed
            LOG.error("The accesses of {} to {} could not be reported", from, to, error);
        }
    }

    private void sendAll() {
        boolean failing = false;
        while (!closed || !waiting.isEmpty() || closing.isAlive()) {
            try (KafkaProducer<byte[], byte[]> producer = producer()) {
                while (!closed || !waiting.isEmpty() || closing.isAlive()) {
                    Report.Signed report = waiting.pollFirst(100, TimeUnit.MILLISECONDS);
                    if (report == null) {
                        continue;
                    }
                    try {
                        producer.send(record(report)).get();
                    } catch (ExecutionException | KafkaException error) {
                        waiting.offerFirst(report); // where KEPT newer ones wait, it is the one that is missed
                        throw error;
                    }
                    if (failing) {
                        failing = false;
                        LOG.info("Accesses are reported to {} again", TOPIC);
                    }
                }
            } catch (ExecutionException | RuntimeException error) {
                if (!failing) {
                    failing = true;
                    LOG.warn("Accesses cannot be reported to {}, which is tried again: {}", TOPIC, error.toString());
                }
                if (closed || !slept()) {
                    return;
                }
            } catch (InterruptedException error) {
                return;
            }
        }
    }

    private static boolean slept() {
        try {
            Thread.sleep(AGAIN);
            return true;
        } catch (InterruptedException error) {
            return false;
        }
    }

    private KafkaProducer<byte[], byte[]> producer() {
        Map<String, Object> configs = new HashMap<>(Map.of(
                "acks", "all",
                "enable.idempotence", true,
                "max.block.ms", 5_000,
                "request.timeout.ms", 5_000,
                "delivery.timeout.ms", 20_000,
                "linger.ms", 0,
                "max.request.size", 1 << 20));
        configs.putAll(settings.producer());
        return new KafkaProducer<>(configs, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static ProducerRecord<byte[], byte[]> record(Report.Signed report) {
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(TOPIC, 0, report.key().getBytes(StandardCharsets.US_ASCII), report.value());
        record.headers().add("panlock-signature", report.signature());
        return record;
    }
}
