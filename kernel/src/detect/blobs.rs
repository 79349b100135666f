//! Texts inside of a text as hexadecimal or base64 (RFC 4648).

use std::borrow::Cow;
use std::ops::Range;

use super::context::{of_place, Level};
use super::name::Name;
use super::text::Text;
use super::{Finding, Reading};

/// Hexadecimal digits of the shortest number.
pub const SHORTEST_HEX: usize = 24;
/// Base64 characters of the shortest number.
pub const SHORTEST_BASE64: usize = 16;
/// Of base64 in lines, characters of a line.
const SHORTEST_LINE: usize = 60;

/// Adds encoded texts that hold something, whole.
pub fn find(text: &Text, name: Name, reading: Reading, found: &mut Vec<Finding>) {
    let marks = &text.marks;
    let mut add = |bytes: &[u8], place: Range<usize>| add(text, name, bytes, place, reading, found);
    for token in tokens(marks, SHORTEST_HEX) {
        let prefixed = matches!(marks[token.clone()], ['0', 'x' | 'X', ..]);
        let token = token.start + 2 * usize::from(prefixed)..token.end;
        if let Some(bytes) = hexadecimal(&marks[token.clone()]).filter(|_| token.len() >= SHORTEST_HEX) {
            add(&bytes, token);
        }
    }
    for pairs in pairs(marks) {
        let digits: Vec<char> = marks[pairs.clone()].chunks(3).flat_map(|pair| &pair[..2]).copied().collect();
        if let Some(bytes) = hexadecimal(&digits) {
            add(&bytes, pairs);
        }
    }
    let mut behind = 0;
    for run in spans(marks, SHORTEST_BASE64, is_base64) {
        if run.start < behind {
            continue;
        }
        if let Some((lines, body)) = wrapped(marks, &run) {
            if base64(&body).is_some_and(|bytes| add(&bytes, lines.clone())) {
                behind = lines.end;
                continue;
            }
        }
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

/// Bytes in hexadecimal with the same mark between each two of them.
fn pairs(marks: &[char]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let is_pair = |at: usize| {
        let hexadecimal = marks.get(at..at + 2).is_some_and(|pair| pair.iter().all(char::is_ascii_hexdigit));
        hexadecimal && !marks.get(at + 2).is_some_and(char::is_ascii_alphanumeric)
    };
    let mut at = 0;
    while at < marks.len() {
        if !is_pair(at) || at > 0 && marks[at - 1].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let mut end = at + 2;
        if let Some(mark) = marks.get(end).filter(|mark| matches!(mark, ' ' | ':' | '-' | ',')) {
            while marks.get(end) == Some(mark) && is_pair(end + 1) {
                end += 3;
            }
        }
        if end - at < 3 * SHORTEST_HEX / 2 - 1 {
            at += 2; // its last pair may begin another
            continue;
        }
        found.push(at..end);
        at = end;
    }
    found
}

/// Base64 in lines of equal length (RFC 2045), of which the last may be shorter: all of it, and without its breaks.
fn wrapped(marks: &[char], first: &Range<usize>) -> Option<(Range<usize>, Vec<char>)> {
    if first.len() < SHORTEST_LINE || first.len() % 4 != 0 {
        return None;
    }
    let mut body = marks[first.clone()].to_vec();
    let mut end = first.end;
    loop {
        let start = match marks[end..] {
            ['\r', '\n', ..] => end + 2,
            ['\n', ..] => end + 1,
            _ => break,
        };
        let line = marks[start..].iter().take(first.len() + 1).take_while(|mark| is_base64(**mark)).count();
        if !(1..=first.len()).contains(&line) {
            break;
        }
        end = start + line;
        body.extend(&marks[start..end]);
        if line < first.len() {
            break;
        }
    }
    let padded = end + padding(&marks[end..]);
    (body.len() > first.len()).then_some((first.start..padded, body))
}

/// What is around an encoded text tells of it what a name would.
fn add(text: &Text, name: Name, bytes: &[u8], place: Range<usize>, reading: Reading, found: &mut Vec<Finding>) -> bool {
    let Some(decoded) = readable(bytes) else { return false };
    let tells = match of_place(text, place.start, place.end, name) {
        Level::Raised => Name::Raised,
        Level::Neutral => Name::Neutral,
        Level::Lowered => Name::Lowered,
    };
    let inner = super::find(&Text::plain(&decoded), tells, reading);
    let Some(first) = inner.into_iter().next() else { return false };
    found.push(Finding { start: place.start, end: place.end, strings: 0, ..first });
    true
}

/// Of a text, its UTF-8: it is that, or ASCII in UTF-16.
fn readable(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let is_text = |bytes: &[u8]| !bytes.iter().any(|byte| is_control(*byte));
    if is_text(bytes) {
        return std::str::from_utf8(bytes).is_ok().then_some(Cow::Borrowed(bytes));
    }
    let narrow: Vec<u8> = bytes.iter().copied().skip(wide(bytes)?).step_by(2).collect();
    (bytes.len() % 2 == 0 && is_text(&narrow)).then_some(Cow::Owned(narrow))
}

/// Where the first ASCII character of a text in UTF-16 stands, if each takes two bytes.
pub fn wide(bytes: &[u8]) -> Option<usize> {
    let start = 2 * usize::from(bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]));
    let rest = &bytes[start..];
    let alternate = |low: usize, high: usize| {
        let ascii = rest.iter().skip(low).step_by(2).all(|byte| (1..0x80).contains(byte));
        ascii && rest.iter().skip(high).step_by(2).all(|byte| *byte == 0)
    };
    match rest.len() {
        0 | 1 => None,
        _ if alternate(0, 1) => Some(start),
        _ if alternate(1, 0) => Some(start + 1),
        _ => None,
    }
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
            if is_control(byte) && byte != 0 {
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
    fn bytes_are_read_in_lines_in_pairs_and_in_utf_16() {
        let pairs = "34 31 31 31 31 31 31 31 31 31 31 31 31 31 31 31";
        let wide = "34003100310031003100310031003100310031003100310031003100310031";
        for text in [
            pairs,
            &pairs.replace(' ', ":"),
            &format!("{wide}00"),
            &format!("00{wide}"),
            "NAAxADEAMQAxADEAMQAxADEAMQAxADEAMQAxADEAMQA=",
        ] {
            assert_eq!(found(text), [text]);
        }
        let body = "QUFB".repeat(15) + "\r\nIDQxMTExMTExMTExMTEx\r\nMTE=";
        assert_eq!(found(&format!("x {}", body.replacen("TEx\r\n", "TEx", 1))), [body.replacen("TEx\r\n", "TEx", 1)]);
        assert_eq!(found("0x34313131313131313131313131313131"), ["34313131313131313131313131313131"]);
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
