package panlock.producer;

import java.util.ArrayList;
import java.util.List;

/** The tree of RFC 6962, section 2.1, over the leaves of one batch. Paths go from a leaf's sibling upwards. */
record MerkleTree(byte[] root, List<List<byte[]>> paths) {
    static final int MAX_LEAVES = 1_024;
    private static final byte[] NODE = {1};

    /** Throws IllegalArgumentException for no leaf, or more than 1,024. */
    static MerkleTree of(List<byte[]> leaves) {
        if (leaves.isEmpty() || leaves.size() > MAX_LEAVES) {
            throw new IllegalArgumentException("a tree has 1 to 1,024 leaves, not " + leaves.size());
        }
        List<List<byte[]>> paths = new ArrayList<>(leaves.size());
        leaves.forEach(leaf -> paths.add(new ArrayList<>(10)));
        List<byte[]> level = leaves;
        for (int height = 0; level.size() > 1; height++) {
            for (int leaf = 0; leaf < leaves.size(); leaf++) {
                int sibling = leaf >> height ^ 1;
                if (sibling < level.size()) { // else the node goes up alone
                    paths.get(leaf).add(level.get(sibling));
                }
            }
            level = above(level);
        }
        return new MerkleTree(level.get(0), paths);
    }

    private static List<byte[]> above(List<byte[]> level) {
        List<byte[]> nodes = new ArrayList<>((level.size() + 1) / 2);
        for (int at = 0; at + 1 < level.size(); at += 2) {
            nodes.add(Codec.hash(NODE, level.get(at), level.get(at + 1)));
        }
        if (level.size() % 2 == 1) {
            nodes.add(level.get(level.size() - 1));
        }
        return nodes;
    }
}
