package panlock.authorizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.protocol.ApiKeys;

/** What a window came to, as JSON, signed: docs/formats.md has the form. */
final class Report {
    /** Which node counts: {@code incarnation} and {@code started} are of this start of it. */
    record Source(String cluster, int node, String role, String incarnation, long started) {}

    record Signed(String key, byte[] value, byte[] signature) {}

    private static final byte[] DOMAIN = "panlock-access-v1".getBytes(StandardCharsets.US_ASCII);
    private static final int ENTRIES = 1_000; // of one report; what is more comes in another of the same window
    private static final int LONGEST = 255; // characters of a name: a request may bring any
    private static final ObjectMapper JSON = new ObjectMapper();

    private Report() {}

    /** At least one, numbered from {@code seq} on. */
    static List<Signed> of(
            Source source, long seq, long from, long to, boolean last, Counts.Taken taken, PrivateKey key)
            throws GeneralSecurityException {
        List<ArrayNode> entries = new ArrayList<>();
        add(entries, taken.allowed(), true);
        add(entries, taken.denied(), false);
        List<Signed> reports = new ArrayList<>();
        int at = 0;
        do {
            List<ArrayNode> some = entries.subList(at, Math.min(at + ENTRIES, entries.size()));
            at += ENTRIES;
            boolean end = at >= entries.size();
            ObjectNode report = JSON.createObjectNode();
            report.put("v", 1).put("cluster", source.cluster()).put("node", source.node()).put("role", source.role());
            report.put("incarnation", source.incarnation()).put("started", source.started());
            report.put("seq", seq + reports.size()).put("from", from).put("to", to).put("last", last && end);
            report.putArray("counts").addAll(some);
            report.putObject("beyond")
                    .put("allowed", end ? taken.allowedBeyond() : 0)
                    .put("denied", end ? taken.deniedBeyond() : 0)
                    .put("failed", end ? taken.failed() : 0);
            reports.add(signed(source.node() + "/" + source.role(), report, key));
        } while (at < entries.size());
        return reports;
    }

    private static void add(List<ArrayNode> entries, Map<Counts.Key, Long> counts, boolean allowed) {
        counts.forEach((key, count) -> {
            ArrayNode entry = JSON.createArrayNode();
            entry.add(cut(key.principal().getPrincipalType() + ":" + key.principal().getName()));
            entry.add(key.host().getHostAddress());
            entry.add(key.resource().resourceType().name());
            entry.add(cut(key.resource().name()));
            entry.add(key.operation().name());
            entry.add(ApiKeys.hasId(key.request()) ? ApiKeys.forId(key.request()).name() : Integer.toString(key.request()));
            entry.add(allowed);
            entry.add(count);
            entries.add(entry);
        });
    }

    private static String cut(String name) {
        if (name.length() <= LONGEST) {
            return name;
        }
        int end = Character.isHighSurrogate(name.charAt(LONGEST - 1)) ? LONGEST - 1 : LONGEST; // half of one is no text
        return name.substring(0, end) + "…";
    }

    private static Signed signed(String name, ObjectNode report, PrivateKey key) throws GeneralSecurityException {
        try {
            byte[] value = JSON.writeValueAsBytes(report);
            Signature signature = Signature.getInstance("Ed25519");
            signature.initSign(key);
            signature.update(DOMAIN);
            signature.update(value);
            return new Signed(name, value, signature.sign());
        } catch (JsonProcessingException error) {
            throw new IllegalStateException("a report is always JSON", error);
        }
    }
}
