//! JSON numbers: bare numbers that their name alone tells.

use super::context::Level;
use super::exclusions::is_other_number;
use super::name::Name;
use super::pans::qualifies;
use super::runs::Layout;
use super::{Digits, Finding};
use crate::config::Class;
use crate::iin::{issued, LONGEST, SHORTEST};
use crate::json::Number;

/// What a number is, as a whole: its integer part in plain decimal, or as it is written. What lies behind a decimal
/// point does not count: of random fractions one in thirty would look like a card number.
#[inline]
pub fn number(input: &[u8], token: &Number, name: Name, sad: bool) -> Option<Finding> {
    if token.integer < SHORTEST && token.exponent == 0 && !matches!(name, Name::Cvv | Name::Pin) {
        return None;
    }
    long_number(input, token, name, sad)
}

#[inline(never)]
fn long_number(input: &[u8], token: &Number, name: Name, sad: bool) -> Option<Finding> {
    let written = &input[token.integer_range()];
    let length = token.to - token.from;
    if sad && written.len() == length {
        let fits = match name {
            Name::Cvv => (3..=4).contains(&length),
            Name::Pin => (4..=12).contains(&length),
            _ => false,
        };
        if fits {
            return Some(Finding::new(Class::Sad, 0, length));
        }
    }
    if written.len() < SHORTEST && token.exponent == 0 {
        return None;
    }
    let plain = (token.exponent != 0).then(|| token.plain_integer(input, LONGEST)).flatten();
    let fraction = token.exponent == 0
        && input[token.integer_range().end..token.to].iter().any(|byte| matches!(byte, b'1'..=b'9'));
    plain
        .and_then(|digits| card_number(&digits, name, fraction))
        .or_else(|| card_number(written, name, fraction))
        .map(|found| Finding { end: length, ..found })
}

/// `fraction`: the number goes on behind the point with other than zeros.
fn card_number(ascii: &[u8], name: Name, fraction: bool) -> Option<Finding> {
    if !(SHORTEST..=LONGEST).contains(&ascii.len()) {
        return None;
    }
    let digits: Vec<u8> = ascii.iter().map(|digit| digit - b'0').collect();
    let known = issued(&digits);
    let level = Level::of_name(name);
    let is_one = name == Name::Pan
        || known.is_some_and(|known| {
            let other = level != Level::Raised && (fraction || is_other_number(&digits));
            !other && qualifies(known.strong, level, Layout::Bare, digits.len())
        });
    let found = Finding::new(Class::Pan, 0, digits.len());
    is_one.then(|| Finding {
        network: known.map(|known| known.network),
        digits: Digits::new(&digits).unwrap_or_default(),
        ..found
    })
}
