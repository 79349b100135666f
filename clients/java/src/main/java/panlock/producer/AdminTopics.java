package panlock.producer;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;

/**
 * Topics as an admin client describes them; the rights to write one suffice. Remembered, and asked for anew in the
 * background after 5 minutes: a topic that was made again is noticed, and only a topic's first record waits.
 */
final class AdminTopics implements Topics {
    private static final long STALE_NS = TimeUnit.MINUTES.toNanos(5);

    private final Admin admin;
    private final long patienceMs;
    private final Map<String, Known> topics = new ConcurrentHashMap<>();

    private record Known(Cluster cluster, long read) {}

    /** {@code configs}: those of the producer. */
    AdminTopics(Map<String, ?> configs, long patienceMs) {
        Map<String, Object> own = new HashMap<>(configs);
        own.keySet().retainAll(AdminClientConfig.configNames());
        own.remove(CommonClientConfigs.METRIC_REPORTER_CLASSES_CONFIG); // the producer's, not for a second client
        own.computeIfPresent(CommonClientConfigs.CLIENT_ID_CONFIG, (unused, id) -> id + "-panlock");
        admin = Admin.create(own);
        this.patienceMs = patienceMs;
    }

    @Override
    public Cluster describe(String topic) {
        Known known = topics.get(topic);
        if (known == null) {
            known = await(topic);
        } else if (System.nanoTime() - known.read > STALE_NS && topics.replace(topic, known, again(known))) {
            ask(topic); // the one thread that put the former answer back for a while asks
        }
        return known.cluster;
    }

    @Override
    public Cluster known(String topic) {
        Known known = topics.get(topic);
        return known == null ? null : known.cluster;
    }

    private static Known again(Known known) {
        return new Known(known.cluster, System.nanoTime());
    }

    private Known await(String topic) {
        try {
            return ask(topic).get(patienceMs, TimeUnit.MILLISECONDS);
        } catch (InterruptedException error) {
            throw new InterruptException(error);
        } catch (ExecutionException error) {
            throw error.getCause() instanceof KafkaException known ? known : new KafkaException(error.getCause());
        } catch (java.util.concurrent.TimeoutException error) {
            throw new TimeoutException("topic " + topic + " not described in " + patienceMs + " ms");
        }
    }

    private CompletableFuture<Known> ask(String topic) {
        CompletionStage<String> cluster = admin.describeCluster().clusterId().toCompletionStage();
        return admin.describeTopics(List.of(topic))
                .topicNameValues()
                .get(topic)
                .toCompletionStage()
                .thenCombine(cluster, (described, id) -> new Known(cluster(id, described), System.nanoTime()))
                .whenComplete((known, error) -> {
                    if (error == null) {
                        topics.put(topic, known);
                    }
                })
                .toCompletableFuture();
    }

    private static Cluster cluster(String id, TopicDescription topic) {
        Set<Node> nodes = new HashSet<>();
        for (TopicPartitionInfo each : topic.partitions()) {
            nodes.addAll(each.replicas());
        }
        List<PartitionInfo> partitions =
                topic.partitions().stream().map(each -> partition(topic.name(), each)).toList();
        Map<String, org.apache.kafka.common.Uuid> ids = Map.of(topic.name(), topic.topicId());
        return new Cluster(id, nodes, partitions, Set.of(), Set.of(), Set.of(), null, ids);
    }

    private static PartitionInfo partition(String topic, TopicPartitionInfo info) {
        Node leader = info.leader() == null || info.leader().isEmpty() ? null : info.leader();
        Node[] replicas = info.replicas().toArray(Node[]::new);
        return new PartitionInfo(topic, info.partition(), leader, replicas, info.isr().toArray(Node[]::new));
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
