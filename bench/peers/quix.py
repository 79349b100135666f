"""Peer: Quix Streams with exactly-once, two outputs a record (clean and audit), its defaults otherwise.

Values pass as bytes, which spares it parsing. Environment: BROKER, CA, CERT, KEY, SOURCE, CLEAN, AUDIT, STATE_DIR.
"""

import os

from quixstreams import Application
from quixstreams.kafka import ConnectionConfig
from quixstreams.models import TopicConfig

connection = ConnectionConfig(
    bootstrap_servers=os.environ["BROKER"],
    security_protocol="ssl",
    ssl_ca_location=os.environ["CA"],
    ssl_certificate_location=os.environ["CERT"],
    ssl_key_location=os.environ["KEY"],
)
app = Application(
    broker_address=connection,
    consumer_group=os.environ["APP"],
    auto_offset_reset="earliest",
    processing_guarantee="exactly-once",
    auto_create_topics=False,
    state_dir=os.environ["STATE_DIR"],
)


def topic(name: str, serializer: str):  # type: ignore[no-untyped-def]
    shape = TopicConfig(num_partitions=4, replication_factor=1)
    return app.topic(
        os.environ[name],
        config=shape,
        key_serializer="bytes",
        key_deserializer="bytes",
        value_serializer=serializer,
        value_deserializer=serializer,
    )


payments = app.dataframe(topic("SOURCE", "bytes"))
payments.to_topic(topic("CLEAN", "bytes"))
released = payments.apply(
    lambda value, key, timestamp, headers: {"type": "record.released", "timestamp": timestamp}, metadata=True
)
released.to_topic(topic("AUDIT", "json"))

if __name__ == "__main__":
    app.run()
