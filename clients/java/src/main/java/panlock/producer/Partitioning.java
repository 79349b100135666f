package panlock.producer;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.kafka.clients.producer.Partitioner;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.utils.Utils;

/**
 * The partition, before the record is signed for it; by the clear key. As Kafka's producer chooses it: the
 * application's own partitioner, else by the key, else the same one for some kilobytes (KIP-794). Safe for threads.
 */
final class Partitioning implements AutoCloseable {
    private final Partitioner own;
    private final boolean ignoreKeys;
    private final long stickyBytes;
    private final Map<String, Sticky> sticky = new HashMap<>();

    private record Sticky(int partition, long left) {}

    /** {@code own} may be null. */
    Partitioning(Partitioner own, boolean ignoreKeys, long stickyBytes) {
        this.own = own;
        this.ignoreKeys = ignoreKeys;
        this.stickyBytes = stickyBytes;
    }

    /** Throws SigningException for a partition that the topic does not have. */
    int choose(ProducerRecord<?, ?> record, byte[] key, byte[] value, Cluster cluster) {
        String topic = record.topic();
        int count = cluster.partitionsForTopic(topic).size();
        int chosen;
        if (record.partition() != null) {
            chosen = record.partition();
        } else if (own != null) {
            chosen = own.partition(topic, record.key(), key, record.value(), value, cluster);
        } else if (key != null && !ignoreKeys) {
            chosen = Utils.toPositive(Utils.murmur2(key)) % count;
        } else {
            chosen = sticky(topic, cluster, value == null ? 0 : value.length);
        }
        if (chosen < 0 || chosen >= count) {
            throw new SigningException("topic " + topic + " has " + count + " partitions: no " + chosen);
        }
        return chosen;
    }

    private synchronized int sticky(String topic, Cluster cluster, int bytes) {
        Sticky found = sticky.get(topic);
        if (found == null || found.left <= 0) {
            List<PartitionInfo> open = cluster.availablePartitionsForTopic(topic);
            List<PartitionInfo> from = open.isEmpty() ? cluster.partitionsForTopic(topic) : open;
            int drawn = ThreadLocalRandom.current().nextInt(from.size());
            found = new Sticky(from.get(drawn).partition(), stickyBytes);
        }
        sticky.put(topic, new Sticky(found.partition, found.left - bytes - 64));
        return found.partition;
    }

    @Override
    public void close() {
        if (own != null) {
            own.close();
        }
    }
}
