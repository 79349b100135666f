package panlock.producer;

import org.apache.kafka.clients.producer.ProducerRecord;

/** A record as Kafka gets it. */
record Signed(Place place, ProducerRecord<byte[], byte[]> record) {}
