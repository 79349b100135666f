package panlock.producer;

import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/** A record as the application gives it, serialised, and its partition chosen. {@code timestamp} null: Kafka's choice. */
record Draft(String topic, Place place, Long timestamp, byte[] key, byte[] value, Headers headers) {
    /** Throws SigningException. */
    Draft {
        for (Header header : headers) {
            if (header.key().startsWith(Codec.RESERVED)) {
                throw new SigningException(
                        "headers that begin with " + Codec.RESERVED + " are Panlock's own: leave them to this kit");
            }
        }
    }

    /** Bytes that it holds in memory. */
    long size() {
        return 256L + (key == null ? 0 : key.length) + (value == null ? 0 : value.length);
    }
}
