package panlock.producer;

import java.nio.ByteBuffer;
import org.apache.kafka.common.Uuid;

/** Where a record is written; the cluster id is the text that Kafka gives. */
record Place(String cluster, Uuid topicId, int partition) {
    /** 16 bytes. */
    byte[] topicBytes() {
        return ByteBuffer.allocate(16)
                .putLong(topicId.getMostSignificantBits())
                .putLong(topicId.getLeastSignificantBits())
                .array();
    }
}
