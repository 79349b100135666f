//! Inclusion paths of RFC 6962 trees of at most 1,024 leaves.

use sha2::{Digest, Sha256};

pub const HASH: usize = 32;
const MAX_LEAVES: u32 = 1_024;
const LEVELS: usize = 10;

/// Hashes on the path of leaf `index`; None unless index < size <= 1,024.
pub fn path_length(index: u32, size: u32) -> Option<usize> {
    if index >= size || size > MAX_LEAVES {
        return None;
    }
    let (mut index, mut last, mut length) = (index, size - 1, 0);
    while last > 0 {
        length += usize::from(index & 1 == 1 || index != last);
        index >>= 1;
        last >>= 1;
    }
    Some(length)
}

type Hash = [u8; HASH];

/// Inner nodes, by what is below them. The last of each level is kept: leaves of one batch share most of their paths,
/// and a hash costs fifty times as much as to see that it is the same again.
#[derive(Default)]
pub struct Nodes {
    last: [Option<(Hash, Hash, Hash)>; LEVELS],
}

impl Nodes {
    /// The root that `path` leads to from a leaf. `path`, `index` and `size` are an envelope's, so they fit each other.
    pub fn root(&mut self, leaf: Hash, index: u32, size: u32, path: &[u8]) -> Hash {
        let (mut index, mut last, mut hash) = (index, size - 1, leaf);
        let (siblings, _) = path.as_chunks::<HASH>();
        let mut siblings = siblings.iter();
        let mut level = 0;
        while last > 0 {
            let sibling = if index & 1 == 1 || index != last { siblings.next() } else { None };
            match sibling {
                Some(left) if index & 1 == 1 => hash = self.node(level, left, &hash),
                Some(right) => hash = self.node(level, &hash, right),
                None => {}
            }
            index >>= 1;
            last >>= 1;
            level += 1;
        }
        hash
    }

    fn node(&mut self, level: usize, left: &Hash, right: &Hash) -> Hash {
        if let Some(Some((known_left, known_right, node))) = self.last.get(level) {
            if known_left == left && known_right == right {
                return *node;
            }
        }
        let node = node(left, right);
        if let Some(place) = self.last.get_mut(level) {
            *place = Some((*left, *right, node));
        }
        node
    }
}

pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut both = [1; 1 + 2 * HASH];
    both[1..=HASH].copy_from_slice(left);
    both[1 + HASH..].copy_from_slice(right);
    Sha256::digest(both).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962, 2.1, as it is written there.
    fn tree(leaves: &[Hash]) -> Hash {
        match leaves {
            [one] => *one,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node(&tree(&leaves[..split]), &tree(&leaves[split..]))
            }
        }
    }

    fn path(index: usize, leaves: &[Hash]) -> Vec<u8> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (mut inner, sibling) = match index < split {
            true => (path(index, &leaves[..split]), tree(&leaves[split..])),
            false => (path(index - split, &leaves[split..]), tree(&leaves[..split])),
        };
        inner.extend(sibling);
        inner
    }

    #[test]
    fn every_leaf_of_every_tree_leads_to_its_root() {
        let mut nodes = Nodes::default();
        for size in (1..=40).chain([64, 65, 100, 1_023, 1_024]) {
            let leaves: Vec<Hash> = (0..size).map(|n: u32| Sha256::digest(n.to_be_bytes()).into()).collect();
            let root = tree(&leaves);
            for (index, leaf) in leaves.iter().enumerate().step_by(if size > 100 { 97 } else { 1 }) {
                let path = path(index, &leaves);
                assert_eq!(path_length(index as u32, size), Some(path.len() / HASH), "{index} of {size}");
                assert_eq!(nodes.root(*leaf, index as u32, size, &path), root, "{index} of {size}");
            }
        }
    }

    #[test]
    fn there_is_no_leaf_beyond_the_tree_and_no_tree_beyond_a_thousand() {
        for (index, size) in [(0, 0), (1, 1), (5, 5), (0, 1_025), (0, u32::MAX), (u32::MAX, u32::MAX)] {
            assert_eq!(path_length(index, size), None);
        }
    }
}
