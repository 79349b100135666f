package panlock.producer;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;

/**
 * An application, for the test on a real broker: {@code FILE panlock|kafka each|all}. Reads a record a line, in five
 * fields with tabs between them: topic, partition, key, value, the name of a header; {@code -} is null. Says a line for
 * each: {@code ok partition offset}, or {@code failed} and the error's class.
 */
final class Writing {
    private Writing() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        Properties properties = new Properties();
        try (Reader in = Files.newBufferedReader(Path.of(args[0]))) {
            properties.load(in);
        }
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (Producer<String, String> producer =
                        args[1].equals("panlock") ? new PanlockProducer<>(properties) : new KafkaProducer<>(properties);
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                try {
                    sent.add(producer.send(record(line.split("\t"))));
                } catch (KafkaException error) {
                    System.out.println("failed " + error.getClass().getSimpleName());
                    continue;
                }
                if (args[2].equals("each")) {
                    tell(sent);
                }
            }
            producer.flush();
            tell(sent);
        }
    }

    private static ProducerRecord<String, String> record(String[] fields) {
        Integer partition = fields[1].equals("-") ? null : Integer.valueOf(fields[1]);
        ProducerRecord<String, String> record =
                new ProducerRecord<>(fields[0], partition, text(fields[2]), text(fields[3]));
        if (!fields[4].equals("-")) {
            record.headers().add(fields[4], new byte[] {1});
        }
        return record;
    }

    private static String text(String field) {
        return field.equals("-") ? null : field;
    }

    private static void tell(List<Future<RecordMetadata>> sent) throws InterruptedException {
        for (Future<RecordMetadata> each : sent) {
            try {
                RecordMetadata where = each.get();
                System.out.println("ok " + where.partition() + " " + where.offset());
            } catch (ExecutionException error) {
                System.out.println("failed " + error.getCause().getClass().getSimpleName());
            }
        }
        sent.clear();
    }
}
