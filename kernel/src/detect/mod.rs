//! What a text holds, by the rules of docs/detection.md: card numbers, authentication data, IBANs.

mod blobs;
mod chains;
mod codes;
mod context;
mod decode;
pub mod document;
mod emv;
mod exclusions;
mod ibans;
mod name;
mod numbers;
mod pans;
mod prefilter;
mod runs;
mod text;
mod tracks;
mod words;

pub use name::Name;
pub use numbers::number;
pub use prefilter::{is_suspicious, is_suspicious_text};
pub use text::Text;

use crate::config::Class;
use crate::iin::LONGEST;

/// Decodings in each other, and documents in each other's strings.
pub const DEPTH: usize = 3;

/// The values of a card number's digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digits {
    values: [u8; LONGEST],
    length: usize,
}

impl Digits {
    /// None for more than a card number has.
    pub fn new(values: &[u8]) -> Option<Self> {
        let mut digits = Self { values: [0; LONGEST], length: values.len() };
        digits.values.get_mut(..values.len())?.copy_from_slice(values);
        Some(digits)
    }

    pub fn values(&self) -> &[u8] {
        &self.values[..self.length]
    }

    pub fn ascii(&self) -> Vec<u8> {
        self.values().iter().map(|value| value + b'0').collect()
    }
}

/// Of a text, its characters start..end. `digits`: of the first card number in it, else none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub class: Class,
    pub network: Option<&'static str>,
    pub start: usize,
    pub end: usize,
    pub digits: Digits,
    /// a number of a document in strings: how many, for what stands in its place needs quotes
    pub strings: usize,
}

impl Finding {
    fn new(class: Class, start: usize, end: usize) -> Self {
        Self { class, network: None, start, end, digits: Digits::default(), strings: 0 }
    }
}

/// How far the reading goes into what is in each other, and whether authentication data counts.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub sad: bool,
    /// every number is raised, whatever is around it
    raised: bool,
    decodings: usize,
    documents: usize,
}

impl Reading {
    pub fn new(sad: bool) -> Self {
        Self { sad, raised: false, decodings: DEPTH, documents: DEPTH }
    }

    /// What leaves nothing that could become a finding once others are gone from beside it.
    pub fn thorough(sad: bool) -> Self {
        Self { raised: true, ..Self::new(sad) }
    }
}

/// All findings of a text under a member of that name, left to right, none over another.
pub fn find(text: &Text, name: Name, reading: Reading) -> Vec<Finding> {
    if reading.documents > 0 && matches!(text.marks.iter().find(|mark| !mark.is_whitespace()), Some('{' | '[')) {
        if let Some(found) = document::find(text, name, reading) {
            return found;
        }
    }
    let mut found = Vec::new();
    if reading.sad {
        tracks::by_name(text, name, &mut found);
        tracks::find(text, &mut found);
        emv::find(text, &mut found);
    }
    ibans::find(text, &mut found);
    let mut found = widest(found, text.marks.len());
    pans::find(text, name, reading.raised, &mut found);
    if reading.sad && reading.decodings == DEPTH {
        codes::find(text, &mut found);
    }
    if reading.decodings > 0 {
        let inner = Reading { decodings: reading.decodings - 1, ..reading };
        decode::find(text, name, inner, &mut found);
        blobs::find(text, name, inner, &mut found);
    }
    widest(found, text.marks.len())
}

/// Of findings that overlap, the one that covers more.
fn widest(mut found: Vec<Finding>, length: usize) -> Vec<Finding> {
    if found.len() < 2 {
        return found;
    }
    found.sort_by_key(|each| (std::cmp::Reverse(each.end - each.start), each.start));
    let mut covered = vec![false; length];
    // a wider one that overlaps covers the first or the last character
    found.retain(|each| {
        let free = !covered[each.start] && !covered[each.end - 1];
        if free {
            covered[each.start..each.end].fill(true);
        }
        free
    });
    found.sort_by_key(|each| each.start);
    found
}
