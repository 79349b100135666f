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
    let mut hash = name.len() as u64;
    let mut words = name.chunks_exact(8);
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
    let tail = words.remainder().iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte));
    hash = (hash.rotate_left(5) ^ tail).wrapping_mul(FACTOR);
    hash ^ (hash >> 32)
}
