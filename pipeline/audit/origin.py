"""The name of a log, all over the world: `<cluster id>/<topic>/<partition>`.

What is signed of a log names it, so that nothing counts for another lane, emitter or cluster. A topic that was made
anew keeps its name: its history has to go on where the former one ended.
"""


def origin(cluster: str, topic: str, partition: int) -> str:
    """`cluster`: Kafka's id of it."""
    return f"{cluster}/{topic}/{partition}"
