package panlock.producer;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.header.Header;

/** An envelope as a reader takes it apart, written from docs/envelope.md alone; the reason codes are Panlock's. */
record Reader(
        byte[] head,
        int algorithm,
        byte[] certificate,
        byte[] stream,
        long sequence,
        long time,
        int size,
        int index,
        List<byte[]> path,
        byte[] signature) {
    /** Null for bytes that are no envelope of version 1. */
    static Reader parse(byte[] raw) {
        try {
            ByteBuffer in = ByteBuffer.wrap(raw);
            int version = in.get();
            int flags = in.get();
            int algorithm = in.get();
            if (version != 1 || (flags & ~1) != 0 || algorithm < 1 || algorithm > 3) {
                return null;
            }
            byte[] certificate = take(in, 32);
            byte[] stream = take(in, 16);
            long sequence = in.getLong();
            long time = in.getLong();
            take(in, flags == 1 ? 32 : 0);
            byte[] head = Arrays.copyOf(raw, in.position());
            int size = in.getInt();
            int index = in.getInt();
            int count = in.get() & 0xff;
            List<byte[]> path = new ArrayList<>();
            for (int each = 0; each < count; each++) {
                path.add(take(in, 32));
            }
            int length = in.getShort() & 0xffff;
            byte[] signature = take(in, length);
            boolean whole = !in.hasRemaining() && size >= 1 && size <= 1_024 && index >= 0 && index < size;
            if (!whole || length < 1 || length > 512 || count != pathLength(index, size)) {
                return null;
            }
            return new Reader(head, algorithm, certificate, stream, sequence, time, size, index, path, signature);
        } catch (BufferUnderflowException error) {
            return null;
        }
    }

    /** Of a record as it lies in Kafka; "ok", or a reason code. */
    static String verdict(
            byte[] envelope, byte[] salt, X509Certificate known, Place place, String principal, byte[] key, byte[] value,
            Iterable<Header> headers) {
        Reader read = parse(envelope);
        if (read == null || salt.length != 16) {
            return "envelope-malformed";
        }
        try {
            if (!Arrays.equals(read.certificate, Codec.hash(known.getEncoded()))) {
                return "certificate-unknown";
            }
            if (!known.getSubjectX500Principal().getName().equals("CN=" + principal)) {
                return "principal-mismatch";
            }
            byte[] content = Codec.contentHash(salt, key, value, headers);
            byte[] leaf = Codec.leafHash(Codec.associatedData(place, principal, read.head), content);
            return read.holds(known, read.root(leaf)) ? "ok" : "signature-invalid";
        } catch (GeneralSecurityException error) {
            return "signature-invalid";
        }
    }

    private boolean holds(X509Certificate known, byte[] root) throws GeneralSecurityException {
        Algorithm own = Algorithm.of(known.getPublicKey());
        if (own.number != algorithm) {
            return false;
        }
        Signature verifier = own.signature();
        verifier.initVerify(known.getPublicKey());
        verifier.update(Codec.signedBytes(size, root));
        return verifier.verify(signature);
    }

    private byte[] root(byte[] leaf) {
        byte[] node = leaf;
        int at = index;
        int step = 0;
        for (int last = size - 1; last > 0; last >>= 1, at >>= 1) {
            if (at % 2 == 1) {
                node = Codec.hash(new byte[] {1}, path.get(step++), node);
            } else if (at < last) {
                node = Codec.hash(new byte[] {1}, node, path.get(step++));
            }
        }
        return node;
    }

    private static int pathLength(int index, int size) {
        int length = 0;
        int at = index;
        for (int last = size - 1; last > 0; last >>= 1, at >>= 1) {
            length += at % 2 == 1 || at < last ? 1 : 0;
        }
        return length;
    }

    private static byte[] take(ByteBuffer in, int length) {
        byte[] out = new byte[length];
        in.get(out);
        return out;
    }
}
