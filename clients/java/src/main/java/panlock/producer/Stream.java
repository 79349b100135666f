package panlock.producer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * One producer's run, with a sequence on each partition. It signs and seals batches; it sends nothing. Safe for threads.
 */
final class Stream {
    /** Chain and data key go along again after this: a reader that begins late finds them. */
    static final long REPEAT_MS = 600_000;

    private static final int KEPT = 8; // chains and data keys that a partition remembers to have brought

    private final Recipient recipient;
    private final LongSupplier clock;
    private final SecureRandom random = new SecureRandom();
    private final byte[] id = new byte[16];
    private final Map<Place, Partition> partitions = new HashMap<>();
    private final Map<Uuid, DataKey> dataKeys = new HashMap<>(); // by topic; the hour's alone
    private Identity identity;

    /** {@code recipient} null: records stay clear. {@code clock}: milliseconds since 1970. */
    Stream(Identity identity, Recipient recipient, LongSupplier clock) {
        this.identity = identity;
        this.recipient = recipient;
        this.clock = clock;
        random.nextBytes(id);
    }

    /** Sign with another certificate of the same principal from now on. */
    synchronized void renew(Identity next) {
        if (!next.principal().equals(identity.principal())) {
            throw new SigningException("another principal's certificate: start another producer for it");
        }
        identity = next;
    }

    /**
     * One tree over 1 to 1,024 records, in the order in which they must be sent.
     *
     * @throws SigningException and then none of them may be sent
     */
    synchronized List<Signed> sign(List<Draft> drafts) {
        long now = clock.getAsLong();
        List<Signed> signed = new ArrayList<>(drafts.size());
        List<byte[]> heads = new ArrayList<>(drafts.size());
        List<byte[]> leaves = new ArrayList<>(drafts.size());
        for (Draft draft : drafts) {
            signed.add(sealed(draft, now, heads, leaves));
        }
        MerkleTree tree = MerkleTree.of(leaves);
        byte[] signature = identity.sign(Codec.signedBytes(leaves.size(), tree.root()));
        for (int index = 0; index < leaves.size(); index++) {
            byte[] envelope =
                    Codec.envelope(heads.get(index), leaves.size(), index, tree.paths().get(index), signature);
            signed.get(index).record().headers().add(Codec.ENVELOPE, envelope);
        }
        return signed;
    }

    /** A record with these headers is where it belongs: what it brought need not go along for a while. */
    synchronized void delivered(Place place, Headers headers) {
        Partition partition = partitions.get(place);
        Header envelope = headers.lastHeader(Codec.ENVELOPE);
        if (partition == null || envelope == null) {
            return;
        }
        if (headers.lastHeader(Codec.CERTIFICATES) != null) {
            partition.known(Arrays.copyOfRange(envelope.value(), 3, 35));
        }
        if (headers.lastHeader(Codec.SEALED_KEY) != null) {
            partition.known(Arrays.copyOfRange(envelope.value(), 67, 99));
        }
    }

    /** Nobody knows what came through: chain and data key go along until something is delivered again. */
    synchronized void failed(Place place) {
        Partition partition = partitions.get(place);
        if (partition != null) {
            partition.brought.values().forEach(each -> each.known = false);
        }
    }

    /** As if all had failed: what an aborted transaction delivered, no reader sees. */
    synchronized void forget() {
        partitions.keySet().forEach(this::failed);
    }

    /** The record but for its envelope; its head and its leaf are added to the lists. */
    private Signed sealed(Draft draft, long now, List<byte[]> heads, List<byte[]> leaves) {
        Place place = draft.place();
        Partition partition = partitions.computeIfAbsent(place, unused -> new Partition());
        long sequence = partition.sequence;
        DataKey dataKey = recipient == null ? null : dataKey(place, now);
        byte[] head = Codec.head(identity, id, sequence, now, dataKey == null ? Codec.NO_DIGEST : dataKey.digest());
        byte[] associated = Codec.associatedData(place, identity.principal(), head);
        byte[] key = draft.key();
        byte[] value = draft.value();
        if (dataKey != null) {
            key = dataKey.seal(DataKey.KEY, place, sequence, associated, key);
            value = dataKey.seal(DataKey.VALUE, place, sequence, associated, value);
        }
        partition.sequence++; // even if this batch is never sent: a nonce must not come twice
        byte[] salt = new byte[16];
        random.nextBytes(salt);
        Headers headers = new RecordHeaders(draft.headers());
        headers.add(Codec.IDENTITY, identity.principal().getBytes(UTF_8));
        heads.add(head);
        leaves.add(Codec.leafHash(associated, Codec.contentHash(salt, key, value, headers)));
        headers.add(Codec.SALT, salt);
        if (partition.due(identity.x5t(), now)) {
            headers.add(Codec.CERTIFICATES, identity.header());
        }
        if (dataKey != null && partition.due(dataKey.digest(), now)) {
            headers.add(Codec.SEALED_KEY, dataKey.header());
        }
        return new Signed(
                place,
                new ProducerRecord<>(draft.topic(), place.partition(), draft.timestamp(), key, value, headers));
    }

    private DataKey dataKey(Place place, long now) {
        long hour = now / DataKey.HOUR_MS;
        DataKey known = dataKeys.get(place.topicId());
        if (known == null || known.hour() != hour) {
            known = DataKey.make(recipient, place, identity.principal(), id, hour, random);
            dataKeys.put(place.topicId(), known);
        }
        return known;
    }

    private static final class Partition {
        private final Map<ByteBuffer, Brought> brought = new LinkedHashMap<>(); // by digest, last sent last
        private long sequence;

        boolean due(byte[] digest, long now) {
            ByteBuffer name = ByteBuffer.wrap(digest);
            Brought before = brought.get(name);
            if (before != null && before.known && now - before.sent < REPEAT_MS) {
                return false;
            }
            if (before == null && brought.size() >= KEPT) { // data keys of hours long gone: the longest unsent
                brought.remove(brought.keySet().iterator().next());
            }
            Brought sent = before == null ? new Brought() : brought.remove(name);
            sent.sent = now;
            brought.put(name, sent);
            return true;
        }

        void known(byte[] digest) {
            Brought found = brought.get(ByteBuffer.wrap(digest));
            if (found != null) {
                found.known = true;
            }
        }
    }

    /** A chain or data key: when it last went along, and whether a record that carried it was delivered. */
    private static final class Brought {
        private long sent;
        private boolean known;
    }
}
