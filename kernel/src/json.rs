//! JSON's tokens (RFC 8259) over bytes that are known to be UTF-8. Strict; nothing is built.

use std::ops::Range;

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
    pub ascii: bool,
}

/// A number token from..to: `integer` and `fraction` count their digits; `exponent` is what stands behind the e.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    pub from: usize,
    pub to: usize,
    start_of_digits: usize,
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
#[inline(always)]
pub fn string(input: &[u8], quote: usize) -> Result<Text, Rejected> {
    let from = quote + 1;
    let plain = swar::plain_prefix(&input[from..]);
    let to = from + plain.length;
    if input.get(to) == Some(&b'"') {
        return Ok(Text { from, to, escaped: false, digits: plain.digits, ascii: plain.ascii });
    }
    odd_string(input, from)
}

/// A string with escapes, or one that is not well-formed; `from` lies behind its opening quote.
#[cold]
fn odd_string(input: &[u8], from: usize) -> Result<Text, Rejected> {
    let (mut at, mut digits) = (from, 0);
    loop {
        let plain = swar::plain_prefix(&input[at..]);
        digits += plain.digits;
        at += plain.length;
        match input.get(at) {
            Some(b'"') => return Ok(Text { from, to: at, escaped: true, digits, ascii: false }),
            Some(b'\\') => {
                let length = escape(input, at)?.length;
                digits += input[at..at + length].iter().filter(|c| c.is_ascii_digit()).count();
                at += length;
            }
            _ => return Err(malformed(at)),
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

/// The characters of a string token's content (`raw`: between the quotes, known to be well-formed), with the raw bytes
/// from..to that each comes from.
pub fn characters(raw: &[u8], mut each: impl FnMut(char, usize, usize)) {
    let mut at = 0;
    while at < raw.len() {
        if let Some(Ok(Escape { character, length })) = (raw[at] == b'\\').then(|| escape(raw, at)) {
            each(character, at, at + length);
            at += length;
            continue;
        }
        let next = raw[at + 1..].iter().position(|&byte| byte == b'\\').map_or(raw.len(), |offset| at + 1 + offset);
        for mark in String::from_utf8_lossy(&raw[at..next]).chars() {
            each(mark, at, at + mark.len_utf8());
            at += mark.len_utf8();
        }
        at = next;
    }
}

pub fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(raw.len());
    characters(raw, |mark, _, _| text.push(mark));
    text.into_bytes()
}

/// The number that starts at `from` with a digit or a minus sign; or NaN and infinities, which JSON does not have.
#[inline(always)]
pub fn number(input: &[u8], from: usize) -> Result<Number, Rejected> {
    let integer = digits(input, from);
    let point = from + integer;
    let fraction = if input.get(point) == Some(&b'.') { digits(input, point + 1) } else { 0 };
    let to = point + if fraction > 0 { 1 + fraction } else { 0 };
    let plain = (1..=19).contains(&integer) && !matches!(input.get(to), Some(b'.' | b'e' | b'E'));
    if plain && (integer == 1 || input[from] != b'0') {
        return Ok(Number { from, to, start_of_digits: from, integer, fraction, exponent: 0 });
    }
    any_number(input, from)
}

fn any_number(input: &[u8], from: usize) -> Result<Number, Rejected> {
    let at = from + usize::from(input.get(from) == Some(&b'-'));
    if input[at..].starts_with(b"Infinity") {
        return Err(Rejected::at_byte(Rejection::NotFinite, from));
    }
    let integer = digits(input, at);
    if integer == 0 || (integer > 1 && input[at] == b'0') {
        return Err(malformed(at));
    }
    let mut number = Number { from, to: at + integer, start_of_digits: at, integer, fraction: 0, exponent: 0 };
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

#[inline(always)]
fn digits(input: &[u8], from: usize) -> usize {
    input.get(from..).map_or(0, swar::leading_digits)
}

fn is_finite(text: &[u8]) -> bool {
    std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok()).is_some_and(f64::is_finite)
}

impl Number {
    /// Where the digits before a decimal point or exponent stand.
    pub fn integer_range(&self) -> Range<usize> {
        self.start_of_digits..self.start_of_digits + self.integer
    }

    /// The number's integer part in plain decimal, in ASCII digits without leading zeros, where they are `most` or
    /// fewer: 41e2 → 4100, 4.1e1 → 41, 4100e-2 → 41.
    pub fn plain_integer(&self, input: &[u8], most: usize) -> Option<Vec<u8>> {
        let length = self.integer as i64 + self.exponent;
        let zeros = self.integer == 1 && self.exponent > 0; // 0.041e3: a leading zero moves into the integer part
        if length < 1 || length > most as i64 + if zeros { self.fraction as i64 } else { 0 } {
            return None;
        }
        let mantissa = input[self.from..self.to].iter().take_while(|c| !matches!(c, b'e' | b'E'));
        let known = mantissa.copied().filter(u8::is_ascii_digit);
        let plain = known.chain(std::iter::repeat(b'0')).take(length as usize).skip_while(|digit| *digit == b'0');
        let plain: Vec<u8> = plain.collect();
        (plain.len() <= most).then_some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<String> {
        let token = number(text.as_bytes(), 0).unwrap();
        token.plain_integer(text.as_bytes(), 19).map(|digits| String::from_utf8(digits).unwrap())
    }

    #[test]
    fn numbers_are_read_in_plain_decimal() {
        for (text, value) in
            [("41e2", "4100"), ("4.1e1", "41"), ("4100e-2", "41"), ("-0.041e3", "41"), ("4.19e1", "41"), ("12.5", "12")]
        {
            assert_eq!(plain(text).as_deref(), Some(value), "{text}");
        }
        for text in ["1e30", "1e-3", "1e-99999999999999999999999"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_that_json_does_not_have_are_refused_where_they_go_wrong() {
        let wrong =
            [("-", 1), ("01", 0), ("-01", 1), ("1.", 2), ("1.e5", 2), ("1e", 2), ("1e+", 3), (".5", 0), ("+1", 0)];
        for (text, place) in wrong {
            assert_eq!(number(text.as_bytes(), 0).unwrap_err(), malformed(place), "{text}");
        }
    }

    #[test]
    fn numbers_beyond_a_double_are_not_finite() {
        for text in ["1e309", "-1e309", "1e999999999999999999999", &"9".repeat(400)] {
            assert_eq!(number(text.as_bytes(), 0).unwrap_err().reason, Rejection::NotFinite, "{text}");
        }
        for text in ["1e308", "1e-999999", "0e999", &"9".repeat(300)] {
            assert!(number(text.as_bytes(), 0).is_ok(), "{text}");
        }
    }

    #[test]
    fn lone_surrogates_are_no_text_and_pairs_are_one_character() {
        assert_eq!(unescape(br"\ud83d\ude00"), "😀".as_bytes());
        for text in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\ud83d\ud83d""#, r#""\ud83dx""#] {
            assert_eq!(string(text.as_bytes(), 0).unwrap_err(), Rejected::at_byte(Rejection::InvalidUtf8, 1), "{text}");
        }
    }

    #[test]
    fn strings_end_at_their_quote_and_count_at_least_their_digits() {
        let text = string(br#""a\"1\u0034" "9"#, 0).unwrap();
        assert_eq!((text.from, text.to, text.escaped, text.digits), (1, 11, true, 5));
        let wrong = [("\"a", 2), ("\"a\\", 2), ("\"\\x\"", 1), ("\"\\u12g4\"", 1), ("\"a\nb\"", 2), ("\"\\u12", 1)];
        for (text, place) in wrong {
            assert_eq!(string(text.as_bytes(), 0).unwrap_err(), malformed(place), "{text:?}");
        }
    }
}
