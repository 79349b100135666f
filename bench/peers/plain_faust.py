"""Peer: a Faust agent as Faust's documentation writes one: JSON values, two awaited sends a record, at least once.

Environment: BROKER, CA, CERT, KEY, APP, SOURCE, CLEAN, AUDIT, PORT, STATE_DIR.
"""

import os
import ssl

import faust

context = ssl.create_default_context(cafile=os.environ["CA"])
context.load_cert_chain(os.environ["CERT"], os.environ["KEY"])

app = faust.App(
    os.environ["APP"],
    broker=f"kafka://{os.environ['BROKER']}",
    broker_credentials=faust.SSLCredentials(context=context),
    topic_allow_declare=False,
    topic_disable_leader=True,
    web_port=int(os.environ["PORT"]),
    worker_redirect_stdouts=False,
    datadir=os.environ["STATE_DIR"],
)
source = app.topic(os.environ["SOURCE"], key_type=bytes, value_serializer="json")
clean = app.topic(os.environ["CLEAN"], key_type=bytes, value_serializer="json")
audit = app.topic(os.environ["AUDIT"], key_type=bytes, value_serializer="json")


@app.agent(source)
async def release(payments):  # type: ignore[no-untyped-def]
    async for event in payments.events():
        await clean.send(key=event.key, value=event.value)
        await audit.send(
            key=event.key,
            value={"type": "record.released", "partition": event.message.partition, "offset": event.message.offset},
        )


if __name__ == "__main__":
    app.main()
