//! Whether a string is worth reading. Most strings of a record end here, without an allocation.

use super::blobs::{is_control, value, SHORTEST_BASE64};
use super::ibans;
use super::name::Name;
use crate::iin::SHORTEST;
use crate::json::Text;

const SEPARATORS: usize = 3;
/// Letters and digits in one piece that may be hexadecimal or an IBAN.
const TOKEN: usize = 15;

/// What stands between the quotes of a string under a member of that name.
#[inline]
pub fn is_suspicious(raw: &[u8], token: &Text, name: Name, sad: bool) -> bool {
    if token.digits < 3 && raw.len() < SHORTEST_BASE64 {
        return false;
    }
    let named = sad && matches!(name, Name::Cvv | Name::Pin | Name::Track);
    named || token.escaped && raw.len() >= SHORTEST || is_suspicious_text(raw, token.digits)
}

/// `digits`: ASCII digits in it, or more.
pub fn is_suspicious_text(raw: &[u8], digits: usize) -> bool {
    let first = raw.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
        || digits >= SHORTEST && may_hold_number(raw)
        || has_other_digits(raw, digits)
        || raw.len() >= SHORTEST_BASE64 && may_hold_base64(raw)
}

/// Digits of other scripts take two bytes or more.
fn has_other_digits(raw: &[u8], digits: usize) -> bool {
    raw.len() >= SHORTEST && !raw.is_ascii() && {
        let other = raw.iter().filter(|byte| **byte >= 0x80).count();
        digits + other / 2 >= SHORTEST
    }
}

/// Whether there are twelve digits in one run, a long token, the start of an IBAN, or anything encoded.
fn may_hold_number(raw: &[u8]) -> bool {
    let (mut run, mut gap, mut token) = (0, 0, 0);
    for (at, &byte) in raw.iter().enumerate() {
        match byte {
            b'0'..=b'9' => (run, gap, token) = (run + 1, 0, token + 1),
            b'%' | b'&' | b'\\' | 0x80.. => return true,
            b'A'..=b'Z' | b'a'..=b'z' => {
                if token == 0 && is_country(&raw[at..]) {
                    return true;
                }
                (run, gap, token) = (0, 0, token + 1);
            }
            b' ' | b'-' | b'.' | b'/' | b'_' => {
                gap += 1;
                token = 0;
                run = if gap > SEPARATORS { 0 } else { run };
            }
            _ => (run, gap, token) = (0, 0, 0),
        }
        if run >= SHORTEST || token >= TOKEN {
            return true;
        }
    }
    false
}

fn is_country(rest: &[u8]) -> bool {
    let &[first, second, b'0'..=b'9', b'0'..=b'9', _, ..] = rest else { return false };
    second.is_ascii_alphabetic() && ibans::length([first.to_ascii_uppercase(), second.to_ascii_uppercase()]).is_some()
}

/// Whether some sixteen base64 characters in one piece begin like a text. Each such piece holds one of every sixteenth
/// byte.
fn may_hold_base64(raw: &[u8]) -> bool {
    let is = |at: &usize| value(raw[*at]).is_some();
    let mut probe = SHORTEST_BASE64 - 1;
    while probe < raw.len() {
        if !is(&probe) {
            probe += SHORTEST_BASE64;
            continue;
        }
        let start = (0..probe).rev().take_while(is).last().unwrap_or(probe);
        let end = (probe..raw.len()).take_while(is).last().map_or(probe, |last| last + 1);
        if end - start >= SHORTEST_BASE64 && (starts_text(&raw[start..end]) || has_parts(&raw[start..end])) {
            return true;
        }
        probe = (end / SHORTEST_BASE64 + 1) * SHORTEST_BASE64 - 1;
        probe = probe.max(end);
    }
    false
}

fn has_parts(run: &[u8]) -> bool {
    let parts = run.split(|byte| matches!(byte, b'/' | b'+' | b'-' | b'_'));
    parts.filter(|part| part.len() >= SHORTEST_BASE64 && part.len() < run.len()).any(starts_text)
}

/// Whether the first twelve bytes in it can be of a text.
fn starts_text(run: &[u8]) -> bool {
    for four in run.chunks_exact(4).take(4) {
        let bits = four.iter().fold(0, |bits, byte| bits << 6 | u32::from(value(*byte).unwrap_or(0)));
        let [_, bytes @ ..] = bits.to_be_bytes();
        if bytes.iter().any(|byte| is_control(*byte) || matches!(byte, 0xc0 | 0xc1 | 0xf5..)) {
            return false;
        }
    }
    true
}
