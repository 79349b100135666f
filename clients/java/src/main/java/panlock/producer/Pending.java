package panlock.producer;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.RecordMetadata;

/** A record that waits for its signature, and whoever waits for it; {@code told} once they know. */
record Pending(Draft draft, Callback callback, CompletableFuture<RecordMetadata> future, AtomicBoolean told) {
    Pending(Draft draft, Callback callback, CompletableFuture<RecordMetadata> future) {
        this(draft, callback, future, new AtomicBoolean());
    }
}
