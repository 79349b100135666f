//! Whether a string is worth reading. Most strings of a record end here, without an allocation.

use super::blobs::{is_control, value, wide, SHORTEST_BASE64, SHORTEST_HEX};
use super::chains::GAP;
use super::name::Name;
use super::{codes, emv, ibans};
use crate::iin::SHORTEST;
use crate::json::Text;
use crate::swar::is_dense;

/// Digits of a chain's groups, at least.
const CHAINED: usize = 3;
/// Letters and digits in one piece that may be hexadecimal.
const TOKEN: usize = 16;
/// Of a text with an escape that holds anything: `c\u0076v123`.
const ESCAPED: usize = 11;

/// What stands between the quotes of a string under a member of that name.
#[inline(always)]
pub fn is_suspicious(raw: &[u8], token: &Text, name: Name, sad: bool) -> bool {
    let may_be_document = matches!(raw.first(), Some(b'{' | b'[' | b' '));
    let named = matches!(name, Name::Cvv | Name::Pin | Name::Track);
    let plain = token.digits < SHORTEST && token.ascii && !may_be_document && !named;
    if plain && (raw.len() < SHORTEST_BASE64 || !is_dense(raw)) && !(sad && may_hold_code(raw, token.digits)) {
        return false;
    }
    is_worth_reading(raw, token, named && sad)
}

#[inline(never)]
fn is_worth_reading(raw: &[u8], token: &Text, named: bool) -> bool {
    named || token.escaped && raw.len() >= ESCAPED || is_suspicious_text(raw, token.digits)
}

/// `digits`: ASCII digits in it, or more.
pub fn is_suspicious_text(raw: &[u8], digits: usize) -> bool {
    let first = raw.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
        || digits >= SHORTEST && may_hold_number(raw, digits)
        || has_other_digits(raw, digits)
        || may_hold_code(raw, digits)
        || raw.len() >= SHORTEST_BASE64 && is_dense(raw) && may_hold_base64(raw)
}

#[inline(always)]
fn may_hold_code(raw: &[u8], digits: usize) -> bool {
    digits >= codes::SHORTEST && codes::may_be_in(raw)
}

/// Digits of other scripts take two bytes or more.
fn has_other_digits(raw: &[u8], digits: usize) -> bool {
    raw.len() >= SHORTEST && !raw.is_ascii() && {
        let other = raw.iter().filter(|byte| **byte >= 0x80).count();
        digits + other / 2 >= SHORTEST
    }
}

/// Whether there are twelve digits in one run, a token that may hold data, the start of an IBAN, or anything encoded.
fn may_hold_number(raw: &[u8], digits: usize) -> bool {
    let (mut run, mut gap, mut token) = (0, 0, 0);
    for (at, &byte) in raw.iter().enumerate() {
        if token >= TOKEN && !byte.is_ascii_alphanumeric() && may_be_hexadecimal(&raw[at - token..at]) {
            return true;
        }
        match byte {
            b'0'..=b'9' => (run, gap, token) = (run + 1, 0, token + 1),
            b'%' | b'&' | b'\\' | 0x80.. => return true,
            b':' | b',' if digits >= SHORTEST_HEX => return true, // hexadecimal in pairs
            b'=' if raw.get(at + 3) == Some(&b'=') => return true, // quoted-printable
            b'A'..=b'Z' | b'a'..=b'z' => {
                if token == 0 && is_country(&raw[at..]) {
                    return true;
                }
                (run, gap, token) = (0, 0, token + 1);
            }
            b' ' | b'-' | b'.' | b'/' | b'_' => {
                gap += 1;
                token = 0;
                run = if gap > GAP { 0 } else { run };
            }
            _ => {
                let ends = gap == 0 && token < CHAINED || gap >= GAP;
                (run, gap, token) = (if ends { 0 } else { run }, gap + 1, 0);
            }
        }
        if run >= SHORTEST {
            return true;
        }
    }
    token >= TOKEN && may_be_hexadecimal(&raw[raw.len() - token..])
}

