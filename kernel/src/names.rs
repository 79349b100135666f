//! Member names: their hash, and a table of those that rules speak of.

/// Open addressing, at most half full: the size is a power of two.
pub struct Names {
    slots: Vec<Option<(u64, Box<str>, usize)>>,
    count: usize,
}

impl Names {
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut distinct: Vec<&str> = names.collect();
        distinct.sort_unstable();
        distinct.dedup();
        let size = (distinct.len() * 2).next_power_of_two().max(2);
        let mut table = Self { slots: (0..size).map(|_| None).collect(), count: distinct.len() };
        for (symbol, name) in distinct.into_iter().enumerate() {
            let hash = hash(name.as_bytes());
            let mut slot = hash as usize % size;
            while table.slots[slot].is_some() {
                slot = (slot + 1) % size;
            }
            table.slots[slot] = Some((hash, name.into(), symbol));
        }
        table
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// The number of a name, or `len` for one that is not in the table.
    pub fn symbol(&self, hash: u64, name: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while let Some((known, text, symbol)) = &self.slots[slot] {
            if *known == hash && text.as_bytes() == name {
                return *symbol;
            }
            slot = (slot + 1) & mask;
        }
        self.count
    }

    pub fn of(&self, name: &str) -> usize {
        self.symbol(hash(name.as_bytes()), name.as_bytes())
    }
}

/// A fast hash of short names. Not keyed: whoever relies on it must bear collisions that an attacker made.
pub fn hash(name: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let mut hash = name.len() as u64;
    let mut rest = name;
    while rest.len() > 8 {
        hash = mix(hash, word(rest));
        rest = &rest[8..];
    }
    // the last bytes overlap those before: one load instead of a loop
    let last = match (name.len(), rest) {
        (9.., _) => word(&name[name.len() - 8..]),
        (8, _) => word(name),
        (4.., _) => u64::from(half(name)) << 32 | u64::from(half(&name[name.len() - 4..])),
        (_, [first, .., last]) => u64::from(*first) << 16 | u64::from(rest[rest.len() / 2]) << 8 | u64::from(*last),
        (_, [only]) => u64::from(*only),
        (_, []) => 0,
    };
    hash = mix(hash, last);
    hash ^ (hash >> 32)
}

fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first: &[u8; 8]| u64::from_le_bytes(*first))
}

fn half(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |first: &[u8; 4]| u32::from_le_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_anywhere_differ_in_hash() {
        for length in 1..40 {
            let name = vec![b'a'; length];
            for place in 0..length {
                let mut other = name.clone();
                other[place] = b'b';
                assert_ne!(hash(&name), hash(&other), "{length} {place}");
            }
            assert_ne!(hash(&name), hash(&name[1..]));
        }
    }

    #[test]
    fn the_table_knows_its_names_and_no_others() {
        let names = Names::new(["card", "number", "card", ""].into_iter());
        assert_eq!(names.len(), 3);
        for name in ["card", "number", ""] {
            assert!(names.of(name) < 3);
        }
        assert_eq!(names.of("cards"), 3);
    }
}
