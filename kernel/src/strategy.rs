//! What is done to sensitive data: the one place where strategies and formats meet. A new one is an arm here and a
//! file in pipeline/masking/strategies.

use std::sync::Arc;

use crate::config::{Class, Strategy, Truncation};
use crate::digits::digits_of;
use crate::encrypt::Encryption;
use crate::fpe::{self, Fpe};
use crate::iban;
use crate::keyring::Keyring;
use crate::partial::SHORTEST;
use crate::token::{self, Tokens};

/// What is done to the data of one place, with all it takes ready.
#[derive(Clone)]
pub struct Treatment {
    pub class: Class,
    pub strategy: Strategy,
    /// what is done where `strategy` cannot be
    pub fallback: Strategy,
    pub truncation: Truncation,
    /// whether the items of an array are parts of one text
    pub joined: bool,
    /// id of the key that it works with
    pub key: Arc<str>,
    pub tokens: Option<Tokens>,
    pub fpe: Option<Arc<Fpe>>,
    pub encryption: Option<Arc<Encryption>>,
    pub keyring: Arc<Keyring>,
}

impl Treatment {
    /// `text` masked as a whole, and by what: what cannot be done is done by the fallback, and what cannot be dropped,
    /// or shown in part, is redacted. ASCII that needs no escape in JSON.
    pub fn mask(&self, text: &[u8]) -> (String, Strategy) {
        self.apply(self.strategy, text)
            .map(|masked| (masked, self.strategy))
            .or_else(|| self.apply(self.fallback, text).map(|masked| (masked, self.fallback)))
            .unwrap_or_else(|| (self.class.label().to_owned(), Strategy::Redact))
    }

    /// None where the strategy cannot do it.
    fn apply(&self, strategy: Strategy, text: &[u8]) -> Option<String> {
        match strategy {
            Strategy::Token => self.tokens.as_ref().map(|tokens| tokens.token(text)),
            Strategy::Partial => self.partial(text),
            Strategy::Fpe => digits_of(text).and_then(|digits| self.fpe.as_ref()?.encrypt(&digits)),
            Strategy::Encrypt => self.encryption.as_ref()?.encrypt(text),
            Strategy::Redact | Strategy::Drop => None,
        }
    }

    fn partial(&self, text: &[u8]) -> Option<String> {
        match self.class {
            Class::Iban => iban::partial(text),
            Class::PanPart => digits_of(text).and_then(|digits| self.truncation.show_part(&digits)),
            _ => digits_of(text).filter(|digits| digits.len() >= SHORTEST).map(|digits| self.truncation.show(&digits)),
        }
    }

    /// Whether `text` is what masking by this rule leaves: a second pass must not mask it again. A token of a known
    /// key stays under any rule but drop, and sensitive authentication data has none.
    pub fn is_masked(&self, text: &[u8]) -> bool {
        match self.strategy {
            Strategy::Drop => false,
            Strategy::Fpe => fpe::is_encrypted(text) || self.is_left_by(self.fallback, text),
            strategy => self.is_left_by(strategy, text),
        }
    }

    fn is_left_by(&self, strategy: Strategy, text: &[u8]) -> bool {
        let label = || text == self.class.label().as_bytes();
        if self.class == Class::Sad {
            return label();
        }
        match strategy {
            Strategy::Token => token::is_token(text, &self.keyring),
            Strategy::Encrypt => self.decrypt(text).is_some() || token::is_token(text, &self.keyring),
            Strategy::Partial => label() || self.is_partial(text) || token::is_token(text, &self.keyring),
            _ => label() || token::is_token(text, &self.keyring),
        }
    }

    fn is_partial(&self, text: &[u8]) -> bool {
        match self.class {
            Class::Iban => iban::is_partial(text),
            Class::PanPart => self.truncation.is_shown_part(text),
            _ => self.truncation.is_shown(text),
        }
    }

    /// The text that became `encrypted` here; None where it did not.
    pub fn decrypt(&self, encrypted: &[u8]) -> Option<Vec<u8>> {
        self.encryption.as_ref()?.decrypt(encrypted)
    }

    /// The same data, redacted: what ends a scan that finds no end.
    pub fn redacting(&self) -> Self {
        Self { strategy: Strategy::Redact, fallback: Strategy::Redact, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::masking::Masking;

    fn treatment(class: &str, strategy: &str) -> Treatment {
        let keyring = Keyring::new(vec![("k1".into(), vec![7; 32])], "k1").unwrap();
        let json = format!(r#"{{"fields":[{{"path":"$","class":"{class}","strategy":"{strategy}"}}]}}"#);
        let masking = Masking::compile(&Config::parse(json.as_bytes()).unwrap(), &keyring).unwrap();
        masking.rules[0].clone()
    }

    fn masked(text: &str, strategy: &str) -> String {
        treatment("pan", strategy).mask(text.as_bytes()).0
    }

    #[test]
    fn partial_redacts_what_is_no_number() {
        for text in ["", "12345678901", "4111x111111111111", "+4111111111111111"] {
            assert_eq!(masked(text, "partial"), "[REDACTED:PAN]");
        }
    }

    #[test]
    fn what_a_rule_leaves_it_leaves_alone() {
        for strategy in ["redact", "partial", "token", "fpe", "encrypt"] {
            for text in ["4111111111111111", "378282246310005", "30569309025904", "none"] {
                let once = masked(text, strategy);
                assert!(treatment("pan", strategy).is_masked(once.as_bytes()), "{once}");
                assert!(!treatment("pan", strategy).is_masked(text.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn sensitive_authentication_data_in_the_form_of_a_token_is_masked_all_the_same() {
        let token = masked("123", "token");
        assert!(!treatment("sad", "redact").is_masked(token.as_bytes()));
    }
}
