//! Texts inside of a text as hexadecimal or base64 (RFC 4648).

use std::ops::Range;

use super::context::{of_place, Level};
use super::name::Name;
use super::text::Text;
use super::{Finding, Reading};

/// Hexadecimal digits of the shortest number.
const SHORTEST_HEX: usize = 24;
/// Base64 characters of the shortest number.
pub const SHORTEST_BASE64: usize = 16;

/// Adds encoded texts that hold something, whole.
pub fn find(text: &Text, name: Name, reading: Reading, found: &mut Vec<Finding>) {
    let marks = &text.marks;
    let mut add = |bytes: &[u8], place: Range<usize>| add(text, name, bytes, place, reading, found);
    for token in tokens(marks, SHORTEST_HEX) {
        if let Some(bytes) = hexadecimal(&marks[token.clone()]) {
            add(&bytes, token);
        }
    }
    for run in spans(marks, SHORTEST_BASE64, is_base64) {
        let run = run.start..run.end + padding(&marks[run.end..]);
        if base64(&marks[run.clone()]).is_some_and(|bytes| add(&bytes, run.clone())) {
            continue;
        }
        for part in tokens(&marks[run.clone()], SHORTEST_BASE64) {
            let part = run.start + part.start..run.start + part.end;
            let end = part.end + padding(&marks[part.end..run.end]);
            let part = part.start..end;
            if let Some(bytes) = base64(&marks[part.clone()]).filter(|_| part != run) {
                add(&bytes, part);
            }
        }
    }
}

/// What is around an encoded text tells of it what a name would.
fn add(text: &Text, name: Name, bytes: &[u8], place: Range<usize>, reading: Reading, found: &mut Vec<Finding>) -> bool {
    if bytes.iter().any(|byte| is_control(*byte)) || std::str::from_utf8(bytes).is_err() {
        return false;
    }
    let tells = match of_place(text, place.start, place.end, name) {
        Level::Raised => Name::Raised,
        Level::Neutral => Name::Neutral,
        Level::Lowered => Name::Lowered,
    };
    let inner = super::find(&Text::plain(bytes), tells, reading);
    let Some(first) = inner.into_iter().next() else { return false };
    found.push(Finding { start: place.start, end: place.end, strings: 0, ..first });
    true
}

/// What no text holds.
pub fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0x7f
}

/// Longest sequences of ASCII letters and digits, of that many or more.
pub fn tokens(marks: &[char], shortest: usize) -> Vec<Range<usize>> {
    spans(marks, shortest, |mark| mark.is_ascii_alphanumeric())
}

fn spans(marks: &[char], shortest: usize, is: fn(char) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < marks.len() {
        let length = marks[at..].iter().take_while(|mark| is(**mark)).count();
        if length >= shortest {
            found.push(at..at + length);
        }
        at += length + 1;
    }
    found
}

/// An even number of hexadecimal digits.
pub fn hexadecimal(marks: &[char]) -> Option<Vec<u8>> {
    if marks.len() % 2 != 0 {
        return None;
    }
    marks.chunks_exact(2).map(|pair| Some((pair[0].to_digit(16)? << 4 | pair[1].to_digit(16)?) as u8)).collect()
}

fn is_base64(mark: char) -> bool {
    mark.is_ascii() && value(mark as u8).is_some()
}

fn padding(marks: &[char]) -> usize {
    marks.iter().take(2).take_while(|mark| **mark == '=').count()
}

const NONE: u8 = 0xff;

/// For each byte, what it is worth in base64, in either alphabet.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0;
    while at < alphabet.len() {
        values[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
};

#[inline]
pub fn value(byte: u8) -> Option<u8> {
    let value = VALUES[usize::from(byte)];
    (value != NONE).then_some(value)
}

fn base64(marks: &[char]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(marks.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0u32, 0);
    let characters = marks.iter().take_while(|mark| **mark != '=');
    if characters.clone().count() % 4 == 1 {
        return None;
    }
    for mark in characters {
        bits = bits << 6 | u32::from(value(*mark as u8)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            let byte = (bits >> held) as u8;
            if is_control(byte) {
                return None; // most of what is no text ends here
            }
            bytes.push(byte);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(&Text::plain(text.as_bytes()), Name::Neutral, Reading::new(true), &mut found);
        found.iter().map(|each| &text[each.start..each.end]).collect()
    }

    #[test]
    fn numbers_are_found_in_base64_and_hexadecimal() {
        assert_eq!(found("x=NDExMTExMTExMTExMTExMQ==;"), ["NDExMTExMTExMTExMTExMQ=="]);
        assert_eq!(found("/a/NDExMTExMTExMTExMTExMQ/"), ["NDExMTExMTExMTExMTExMQ"]);
        assert_eq!(found("h:34313131313131313131313131313131"), ["34313131313131313131313131313131"]);
    }

    #[test]
    fn base64_in_base64_is_found_and_other_data_is_not() {
        assert_eq!(found("TkRFeE1URXhNVEV4TVRFeE1URXhNUT09"), ["TkRFeE1URXhNVEV4TVRFeE1URXhNUT09"]);
        for text in [
            "550e8400-e29b-41d4-a716-446655440000",
            "3f786850e387550fdab836ed7e6dc881de23001b",
            "aaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }
}