/// Whether a token is a text, or EMV data, in hexadecimal: most hashes and identifiers are neither.
fn may_be_hexadecimal(token: &[u8]) -> bool {
    let token = if matches!(token, [b'0', b'x' | b'X', ..]) { &token[2..] } else { token };
    let digit = |at: usize| char::from(token[at]).to_digit(16);
    let byte = |at: usize| Some((digit(at)? << 4 | digit(at + 1)?) as u8);
    if token.len() % 2 != 0 || token.len() < SHORTEST {
        return false;
    }
    let begins: Vec<u8> = (0..SHORTEST).step_by(2).map_while(byte).collect();
    let text = begins.len() == SHORTEST / 2 && !begins.iter().any(|byte| is_control(*byte) || *byte >= 0xf5);
    text || wide(&begins).is_some() || emv::is_sequence(token.len(), byte)
}

fn is_country(rest: &[u8]) -> bool {
    let &[first, second, b'0'..=b'9', b'0'..=b'9', _, ..] = rest else { return false };
    second.is_ascii_alphabetic() && ibans::length([first.to_ascii_uppercase(), second.to_ascii_uppercase()]).is_some()
}

/// Whether some sixteen base64 characters in one piece begin like a text. Of them one is in every sixteenth place.
fn may_hold_base64(raw: &[u8]) -> bool {
    let is = |at: &usize| value(raw[*at]).is_some();
    let (mut checked, mut probe) = (0, SHORTEST_BASE64 - 1);
    while probe < raw.len() {
        let end = (probe..raw.len()).take_while(is).last().map_or(probe, |last| last + 1);
        let start = (checked..probe).rev().take_while(is).last().unwrap_or(probe);
        let run = &raw[start..end];
        if run.len() >= SHORTEST_BASE64 && end > probe && (starts_text(run) || has_parts(run)) {
            return true;
        }
        let escaped = start > 0 && raw[start - 1] == b'%'; // the two characters behind it are not of the run
        if escaped && run.len() >= SHORTEST_BASE64 + 2 && starts_text(&run[2..]) {
            return true;
        }
        checked = end;
        probe = end.max(probe + 1) / SHORTEST_BASE64 * SHORTEST_BASE64 + SHORTEST_BASE64 - 1;
    }
    false
}

fn has_parts(run: &[u8]) -> bool {
    let parts = run.split(|byte| matches!(byte, b'/' | b'+' | b'-' | b'_'));
    parts.filter(|part| part.len() >= SHORTEST_BASE64 && part.len() < run.len()).any(starts_text)
}

/// Whether the first twelve bytes in it can be of a text.
fn starts_text(run: &[u8]) -> bool {
    let mut bytes = [0; 12];
    let mut length = 0;
    for (four, three) in run.chunks_exact(4).zip(bytes.chunks_exact_mut(3)) {
        let bits = four.iter().fold(0, |bits, byte| bits << 6 | u32::from(value(*byte).unwrap_or(0)));
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
        length += 3;
    }
    let bytes = &bytes[..length];
    let cut = |error: std::str::Utf8Error| error.error_len().is_none();
    wide(bytes).is_some()
        || !bytes.iter().any(|byte| is_control(*byte)) && std::str::from_utf8(bytes).err().is_none_or(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_suspicious_wherever_it_stands() {
        for before in 0..40 {
            for behind in [0, 1, 20] {
                let text = format!("{}NDExMTExMTExMTEx{}", " ".repeat(before), "., ".repeat(behind));
                assert!(may_hold_base64(text.as_bytes()), "{text}");
                assert!(is_dense(text.as_bytes()), "{text}");
            }
        }
        assert!(may_hold_base64(b"a%3DNDExMTExMTExMTEx%26b"));
        let two = format!("{} NDExMTExMTExMTEx", "pay-000000-parcel_".repeat(3));
        assert!(may_hold_base64(two.as_bytes()));
    }

    #[test]
    fn most_strings_are_not() {
        for text in
            ["delivery voucher express basket", "pay-000000-parcel", "2026-11-24T04:08:00.123456Z", "Ada Example"]
        {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            assert!(!is_suspicious_text(text.as_bytes(), digits), "{text}");
        }
    }
}
