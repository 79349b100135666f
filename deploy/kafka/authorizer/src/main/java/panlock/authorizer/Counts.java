package panlock.authorizer;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.server.authorizer.Action;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;
import org.apache.kafka.server.authorizer.AuthorizationResult;

/**
 * How often each principal did what, since it was last taken. Threads add; one takes.
 *
 * <p>Of what is allowed it counts what moves records or changes something: fetches, produces, and administration.
 * Of what is denied it counts everything that Kafka itself would log. What is allowed and what is denied have a bound
 * each: who is denied may ask for any name, and would else crowd out the rest. Beyond a bound there is a sum.
 */
final class Counts {
    /** Whose access, to what, by which request. */
    record Key(
            KafkaPrincipal principal, InetAddress host, ResourcePattern resource, AclOperation operation, int request) {}

    /** Counts of a time, and how many accesses found no place of their own. */
    record Taken(Map<Key, Long> allowed, Map<Key, Long> denied, long allowedBeyond, long deniedBeyond, long failed) {}

    private static final int FETCH = ApiKeys.FETCH.id;
    private static final int SHARE_FETCH = ApiKeys.SHARE_FETCH.id;
    private static final int PRODUCE = ApiKeys.PRODUCE.id;

    private final int bound;
    private final LongAdder failed = new LongAdder();
    private volatile Table allowed;
    private volatile Table denied;
    private Table allowedBefore;
    private Table deniedBefore;
    private volatile boolean replicas = true;

    Counts(int bound) {
        this.bound = bound;
        allowed = allowedBefore = new Table(bound);
        denied = deniedBefore = new Table(bound);
    }

    /** Whether fetches with the rights of a broker are counted: a controller's own log is fetched all the time. */
    void replicas(boolean counted) {
        replicas = counted;
    }

    /** Never throws: a request must not fail because it could not be counted. */
    void add(AuthorizableRequestContext context, List<Action> actions, List<AuthorizationResult> results) {
        try {
            for (int at = 0; at < results.size(); at++) {
                Action action = actions.get(at);
                if (results.get(at) == AuthorizationResult.DENIED) {
                    if (action.logIfDenied()) {
                        denied.add(key(context, action));
                    }
                } else if (action.logIfAllowed() && counts(action, context.requestType())) {
                    allowed.add(key(context, action));
                }
            }
        } catch (RuntimeException error) {
            failed.increment();
        }
    }

    /**
     * All since the last call. A thread that was stopped between finding a table and adding to it adds to one that was
     * taken: that comes with the next.
     */
    Taken take() {
        Table lastAllowed = allowed;
        Table lastDenied = denied;
        allowed = new Table(bound);
        denied = new Table(bound);
        Taken taken = new Taken(
                drained(allowedBefore, lastAllowed),
                drained(deniedBefore, lastDenied),
                beyond(allowedBefore, lastAllowed),
                beyond(deniedBefore, lastDenied),
                failed.sumThenReset());
        allowedBefore = lastAllowed;
        deniedBefore = lastDenied;
        return taken;
    }

    private boolean counts(Action action, int request) {
        ResourceType type = action.resourcePattern().resourceType();
        return switch (action.operation()) {
            case READ -> type == ResourceType.TOPIC && (request == FETCH || request == SHARE_FETCH);
            case WRITE -> type == ResourceType.TOPIC && request == PRODUCE;
            case CREATE, DELETE, ALTER, ALTER_CONFIGS -> type == ResourceType.TOPIC || type == ResourceType.CLUSTER;
            case CLUSTER_ACTION -> replicas && request == FETCH;
            default -> false;
        };
    }

    private static Key key(AuthorizableRequestContext context, Action action) {
        return new Key(
                context.principal(),
                context.clientAddress(),
                action.resourcePattern(),
                action.operation(),
                context.requestType());
    }

    private static Map<Key, Long> drained(Table... tables) {
        Map<Key, Long> sums = new HashMap<>();
        for (Table table : tables) {
            table.counts.forEach((key, count) -> {
                long sum = count.sumThenReset();
                if (sum > 0) {
                    sums.merge(key, sum, Long::sum);
                }
            });
        }
        return sums;
    }

    private static long beyond(Table before, Table last) {
        return (before == last ? 0 : before.beyond.sumThenReset()) + last.beyond.sumThenReset();
    }

    private static final class Table {
        final ConcurrentHashMap<Key, LongAdder> counts = new ConcurrentHashMap<>();
        final LongAdder beyond = new LongAdder();
        private final int bound;

        Table(int bound) {
            this.bound = bound;
        }

        void add(Key key) {
            LongAdder count = counts.get(key);
            if (count == null) {
                if (counts.mappingCount() >= bound) {
                    beyond.increment();
                    return;
                }
                count = counts.computeIfAbsent(key, absent -> new LongAdder());
            }
            count.increment();
        }
    }
}
