//! Verification codes behind their abbreviation in a text: "my cvv is 123", "CVC2: 123", `cardCvv=123`.

use super::text::Text;
use super::words::{is_inside, masked};
use super::Finding;
use crate::config::Class;

/// A code's digits, at least.
pub const SHORTEST: usize = 3;
const LONGEST: usize = 4;
/// Characters between abbreviation, words and code.
const GAP: usize = 6;
/// What may stand between abbreviation and code, and how many of them.
const WORDS: [&str; 11] = ["is", "was", "code", "no", "nr", "number", "num", "value", "ist", "est", "es"];
const SKIPPED: usize = 2;

/// Whether a text may hold an abbreviation: never false where it does.
#[inline]
pub fn may_be_in(raw: &[u8]) -> bool {
    memchr::memchr2_iter(b'v', b'V', raw).any(|at| at > 0 && matches!(raw[at - 1], b'c' | b'C'))
}

/// Adds the digits alone, so that what is left says what was there.
pub fn find(text: &Text, found: &mut Vec<Finding>) {
    let marks = &text.marks;
    let mut tokens = None;
    for at in 1..marks.len() {
        if !matches!((marks[at - 1], marks[at]), ('c' | 'C', 'v' | 'V')) {
            continue;
        }
        let Some((start, end)) = behind(marks, at - 1) else { continue };
        if !is_inside(tokens.get_or_insert_with(|| masked(marks)), start) {
            found.push(Finding::new(Class::Sad, start, end));
        }
    }
}

/// The code behind an abbreviation that begins at `start`.
fn behind(marks: &[char], start: usize) -> Option<(usize, usize)> {
    let before = start.checked_sub(1).map(|at| marks[at]);
    let hump = marks[start] == 'C' && before.is_some_and(|mark| mark.is_ascii_lowercase());
    if !hump && before.is_some_and(|mark| mark.is_ascii_alphanumeric()) {
        return None;
    }
    let mut at = start + 2;
    if !matches!(marks.get(at)?.to_ascii_lowercase(), 'v' | 'c' | 'n') {
        return None;
    }
    at += 1;
    if matches!(marks.get(at)?, '1' | '2') && !is_digit(marks, at + 1) {
        at += 1; // CVV2
    }
    at += gap(&marks[at..]);
    for _ in 0..SKIPPED {
        let word: String = marks[at..].iter().take_while(|mark| mark.is_ascii_alphabetic()).collect();
        if word.is_empty() || !WORDS.contains(&word.to_ascii_lowercase().as_str()) {
            break;
        }
        let space = gap(&marks[at + word.len()..]);
        if space == 0 {
            return None;
        }
        at += word.len() + space;
    }
    let end = at + marks[at..].iter().take(LONGEST + 1).take_while(|mark| mark.is_ascii_digit()).count();
    ((SHORTEST..=LONGEST).contains(&(end - at)) && is_end(marks, end)).then_some((at, end))
}

fn gap(marks: &[char]) -> usize {
    let is = |mark: &&char| {
        matches!(mark, ' ' | '\t' | '\r' | '\n' | ':' | '=' | '#' | '-' | '.' | '"' | '\'' | '\\' | '(' | '[' | '>' | '*')
    };
    marks.iter().take(GAP).take_while(is).count()
}

/// Neither a longer number, nor one with a fraction, a share or parts.
fn is_end(marks: &[char], at: usize) -> bool {
    match marks.get(at) {
        Some('-' | '.' | ',' | ':') => !is_digit(marks, at + 1),
        Some(mark) => !mark.is_ascii_alphanumeric() && *mark != '%',
        None => true,
    }
}

fn is_digit(marks: &[char], at: usize) -> bool {
    marks.get(at).is_some_and(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(&Text::plain(text.as_bytes()), &mut found);
        assert!(found.is_empty() || may_be_in(text.as_bytes()), "{text}");
        found.iter().map(|each| &text[each.start..each.end]).collect()
    }

    #[test]
    fn a_code_behind_its_abbreviation_is_found() {
        for text in [
            "my cvv is 123",
            "CVV: 123",
            "ok, CVV2=123 thanks",
            "cardCvv=123,",
            "card_cvc:123;",
            "\"cvv\": \"123\"",
            "\\\"cvn\\\":\\\"123\\\"",
            "<Cvc2>123</Cvc2>",
            "cvv code is (123)",
            "cvv123.",
        ] {
            assert_eq!(found(text), ["123"], "{text}");
        }
        assert_eq!(found("Cvv 1234, cvc 567"), ["1234", "567"]);
    }

    #[test]
    fn other_numbers_beside_it_are_none() {
        for text in [
            "cvv 12",
            "cvv 12345",
            "cvv 100%",
            "cvv 100.50",
            "cvc 123-4567",
            "cvv match, 200 ms",
            "acvv 123",
            "cvx 123",
            "cvv 123abc",
            "cvv codeis123",
            "tok_k1_cvv",
            "cvv",
            "c",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
        assert!(found(&format!("enc_k1_{}-cvv-123", "a".repeat(40))).is_empty());
    }
}
