//! IBANs (ISO 13616): how they are written, and what `partial` shows of one.

use crate::digits::is_separator;

/// Country, check digits and the shortest and longest account part that a country has.
const SHORTEST: usize = 15;
const LONGEST: usize = 34;
const FIRST: usize = 2;
const LAST: usize = 4;

/// An IBAN's upper-case letters and digits without separators; None for a text that has not its form.
pub fn normal(text: &[u8]) -> Option<Vec<u8>> {
    let mut iban = Vec::with_capacity(LONGEST);
    for character in std::str::from_utf8(text).ok()?.chars() {
        if character.is_ascii_alphanumeric() {
            iban.push(character.to_ascii_uppercase() as u8);
        } else if !is_separator(character) {
            return None;
        }
    }
    let fits = (SHORTEST..=LONGEST).contains(&iban.len());
    let formed = fits && iban[..2].iter().all(u8::is_ascii_uppercase) && iban[2..4].iter().all(u8::is_ascii_digit);
    formed.then_some(iban)
}

/// Country and last four characters: `DE****************3000`.
pub fn partial(text: &[u8]) -> Option<String> {
    let iban = normal(text)?;
    let last = iban.len() - LAST;
    let shown = |(index, byte): (usize, &u8)| if index < FIRST || index >= last { char::from(*byte) } else { '*' };
    Some(iban.iter().enumerate().map(shown).collect())
}

pub fn is_partial(text: &[u8]) -> bool {
    (SHORTEST..=LONGEST).contains(&text.len())
        && text[..FIRST].iter().all(u8::is_ascii_uppercase)
        && text[FIRST..text.len() - LAST].iter().all(|&c| c == b'*')
        && text[text.len() - LAST..].iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn country_and_last_four_are_shown() {
        for text in ["DE89370400440532013000", "de89 3704 0044 0532 0130 00", "DE89-3704\u{a0}0044.0532013000"] {
            assert_eq!(partial(text.as_bytes()).unwrap(), "DE****************3000");
        }
        assert!(is_partial(b"DE****************3000"));
        assert!(!is_partial(b"DE89370400440532013000"));
    }

    #[test]
    fn what_has_not_the_form_is_none() {
        for text in
            ["", "DE", "1289370400440532013000", "DEX9370400440532013000", "DE89+370400440532013000", "DE8937040044"]
        {
            assert_eq!(normal(text.as_bytes()), None, "{text}");
        }
    }
}
