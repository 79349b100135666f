"""What happens to a record. Pure: no Kafka, no Faust, no network, no clock of its own."""
