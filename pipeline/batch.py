"""Record batches of Kafka's format 2 (KIP-98), read and written by the kernel."""

from panlock_kernel import Record, WrittenBatch, is_whole_batch, read_batch

from pipeline.record import Unreadable

Fetched = Record | Unreadable

__all__ = ["Fetched", "Record", "WrittenBatch", "is_whole_batch", "read_batch"]
