//! JSON's tokens (RFC 8259) over bytes that are known to be UTF-8. Strict; nothing is built.

use crate::outcome::{Rejected, Rejection};
use crate::swar;

/// The content of a string token: from..to lie between the quotes.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    pub from: usize,
    pub to: usize,
    pub escaped: bool,
    /// ASCII digits in the raw content, those of escapes included: never fewer than the unescaped text holds
    pub digits: usize,
}

/// A number token from..to: `integer` and `fraction` count their digits.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    pub from: usize,
    pub to: usize,
    pub integer: usize,
    pub fraction: usize,
    pub exponent: i64,
}

pub fn skip_space(input: &[u8], mut at: usize) -> usize {
    while matches!(input.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

pub fn malformed(at: usize) -> Rejected {
    Rejected::at_byte(Rejection::MalformedJson, at)
}

/// The string whose opening quote is at `quote`. Its closing quote is at `to`.
pub fn string(input: &[u8], quote: usize) -> Result<Text, Rejected> {
    let from = quote + 1;
    let (mut at, mut digits, mut escaped) = (from, 0, false);
    loop {
        let plain = swar::plain_prefix(&input[at..]);
        digits += plain.digits;
        at += plain.length;
        match input.get(at) {
            None => return Err(malformed(at)),
            Some(b'"') => return Ok(Text { from, to: at, escaped, digits }),
            Some(b'\\') => {
                let length = escape(input, at)?.length;
                digits += input[at..at + length].iter().filter(|c| c.is_ascii_digit()).count();
                escaped = true;
                at += length;
            }
            Some(_) => return Err(malformed(at)),
        }
    }
}

struct Escape {
    character: char,
    length: usize,
}

/// The escape whose backslash is at `at`; a pair of surrogates is one. A lone surrogate has no UTF-8.
fn escape(input: &[u8], at: usize) -> Result<Escape, Rejected> {
    let simple = |character| Ok(Escape { character, length: 2 });
    match input.get(at + 1) {
        Some(&byte @ (b'"' | b'\\' | b'/')) => simple(char::from(byte)),
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(b'u') => unicode_escape(input, at),
        _ => Err(malformed(at)),
    }
}

fn unicode_escape(input: &[u8], at: usize) -> Result<Escape, Rejected> {
    let lone = || Rejected::at_byte(Rejection::InvalidUtf8, at);
    let first = hex4(input, at + 2).ok_or_else(|| malformed(at))?;
    if let Some(character) = char::from_u32(first) {
        return Ok(Escape { character, length: 6 });
    }
    if input.get(at + 6..at + 8) != Some(b"\\u") {
        return Err(lone());
    }
    let second = hex4(input, at + 8).ok_or_else(|| malformed(at + 6))?;
    if first >= 0xdc00 || !(0xdc00..0xe000).contains(&second) {
        return Err(lone());
    }
    let scalar = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    char::from_u32(scalar).map(|character| Escape { character, length: 12 }).ok_or_else(lone)
}

fn hex4(input: &[u8], at: usize) -> Option<u32> {
    input.get(at..at + 4)?.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

/// The unescaped text of a string token's content (`raw`: between the quotes, known to be well-formed), and for each
/// of its bytes, and its end, the raw offset it comes from.
pub fn unescape_mapped(raw: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut text, mut origin) = (Vec::with_capacity(raw.len()), Vec::with_capacity(raw.len() + 1));
    let mut at = 0;
    while at < raw.len() {
        match (raw[at] == b'\\').then(|| escape(raw, at)) {
            Some(Ok(Escape { character, length })) => {
                let mut utf8 = [0; 4];
                text.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
                origin.resize(text.len(), at);
                at += length;
            }
            _ => {
                text.push(raw[at]);
                origin.push(at);
                at += 1;
            }
        }
    }
    origin.push(at);
    (text, origin)
}

pub fn unescape(raw: &[u8]) -> Vec<u8> {
    unescape_mapped(raw).0
}

/// The number that starts at `from` with a digit or a minus sign; or NaN and infinities, which JSON does not have.
pub fn number(input: &[u8], from: usize) -> Result<Number, Rejected> {
    let at = from + usize::from(input.get(from) == Some(&b'-'));
    if input[at..].starts_with(b"Infinity") {
        return Err(Rejected::at_byte(Rejection::NotFinite, from));
    }
    let integer = digits(input, at);
    if integer == 0 || (integer > 1 && input[at] == b'0') {
        return Err(malformed(at));
    }
    let mut number = Number { from, to: at + integer, integer, fraction: 0, exponent: 0 };
    if input.get(number.to) == Some(&b'.') {
        number.fraction = digits(input, number.to + 1);
        number.to += 1 + number.fraction;
        if number.fraction == 0 {
            return Err(malformed(number.to));
        }
    }
    if let Some(b'e' | b'E') = input.get(number.to) {
        exponent(input, &mut number)?;
    }
    if integer as i64 + number.exponent > 300 && !is_finite(&input[from..number.to]) {
        return Err(Rejected::at_byte(Rejection::NotFinite, from));
    }
    Ok(number)
}

fn exponent(input: &[u8], number: &mut Number) -> Result<(), Rejected> {
    let sign = input.get(number.to + 1);
    let start = number.to + 1 + usize::from(matches!(sign, Some(b'+' | b'-')));
    let count = digits(input, start);
    if count == 0 {
        return Err(malformed(start));
    }
    number.to = start + count;
    // far beyond a double's range both ways; saturating, since a thousand digits of exponent are well-formed
    let size =
        input[start..number.to].iter().fold(0i64, |size, digit| (size * 10 + i64::from(digit - b'0')).min(1 << 40));
    number.exponent = if sign == Some(&b'-') { -size } else { size };
    Ok(())
}

fn digits(input: &[u8], from: usize) -> usize {
    input.get(from..).map_or(0, |rest| rest.iter().take_while(|c| c.is_ascii_digit()).count())
}

fn is_finite(text: &[u8]) -> bool {
    std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok()).is_some_and(f64::is_finite)
}

impl Number {
    /// Digits (values 0 to 9) of the number's integer part in plain decimal, without leading zeros, where they are
    /// `most` or fewer: 41e2 → 4100, 4.1e1 → 41, 4100e-2 → 41.
    pub fn plain_integer(&self, input: &[u8], most: usize) -> Option<Vec<u8>> {
        let length = self.integer as i64 + self.exponent;
        let zeros = self.integer == 1 && self.exponent > 0; // 0.041e3: a leading zero moves into the integer part
        if length < 1 || length > most as i64 + if zeros { self.fraction as i64 } else { 0 } {
            return None;
        }
        let mantissa = input[self.from..self.to].iter().take_while(|c| !matches!(c, b'e' | b'E'));
        let known = mantissa.filter(|c| c.is_ascii_digit()).map(|c| c - b'0');
        let plain = known.chain(std::iter::repeat(0)).take(length as usize).skip_while(|digit| *digit == 0);
        let plain: Vec<u8> = plain.collect();
        (plain.len() <= most).then_some(plain)
    }
}
