//! Card numbers inside a text: their digits are replaced, everything else stays as it was.

use crate::config::Strategy;
use crate::json;
use crate::keyring::Keyring;
use crate::scan::{card_numbers, CardNumber};
use crate::strategy::Treatment;
use crate::token;

/// What partial masking leaves can, beside other digits, look like a card number again, so texts are scanned until
/// nothing is found. After this many times, card numbers are redacted, which ends it: labels have no digits.
const PASSES: usize = 8;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// the bytes are the text
    Plain,
    /// between the quotes of a JSON string, with escapes
    Escaped,
}

/// The text with every card number in it masked, escapes elsewhere untouched, and by what; None where it holds none.
pub fn mask_card_numbers(raw: &[u8], writing: Writing, treatment: &Treatment) -> Option<(Vec<u8>, Strategy)> {
    let (mut text, used) = mask_once(raw, writing, treatment)?;
    for pass in 1.. {
        let again = if pass < PASSES {
            mask_once(&text, writing, treatment)
        } else {
            mask_once(&text, writing, &treatment.redacting())
        };
        match again {
            Some((again, _)) => text = again,
            None => break,
        }
    }
    Some((text, used))
}

pub fn holds_card_number(text: &[u8], keyring: &Keyring) -> bool {
    !find(text, keyring).is_empty()
}

fn find(text: &[u8], keyring: &Keyring) -> Vec<CardNumber> {
    card_numbers(text, |from, to| token::is_tail(text, from, to, keyring))
}

/// By the treatment's own strategy, unless it could not be done to a single one.
fn mask_once(raw: &[u8], writing: Writing, treatment: &Treatment) -> Option<(Vec<u8>, Strategy)> {
    let (unescaped, origin) = match writing {
        Writing::Escaped => json::unescape_mapped(raw),
        Writing::Plain => (Vec::new(), Vec::new()),
    };
    let (text, raw_offset): (&[u8], &dyn Fn(usize) -> usize) = match writing {
        Writing::Escaped => (&unescaped, &|at| origin[at]),
        Writing::Plain => (raw, &|at| at),
    };
    let numbers = find(text, &treatment.keyring);
    if numbers.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(raw.len() + numbers.len() * 32);
    let (mut copied, mut used) = (0, None);
    for number in &numbers {
        out.extend_from_slice(&raw[copied..raw_offset(number.range.start)]);
        let digits: Vec<u8> = number.digits().iter().map(|digit| digit + b'0').collect();
        let (masked, by) = treatment.mask(&digits);
        out.extend_from_slice(masked.as_bytes());
        if used != Some(treatment.strategy) {
            used = Some(by);
        }
        copied = raw_offset(number.range.end);
    }
    out.extend_from_slice(&raw[copied..]);
    used.map(|used| (out, used))
}
