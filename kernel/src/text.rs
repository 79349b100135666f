//! What the scan finds inside a text is replaced, everything else stays as it was.

use crate::config::{Class, Strategy};
use crate::detect::{self, Finding, Name, Reading, Text};
use crate::pairs::TokenPairs;
use crate::strategy::Treatment;

/// What partial masking leaves can, beside other digits, look like a card number again, and what stood beside a finding
/// can become one, so texts are scanned until nothing is found. After this many times, whatever could be a finding is
/// redacted, which ends it: labels have no digits.
const PASSES: usize = 6;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// the bytes are the text
    Plain,
    /// between the quotes of a JSON string, with escapes
    Escaped,
}

/// What is done to each class; None: left alone.
#[derive(Clone, Copy)]
pub struct Treatments<'a> {
    pub pan: &'a Treatment,
    pub sad: Option<&'a Treatment>,
    pub iban: Option<&'a Treatment>,
}

impl<'a> Treatments<'a> {
    pub fn of(&self, class: Class) -> Option<&'a Treatment> {
        match class {
            Class::Pan => Some(self.pan),
            Class::Sad => self.sad,
            Class::Iban => self.iban,
            _ => None,
        }
    }

    pub fn each(&self) -> impl Iterator<Item = &'a Treatment> {
        [Some(self.pan), self.sad, self.iban].into_iter().flatten()
    }
}

/// A text that was masked, and for each class found what was done to it.
pub struct Masked {
    pub bytes: Vec<u8>,
    pub used: Vec<(Class, Strategy)>,
    pub pairs: TokenPairs,
}

impl Masked {
    /// A class's own strategy, unless it could not be done to a single one.
    fn add(&mut self, treatment: &Treatment, by: Strategy) {
        match self.used.iter_mut().find(|(class, _)| *class == treatment.class) {
            Some((_, used)) if *used == treatment.strategy => {}
            Some((_, used)) => *used = by,
            None => self.used.push((treatment.class, by)),
        }
    }

    fn follow(&mut self, again: Self) {
        self.bytes = again.bytes;
        self.pairs.append(again.pairs);
    }
}

/// The text with all that is found in it masked, escapes elsewhere untouched; None where nothing is.
pub fn mask_text(raw: &[u8], writing: Writing, name: Name, treatments: Treatments) -> Option<Masked> {
    let reading = Reading::new(treatments.sad.is_some());
    let mut masked = mask_once(raw, writing, name, treatments, reading)?;
    for _ in 1..PASSES {
        match mask_once(&masked.bytes, writing, name, treatments, reading) {
            Some(again) => masked.follow(again),
            None => return Some(masked),
        }
    }
    let redacting: Vec<Treatment> = treatments.each().map(Treatment::redacting).collect();
    let of = |class| redacting.iter().find(|treatment| treatment.class == class);
    let treatments = Treatments { pan: &redacting[0], sad: of(Class::Sad), iban: of(Class::Iban) };
    if let Some(again) = mask_once(&masked.bytes, writing, name, treatments, Reading::thorough(reading.sad)) {
        masked.follow(again);
    }
    Some(masked)
}

pub fn holds_card_number(text: &[u8]) -> bool {
    let found = detect::find(&Text::plain(text), Name::Neutral, Reading::new(false));
    found.iter().any(|each| each.class == Class::Pan)
}

fn mask_once(raw: &[u8], writing: Writing, name: Name, treatments: Treatments, reading: Reading) -> Option<Masked> {
    let text = match writing {
        Writing::Escaped => Text::escaped(raw),
        Writing::Plain => Text::plain(raw),
    };
    let mut masked = Masked { bytes: Vec::new(), used: Vec::new(), pairs: TokenPairs::default() };
    let mut copied = 0;
    for found in detect::find(&text, name, reading) {
        let Some(treatment) = treatments.of(found.class) else { continue };
        let Some((instead, by)) = replacement(&text, &found, treatment, &mut masked.pairs) else { continue };
        let (from, to) = (text.spans[found.start].0, text.spans[found.end - 1].1);
        masked.bytes.extend_from_slice(&raw[copied..from]);
        masked.bytes.extend_from_slice(instead.as_bytes());
        masked.add(treatment, by);
        copied = to;
    }
    masked.bytes.extend_from_slice(&raw[copied..]);
    (!masked.used.is_empty()).then_some(masked)
}

/// None where it is what masking left.
fn replacement(
    text: &Text,
    found: &Finding,
    treatment: &Treatment,
    pairs: &mut TokenPairs,
) -> Option<(String, Strategy)> {
    let written = || text.marks[found.start..found.end].iter().collect::<String>().into_bytes();
    let data = if found.class == Class::Pan { found.digits.ascii() } else { written() };
    if treatment.is_masked(&data) && treatment.strategy != Strategy::Drop {
        return None;
    }
    let (instead, by) = treatment.mask(&data);
    pairs.note(treatment, &data, &instead, by);
    if found.strings == 0 || by == Strategy::Fpe {
        return Some((instead, by));
    }
    // a number in a document in that many strings becomes a string: its quotes are escaped once more in each
    let quote = "\\".repeat((1 << found.strings.min(detect::DEPTH)) - 1) + "\"";
    Some((format!("{quote}{instead}{quote}"), by))
}
