//! Words, and what data/words.tsv says of them.

use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};
use std::sync::LazyLock;

pub const CARD: u8 = 1;
pub const OTHER: u8 = 2;
pub const NUMBER: u8 = 4;
pub const PAN: u8 = 8;
pub const CVV: u8 = 16;
pub const PIN: u8 = 32;
pub const TRACK: u8 = 64;
pub const QUANTITY: u8 = 128;

static KINDS: LazyLock<HashMap<&'static str, u8>> = LazyLock::new(|| parse(include_str!("../../data/words.tsv")));

/// A word that touches a digit counts in a text from this length on: hexadecimal digits are none.
const TOUCHING: usize = 3;

/// Characters of a token's body, of the shortest ciphertext's, of the longest key id and label.
const TOKEN: usize = 32;
const CIPHERTEXT: usize = 38;
const KEY: usize = 16;
const LABEL: usize = 16;

/// Characters start..end of a text, and its kinds.
pub struct Word {
    pub start: usize,
    pub end: usize,
    pub kinds: u8,
}

fn parse(table: &'static str) -> HashMap<&'static str, u8> {
    let mut kinds = HashMap::new();
    for (kind, word) in table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t')) {
        *kinds.entry(word).or_insert(0) |= match kind {
            "card" => CARD,
            "other" => OTHER,
            "number" => NUMBER,
            "pan" => PAN,
            "cvv" => CVV,
            "pin" => PIN,
            "track" => TRACK,
            "quantity" => QUANTITY,
            other => unreachable!("{other} in data/words.tsv"),
        };
    }
    kinds
}

/// Of a word in lower case; where it is unknown, of what stands before its last digits.
pub fn kinds(word: &str) -> u8 {
    let without = || word.trim_end_matches(|c: char| c.is_ascii_digit());
    KINDS.get(word).or_else(|| KINDS.get(without())).copied().unwrap_or(0)
}

pub fn of_text(marks: &[char]) -> Vec<Word> {
    let mut words = Vec::new();
    let digit = |at: usize| marks.get(at).is_some_and(|mark| crate::digits::digit_value(*mark).is_some());
    let masked = masked(marks);
    each(marks, false, |start, end, word| {
        let touches = end - start < TOUCHING && (digit(end) || start > 0 && digit(start - 1));
        if !touches && !is_inside(&masked, start) {
            words.push(Word { start, end, kinds: kinds(word) });
        }
    });
    words
}

/// What masking leaves, which says nothing of what stands beside it: labels, tokens, ciphertexts. Left to right.
pub fn masked(marks: &[char]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < marks.len() {
        let rest = &marks[at..];
        let length = match rest {
            ['[', 'R', 'E', 'D', ..] => label(rest),
            ['t', 'o', 'k', '_', ..] => keyed(rest, TOKEN..=TOKEN, |mark| matches!(mark, 'a'..='z' | '2'..='7')),
            ['e', 'n', 'c', '_', ..] => {
                keyed(rest, CIPHERTEXT..=usize::MAX, |mark| mark.is_ascii_alphanumeric() || matches!(mark, '-' | '_'))
            }
            _ => None,
        };
        found.extend(length.map(|length| at..at + length));
        at += length.unwrap_or(1);
    }
    found
}

pub fn is_inside(ranges: &[Range<usize>], at: usize) -> bool {
    ranges[..ranges.partition_point(|range| range.start <= at)].last().is_some_and(|range| range.contains(&at))
}

fn label(marks: &[char]) -> Option<usize> {
    let rest = marks.strip_prefix(&['[', 'R', 'E', 'D', 'A', 'C', 'T', 'E', 'D', ':'])?;
    let length = rest.iter().take(LABEL).take_while(|mark| mark.is_ascii_uppercase() || **mark == '-').count();
    (rest.get(length) == Some(&']')).then_some(marks.len() - rest.len() + length + 1)
}

/// `tok_<key>_<body>`, `enc_<key>_<body>`: how long it is.
fn keyed(marks: &[char], length: RangeInclusive<usize>, is: fn(&char) -> bool) -> Option<usize> {
    let key = marks[4..].iter().take(KEY + 1).take_while(|mark| matches!(mark, 'a'..='z' | '0'..='9')).count();
    let start = 4 + key + 1;
    let body = marks.get(start..)?.iter().take(*length.end()).take_while(|mark| is(mark)).count();
    ((1..=KEY).contains(&key) && marks[start - 1] == '_' && length.contains(&body)).then_some(start + body)
}

/// Words in lower case, cut at humps. `digits`: a digit belongs to the word before it.
pub fn each(marks: &[char], digits: bool, mut found: impl FnMut(usize, usize, &str)) {
    let mut word = String::new();
    let mut start = None;
    for at in 0..=marks.len() {
        let mark = marks.get(at).copied().unwrap_or(' ');
        let inside = mark.is_alphabetic() || (digits && start.is_some() && crate::digits::digit_value(mark).is_some());
        if let Some(from) = start.filter(|_| !inside || is_hump(marks, at)) {
            found(from, at, &word);
            (start, word) = (None, String::new());
        }
        if inside && (start.is_some() || mark.is_alphabetic()) {
            start.get_or_insert(at);
            word.extend(mark.to_lowercase());
        }
    }
}

fn is_hump(marks: &[char], at: usize) -> bool {
    let before = marks[at - 1];
    marks[at].is_uppercase()
        && (before.is_lowercase()
            || before.is_uppercase() && marks.get(at + 1).is_some_and(|behind| behind.is_lowercase()))
}
