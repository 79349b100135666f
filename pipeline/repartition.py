"""Which clean partition a masked key belongs to: Kafka's default partitioner, so that consumers who join by key find
it where a producer of masked keys would have put it.

Murmur2 of 32 bits with Kafka's seed, made positive, modulo the partitions (org.apache.kafka.common.utils.Utils).
"""

_SEED, _M, _R = 0x9747B28C, 0x5BD1E995, 24
_BITS = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    mixed = _SEED ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _M & _BITS
        word = (word ^ word >> _R) * _M & _BITS
        mixed = mixed * _M & _BITS ^ word
    if len(data) > whole:
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * _M & _BITS
    mixed = (mixed ^ mixed >> 13) * _M & _BITS
    return mixed ^ mixed >> 15
