//! Card numbers in text: runs of digits, with one space or hyphen between groups.
//!
//! A candidate is one group or several neighbours, 12 to 19 digits together, that a scheme issues and whose check
//! digit is right. A group is never cut: a longer bare run of digits holds no candidate. Neighbours beyond it do not
//! hide one: `4111 1111 1111 1111 12/27` and `no 7 4111111111111111` are found.

use std::ops::Range;

use crate::iin::issued;

pub use crate::iin::{LONGEST, SHORTEST};

/// A card number in a text: where, and its digits' values.
pub struct CardNumber {
    pub range: Range<usize>,
    digits: [u8; LONGEST],
    length: usize,
}

impl CardNumber {
    pub fn digits(&self) -> &[u8] {
        &self.digits[..self.length]
    }
}

/// Whether `digits` (values 0 to 9) are a card number.
pub fn is_card_number(digits: &[u8]) -> bool {
    issued(digits).is_some()
}

/// All card numbers of a text, left to right, without overlap; of those that start at one place, the longest.
/// `in_token` tells whether the bytes from..to of the text are the tail of a token, which starts no card number.
pub fn card_numbers(text: &[u8], in_token: impl Fn(usize, usize) -> bool) -> Vec<CardNumber> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = next_digit(text, at) {
        let run = run(text, start);
        if run.digits >= SHORTEST {
            scan_run(text, start..run.end, &in_token, &mut found);
        }
        at = run.end;
    }
    found
}

fn next_digit(text: &[u8], from: usize) -> Option<usize> {
    text[from..].iter().position(u8::is_ascii_digit).map(|offset| from + offset)
}

struct Run {
    end: usize,
    digits: usize,
}

/// The longest run of digits from `start`, single spaces and hyphens between them included.
fn run(text: &[u8], start: usize) -> Run {
    let (mut at, mut end, mut digits) = (start, start, 0);
    while at < text.len() {
        if text[at].is_ascii_digit() {
            digits += 1;
            end = at + 1;
        } else if at != end || !is_separator(text[at]) {
            break;
        }
        at += 1;
    }
    Run { end, digits }
}

pub fn is_separator(byte: u8) -> bool {
    byte == b' ' || byte == b'-'
}

fn scan_run(text: &[u8], run: Range<usize>, in_token: &impl Fn(usize, usize) -> bool, found: &mut Vec<CardNumber>) {
    let mut start = run.start;
    while start < run.end {
        let number = longest_from(text, start, run.end);
        if let Some(number) = number.filter(|number| !in_token(start, number.range.end)) {
            start = number.range.end + 1;
            found.push(number);
        } else {
            start = group_end(text, start, run.end) + 1;
        }
    }
}

fn group_end(text: &[u8], start: usize, run_end: usize) -> usize {
    (start..run_end).find(|&at| is_separator(text[at])).unwrap_or(run_end)
}

/// The longest card number of whole groups that starts at `start`, the beginning of a group.
fn longest_from(text: &[u8], start: usize, run_end: usize) -> Option<CardNumber> {
    let mut digits = [0; LONGEST];
    let (mut length, mut ends) = (0, [0; LONGEST + 1]);
    let run = text[start..run_end].iter().chain(b" "); // the end of the run ends a group like a separator
    for (at, &byte) in (start..).zip(run) {
        if is_separator(byte) {
            ends[length] = at;
        } else if length == LONGEST {
            break;
        } else {
            digits[length] = byte - b'0';
            length += 1;
        }
    }
    let length = (SHORTEST..=length).rev().find(|&n| ends[n] > 0 && is_card_number(&digits[..n]))?;
    Some(CardNumber { range: start..ends[length], digits, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let numbers = card_numbers(text.as_bytes(), |_, _| false);
        numbers.iter().map(|number| &text[number.range.clone()]).collect()
    }

    #[test]
    fn bare_spaced_and_hyphenated_numbers_are_found() {
        assert_eq!(found("pay 4111111111111111 now"), ["4111111111111111"]);
        assert_eq!(found("4111 1111 1111 1111"), ["4111 1111 1111 1111"]);
        assert_eq!(found("x3782-822463-10005y"), ["3782-822463-10005"]);
    }

    #[test]
    fn groups_beside_a_number_do_not_hide_it() {
        assert_eq!(found("4111 1111 1111 1111 12/27"), ["4111 1111 1111 1111"]);
        assert_eq!(found("no 7 4111111111111111"), ["4111111111111111"]);
        assert_eq!(found("4111111111111111 5555555555554444"), ["4111111111111111", "5555555555554444"]);
    }

    #[test]
    fn a_longer_bare_run_holds_none() {
        assert!(found("41111111111111111").is_empty());
        assert!(found("00004111111111111111").is_empty());
        assert!(found("41111111111111110000000").is_empty());
    }

    #[test]
    fn other_separators_and_two_of_them_end_a_run() {
        assert!(found("4111  1111 1111 1111").is_empty());
        assert!(found("4111.1111.1111.1111").is_empty());
        assert!(found("4111 -1111-1111-1111").is_empty());
    }

    #[test]
    fn a_wrong_check_digit_or_an_unknown_issuer_is_none() {
        assert!(found("4111111111111112").is_empty());
        assert!(found("9111111111111111").is_empty());
    }

    #[test]
    fn a_run_of_single_digits_is_read_as_one() {
        assert_eq!(found("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"), ["4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"]);
    }
}
