//! What is done to sensitive data: the one place where strategies and formats meet. A new one is an arm here and a
//! line in pipeline/masking/strategies.py.

use crate::config::{Class, Strategy};
use crate::keyring::Keyring;
use crate::token;

/// Digits shown of a card number: PCI DSS 3.4.1, FAQ 1091 (6 + 4, and of 15 digits at least five removed).
const FIRST: usize = 6;
const LAST: usize = 4;
/// Below this, 6 + 4 would leave fewer than five digits out: last four only.
const LONG: usize = 15;
const SHORTEST: usize = 12;

impl Class {
    pub fn label(self) -> &'static str {
        match self {
            Class::Pan => "[REDACTED:PAN]",
            Class::Sad => "[REDACTED:SAD]",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Class::Pan => "pan",
            Class::Sad => "sad",
        }
    }
}

impl Strategy {
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Drop => "drop",
            Strategy::Redact => "redact",
            Strategy::Partial => "partial",
            Strategy::Token => "token",
        }
    }
}

/// `text` masked as a whole, and by what: a place that cannot be dropped, or shown in part, is redacted. ASCII that
/// needs no escape in JSON.
pub fn mask(text: &[u8], class: Class, strategy: Strategy, keyring: &Keyring) -> (String, Strategy) {
    match strategy {
        Strategy::Token => (token::token(text, keyring), strategy),
        Strategy::Partial => match token::digits_of(text).filter(|digits| digits.len() >= SHORTEST) {
            Some(digits) => (partial(&digits), strategy),
            None => (class.label().to_owned(), Strategy::Redact),
        },
        Strategy::Redact | Strategy::Drop => (class.label().to_owned(), Strategy::Redact),
    }
}

fn partial(digits: &[u8]) -> String {
    let first = if digits.len() >= LONG { FIRST } else { 0 };
    let last = digits.len() - LAST;
    let shown = |(index, digit): (usize, &u8)| {
        if index < first || index >= last {
            char::from(*digit)
        } else {
            '*'
        }
    };
    digits.iter().enumerate().map(shown).collect()
}

/// Whether `text` is what masking by this rule leaves: a second pass must not mask it again. A token of a known key
/// stays under any rule for card numbers but drop.
pub fn is_masked(text: &[u8], class: Class, strategy: Strategy, keyring: &Keyring) -> bool {
    let label = text == class.label().as_bytes();
    match (class, strategy) {
        (_, Strategy::Drop) => false,
        (Class::Sad, _) => label,
        (Class::Pan, Strategy::Redact) => label || token::is_token(text, keyring),
        (Class::Pan, Strategy::Partial) => label || is_partial(text) || token::is_token(text, keyring),
        (Class::Pan, Strategy::Token) => token::is_token(text, keyring),
    }
}

fn is_partial(text: &[u8]) -> bool {
    let first = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let last = text.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let length_fits = if first == 0 { (SHORTEST..LONG).contains(&text.len()) } else { text.len() >= LONG };
    (first == 0 || first == FIRST)
        && last == LAST
        && length_fits
        && text[first..text.len() - last].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new(vec![("k1".into(), vec![7; 32])], "k1").unwrap()
    }

    fn masked(text: &str, strategy: Strategy) -> String {
        mask(text.as_bytes(), Class::Pan, strategy, &keyring()).0
    }

    #[test]
    fn partial_shows_what_pci_dss_allows_for_each_length() {
        assert_eq!(masked("4111 1111 1111 1111", Strategy::Partial), "411111******1111");
        assert_eq!(masked("4111111111111111110", Strategy::Partial), "411111*********1110");
        assert_eq!(masked("378282246310005", Strategy::Partial), "378282*****0005");
        assert_eq!(masked("30569309025904", Strategy::Partial), "**********5904");
        assert_eq!(masked("501800000009", Strategy::Partial), "********0009");
    }

    #[test]
    fn partial_redacts_what_is_no_number() {
        for text in ["", "12345678901", "4111x111111111111", "+4111111111111111"] {
            assert_eq!(masked(text, Strategy::Partial), "[REDACTED:PAN]");
        }
    }

    #[test]
    fn what_a_rule_leaves_it_leaves_alone() {
        for strategy in [Strategy::Redact, Strategy::Partial, Strategy::Token] {
            for text in ["4111111111111111", "378282246310005", "30569309025904", "none"] {
                let once = masked(text, strategy);
                assert!(is_masked(once.as_bytes(), Class::Pan, strategy, &keyring()), "{once}");
                assert!(!is_masked(text.as_bytes(), Class::Pan, strategy, &keyring()), "{text}");
            }
        }
    }

    #[test]
    fn sensitive_authentication_data_in_the_form_of_a_token_is_masked_all_the_same() {
        let token = masked("123", Strategy::Token);
        assert!(!is_masked(token.as_bytes(), Class::Sad, Strategy::Redact, &keyring()));
    }
}
