package panlock.producer;

import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.RecordMetadata;

/** A record that waits for its signature, and whoever waits for it. */
record Pending(Draft draft, Callback callback, CompletableFuture<RecordMetadata> future) {}
