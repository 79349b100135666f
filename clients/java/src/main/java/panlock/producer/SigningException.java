package panlock.producer;

import org.apache.kafka.common.KafkaException;

/** A record that cannot be signed or sealed, and so is not sent. Messages never hold anything of a record. */
public final class SigningException extends KafkaException {
    private static final long serialVersionUID = 1L;

    SigningException(String message) {
        super(message);
    }

    SigningException(String message, Throwable cause) {
        super(message, cause);
    }
}
