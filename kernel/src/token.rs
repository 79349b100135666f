//! Tokens: `tok_<key id>_<32 base32 characters>`, the first 20 bytes of
//! HMAC-SHA-256(key, prefix ‖ the number's digits, or the text where it is none).
//!
//! The prefix of card numbers in the domain `default` is "panlock-token-v1\0"; in any other it is
//! "panlock-token-v2\0" ‖ domain ‖ "\0" ‖ class ‖ "\0": one key may serve several domains and classes.

use std::borrow::Cow;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::config::{Class, DEFAULT_DOMAIN};
use crate::digits::digits_of;
use crate::iban;
use crate::iin::issued;
use crate::keyring::Keyring;

const PREFIX: &[u8] = b"tok_";
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const MAC_BYTES: usize = 20;
const CHARACTERS: usize = MAC_BYTES * 8 / 5;

/// What makes the tokens of one class in one domain.
#[derive(Clone)]
pub struct Tokens {
    id: String,
    class: Class,
    mac: Hmac<Sha256>,
    /// while the domain is dual: what made its tokens before
    previous: Option<Box<Tokens>>,
}

impl Tokens {
    pub fn new(keyring: &Keyring, id: &str, domain: &str, class: Class) -> Result<Self, String> {
        let prefix = match (domain, class) {
            (DEFAULT_DOMAIN, Class::Pan) => "panlock-token-v1\0".to_owned(),
            _ => format!("panlock-token-v2\0{domain}\0{}\0", class.name()),
        };
        Ok(Self { id: id.to_owned(), class, mac: keyring.mac(id, prefix.as_bytes())?, previous: None })
    }

    /// The same, beside those of the key before.
    pub fn beside(self, previous: Self) -> Self {
        Self { previous: Some(Box::new(previous)), ..self }
    }

    /// What the previous key makes of a text; None where the domain is not dual.
    pub fn previous(&self, text: &[u8]) -> Option<String> {
        self.previous.as_ref().map(|tokens| tokens.token(text))
    }

    pub fn previous_id(&self) -> Option<&str> {
        self.previous.as_ref().map(|tokens| tokens.id.as_str())
    }

    /// The token of a text. Numbers written differently (4111 1111…, 4111-1111…) have one token.
    pub fn token(&self, text: &[u8]) -> String {
        let normal = match self.class {
            Class::Iban => iban::normal(text).map(Cow::Owned),
            Class::Name => None,
            _ => digits_of(text),
        };
        let mut mac = self.mac.clone();
        mac.update(normal.as_deref().unwrap_or(text));
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut token = String::with_capacity(PREFIX.len() + self.id.len() + 1 + CHARACTERS);
        token.push_str("tok_");
        token.push_str(&self.id);
        token.push('_');
        push_base32(&mut token, &full[..MAC_BYTES]);
        token
    }
}

/// Of a multiple of five bytes, so that there is no padding.
fn push_base32(text: &mut String, bytes: &[u8]) {
    for five in bytes.chunks_exact(5) {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        let characters: [u8; 8] = std::array::from_fn(|index| BASE32[(bits >> (35 - 5 * index) & 31) as usize]);
        text.push_str(std::str::from_utf8(&characters).expect("base32 is ASCII"));
    }
}

/// Whether `text` is, as a whole, in the form of a token under a key we know, and holds no card number in that guise.
pub fn is_token(text: &[u8], keyring: &Keyring) -> bool {
    let is_number = |run: &[u8]| issued(&run.iter().map(|digit| digit - b'0').collect::<Vec<_>>()).is_some();
    token_length(text, keyring) == Some(text.len()) && !text.split(|c| !c.is_ascii_digit()).any(is_number)
}

/// How long the token is that `text` starts with.
fn token_length(text: &[u8], keyring: &Keyring) -> Option<usize> {
    let rest = text.strip_prefix(PREFIX)?;
    let id = &rest[..rest.iter().position(|&c| c == b'_')?];
    let body = rest.get(id.len() + 1..id.len() + 1 + CHARACTERS)?;
    let whole = keyring.knows(id) && body.iter().all(|c| BASE32.contains(c));
    whole.then_some(PREFIX.len() + id.len() + 1 + CHARACTERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new(vec![("k1".into(), vec![7; 32]), ("k0".into(), vec![8; 32])], "k1").unwrap()
    }

    fn token(text: &[u8]) -> String {
        Tokens::new(&keyring(), "k1", "default", Class::Pan).unwrap().token(text)
    }

    #[test]
    fn a_number_has_one_token_however_it_is_written() {
        let plain = token(b"4111111111111111");
        for text in
            ["4111 1111-1111 1111", "4111.1111/1111_1111", "4111\u{a0}1111\u{200b}11111111", "\u{ff14}111111111111111"]
        {
            assert_eq!(plain, token(text.as_bytes()), "{text:?}");
        }
        assert_ne!(plain, token(b"4111111111111112"));
        assert_eq!(plain.len(), "tok_k1_".len() + 32);
    }

    #[test]
    fn a_number_has_another_token_in_each_domain_class_and_under_each_key() {
        let of = |id, domain, class| Tokens::new(&keyring(), id, domain, class).unwrap().token(b"4111111111111111");
        let all = [
            of("k1", "default", Class::Pan),
            of("k1", "cards", Class::Pan),
            of("k1", "loyalty", Class::Pan),
            of("k1", "cards", Class::Name),
            of("k1", "default", Class::Name),
            of("k0", "default", Class::Pan),
        ];
        let bodies: std::collections::BTreeSet<_> = all.iter().map(|token| &token[7..]).collect();
        assert_eq!(bodies.len(), all.len());
    }

    #[test]
    fn a_domain_of_an_unknown_key_is_refused() {
        let error = Tokens::new(&keyring(), "k9", "cards", Class::Pan).err().unwrap();
        assert!(error.contains("k9") && error.contains("add it"), "{error}");
    }

    #[test]
    fn tokens_of_known_keys_are_recognised_and_no_others() {
        let made = token(b"4111111111111111");
        assert!(is_token(made.as_bytes(), &keyring()));
        assert!(is_token(made.replace("k1", "k0").as_bytes(), &keyring()));
        assert!(!is_token(made.replace("k1", "k9").as_bytes(), &keyring()));
        assert!(!is_token(format!("{made}a").as_bytes(), &keyring()));
        assert!(!is_token(made.to_uppercase().as_bytes(), &keyring()));
    }

    #[test]
    fn a_card_number_in_the_guise_of_a_token_is_none() {
        assert!(!is_token(b"tok_k1_aaaaaaaaa4222222222222aaaaaaaaaa", &keyring()));
    }

    #[test]
    fn base32_is_rfc_4648_in_lower_case() {
        let mut text = String::new();
        push_base32(&mut text, b"fooba");
        assert_eq!(text, "mzxw6ytb");
    }
}
