//! Names of the members of the objects that are open, to refuse one that comes twice.

use std::borrow::Cow;

/// Objects of more members are checked when they end, by sorting: so the cost stays n log n whatever the names.
const SMALL: usize = 64;

/// One open object.
pub struct Scope {
    base: usize,
    /// bit h mod 64 for each name's hash: most names need no comparison
    filter: u64,
}

#[derive(Default)]
pub struct MemberNames<'a> {
    names: Vec<(u64, Cow<'a, [u8]>)>,
}

impl<'a> MemberNames<'a> {
    pub fn new() -> Self {
        // what a usual record has open at once: spares most of them from growing it
        Self { names: Vec::with_capacity(24) }
    }

    pub fn open(&self) -> Scope {
        Scope { base: self.names.len(), filter: 0 }
    }

    /// Adds a name; tells whether the object has it already, unless it is a large one.
    pub fn add(&mut self, scope: &mut Scope, hash: u64, name: Cow<'a, [u8]>) -> bool {
        let bit = 1 << (hash % 64);
        let open = &self.names[scope.base..];
        let repeated = scope.filter & bit != 0
            && open.len() < SMALL
            && open.iter().any(|(known, text)| *known == hash && *text == name);
        scope.filter |= bit;
        self.names.push((hash, name));
        repeated
    }

    /// Ends an object; gives a name that a large one has twice.
    pub fn close(&mut self, scope: &Scope) -> Option<Cow<'a, [u8]>> {
        let open = &mut self.names[scope.base..];
        let mut repeated = None;
        if open.len() > SMALL {
            open.sort_unstable();
            repeated = open.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].1.clone());
        }
        self.names.truncate(scope.base);
        repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::hash;

    fn repeats(names: &[String]) -> bool {
        let mut members = MemberNames::new();
        let mut scope = members.open();
        let early =
            names.iter().any(|name| members.add(&mut scope, hash(name.as_bytes()), Cow::Borrowed(name.as_bytes())));
        early || members.close(&scope).is_some()
    }

    #[test]
    fn a_repeated_name_is_seen_in_small_and_large_objects() {
        for count in [1, 2, 63, 64, 65, 1000] {
            let mut names: Vec<String> = (0..count).map(|n| format!("name{n}")).collect();
            assert!(!repeats(&names), "{count}");
            names.push("name0".into());
            assert!(repeats(&names), "{count}");
        }
    }

    #[test]
    fn names_of_one_hash_are_told_apart() {
        let mut members = MemberNames::new();
        let mut scope = members.open();
        assert!(!members.add(&mut scope, 7, Cow::Borrowed(b"a")));
        assert!(!members.add(&mut scope, 7, Cow::Borrowed(b"b")));
        assert!(members.add(&mut scope, 7, Cow::Borrowed(b"a")));
    }
}
