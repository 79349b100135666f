//! The hashes of an RFC 6962 tree that only grows: leaves, and the peaks of its compact range.

use sha2::{Digest, Sha256};

use crate::signed::merkle::{node, HASH};

pub type Hash = [u8; HASH];

pub fn leaf(data: &[u8]) -> Hash {
    let mut digest = Sha256::new_with_prefix([0]);
    digest.update(data);
    digest.finalize().into()
}

/// Peaks of a tree of `size` leaves, the largest first, and how many a tree of that size has.
pub fn is_range(size: u64, peaks: &[Hash]) -> bool {
    peaks.len() == size.count_ones() as usize
}

/// Append leaves to a tree of `size` with these peaks. The number of trailing ones of a size is how many peaks the next
/// leaf completes.
pub fn append(mut size: u64, peaks: &mut Vec<Hash>, leaves: &[Hash]) {
    for leaf in leaves {
        let mut hash = *leaf;
        for _ in 0..size.trailing_ones() {
            if let Some(left) = peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        peaks.push(hash);
        size += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(leaves: &[Hash]) -> Hash {
        match leaves {
            [one] => *one,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node(&tree(&leaves[..split]), &tree(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_peaks_are_the_roots_of_the_largest_complete_trees() {
        let leaves: Vec<Hash> = (0..70_u32).map(|n| leaf(&n.to_be_bytes())).collect();
        for size in 0..leaves.len() {
            for cut in [0, size / 3, size] {
                let mut peaks = Vec::new();
                append(0, &mut peaks, &leaves[..cut]);
                append(cut as u64, &mut peaks, &leaves[cut..size]);
                assert!(is_range(size as u64, &peaks));
                let mut start = 0;
                for (peak, bit) in peaks.iter().zip((0..32).rev().filter(|bit| size >> bit & 1 == 1)) {
                    assert_eq!(*peak, tree(&leaves[start..start + (1 << bit)]), "{size}");
                    start += 1 << bit;
                }
            }
        }
    }
}
