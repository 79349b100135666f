package panlock.producer;

import org.apache.kafka.common.Cluster;

/** What a signature says of a topic: Kafka's id of the cluster and of the topic, and the partitions there are. */
interface Topics extends AutoCloseable {
    /** Throws KafkaException where Kafka does not say. */
    Cluster describe(String topic);

    /** As it was described last; null if it never was. Does not wait. */
    Cluster known(String topic);

    @Override
    void close();

    static Place place(Cluster cluster, String topic, int partition) {
        return new Place(cluster.clusterResource().clusterId(), cluster.topicId(topic), partition);
    }
}
