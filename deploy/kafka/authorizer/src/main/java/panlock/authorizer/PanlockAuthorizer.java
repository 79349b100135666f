package panlock.authorizer;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.Endpoint;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.metrics.Monitorable;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.metadata.authorizer.AclMutator;
import org.apache.kafka.metadata.authorizer.ClusterMetadataAuthorizer;
import org.apache.kafka.metadata.authorizer.StandardAcl;
import org.apache.kafka.metadata.authorizer.StandardAuthorizer;
import org.apache.kafka.server.authorizer.Action;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;
import org.apache.kafka.server.authorizer.AuthorizationResult;
import org.apache.kafka.server.authorizer.AuthorizerServerInfo;

/**
 * Kafka's own authorizer, and a count of what it answered, reported to the topic panlock.access each minute.
 *
 * <p>StandardAuthorizer decides, alone. What comes after its answer is one addition in memory; nothing of the counting
 * waits, or can fail a request: see {@link Counts} and {@link Reporter}.
 *
 * <pre>
 * authorizer.class.name=panlock.authorizer.PanlockAuthorizer
 * panlock.access.key=/etc/kafka/access.pem
 * panlock.access.producer.bootstrap.servers=...
 * panlock.access.producer.ssl.keystore.location=/etc/kafka/panlock-broker.pem
 * </pre>
 */
public final class PanlockAuthorizer implements ClusterMetadataAuthorizer, Monitorable {
    private final StandardAuthorizer standard = new StandardAuthorizer();
    private Settings settings;
    private Counts counts;
    private Reporter reporter;

    @Override
    public void configure(Map<String, ?> configs) {
        standard.configure(configs);
        settings = Settings.of(configs);
        counts = new Counts(settings.bound());
    }

    @Override
    public Map<Endpoint, ? extends CompletionStage<Void>> start(AuthorizerServerInfo server) {
        reporter = new Reporter(settings, counts, server);
        counts.replicas(!reporter.isController());
        reporter.start();
        return standard.start(server);
    }

    @Override
    public List<AuthorizationResult> authorize(AuthorizableRequestContext context, List<Action> actions) {
        List<AuthorizationResult> results = standard.authorize(context, actions);
        counts.add(context, actions, results);
        return results;
    }

    @Override
    public AuthorizationResult authorizeByResourceType(
            AuthorizableRequestContext context, AclOperation operation, ResourceType type) {
        return standard.authorizeByResourceType(context, operation, type);
    }

    @Override
    public void close() throws IOException {
        if (reporter != null) {
            reporter.close();
        }
        standard.close();
    }

    @Override
    public void setAclMutator(AclMutator mutator) {
        standard.setAclMutator(mutator);
    }

    @Override
    public AclMutator aclMutatorOrException() {
        return standard.aclMutatorOrException();
    }

    @Override
    public void completeInitialLoad() {
        standard.completeInitialLoad();
    }

    @Override
    public void completeInitialLoad(Exception error) {
        standard.completeInitialLoad(error);
    }

    @Override
    public void loadSnapshot(Map<Uuid, StandardAcl> acls) {
        standard.loadSnapshot(acls);
    }

    @Override
    public void addAcl(Uuid id, StandardAcl acl) {
        standard.addAcl(id, acl);
    }

    @Override
    public void removeAcl(Uuid id) {
        standard.removeAcl(id);
    }

    @Override
    public Iterable<AclBinding> acls(AclBindingFilter filter) {
        return standard.acls(filter);
    }

    @Override
    public int aclCount() {
        return standard.aclCount();
    }

    @Override
    public void withPluginMetrics(PluginMetrics metrics) {
        standard.withPluginMetrics(metrics);
    }
}
