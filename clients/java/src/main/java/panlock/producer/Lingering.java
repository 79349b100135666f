package panlock.producer;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Records that wait for each other: a batch is what came within the linger of its first, or as many as may share a
 * signature. Any number of threads put, one takes. Bounded in bytes: putting waits.
 */
final class Lingering {
    private final long lingerNs;
    private final int batch;
    private final long maxBytes;
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private long bytes;
    private long put;
    private long handed;
    private long hurried; // no linger for the first so many
    private boolean closed;

    private record Waiting(Pending pending, long since) {}

    Lingering(long lingerMs, int batch, long maxBytes) {
        lingerNs = TimeUnit.MILLISECONDS.toNanos(lingerMs);
        this.batch = batch;
        this.maxBytes = maxBytes;
    }

    /** False if there was no room in time; throws IllegalStateException once closed. */
    synchronized boolean put(Pending pending, long patienceMs) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMs);
        while (bytes >= maxBytes && !closed) {
            long left = end - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        if (closed) {
            throw new IllegalStateException("Cannot perform operation after producer has been closed");
        }
        waiting.add(new Waiting(pending, System.nanoTime()));
        bytes += pending.draft().size();
        put++;
        if (waiting.size() == 1 || waiting.size() == batch) {
            notifyAll();
        }
        return true;
    }

    /** The next batch; it stays here until {@code handed}. Empty when closed, and nothing is left. */
    synchronized List<Pending> take() throws InterruptedException {
        while (true) {
            if (waiting.isEmpty()) {
                if (closed) {
                    return List.of();
                }
                wait();
                continue;
            }
            long left = waiting.peek().since + lingerNs - System.nanoTime();
            if (left <= 0 || waiting.size() >= batch || handed < hurried || closed) {
                return waiting.stream().limit(batch).map(Waiting::pending).toList();
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
    }

    /** The first {@code count} are the next one's to care for. */
    synchronized void handed(int count) {
        for (int each = 0; each < count && !waiting.isEmpty(); each++) { // closing may have given them up
            bytes -= waiting.remove().pending.draft().size();
        }
        handed += count;
        notifyAll();
    }

    /** Returns when all that was put before has been handed over. */
    synchronized void drain() throws InterruptedException {
        long until = put;
        hurried = Math.max(hurried, until);
        notifyAll();
        while (handed < until) {
            wait();
        }
    }

    /** Nothing is put any more; what waits is still taken. */
    synchronized void close() {
        closed = true;
        notifyAll();
    }

    /** Whatever has not been handed over. */
    synchronized List<Pending> left() {
        List<Pending> left = new ArrayList<>(waiting.size());
        waiting.forEach(each -> left.add(each.pending));
        return left;
    }
}
