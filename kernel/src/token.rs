//! Tokens: `tok_<key id>_<32 base32 characters>`, the first 20 bytes of
//! HMAC-SHA-256(key, "panlock-token-v1\0" ‖ the number's digits, or the text where it is no number).

use hmac::Mac;

use crate::keyring::Keyring;
use crate::scan;

const DOMAIN: &[u8] = b"panlock-token-v1\0";
const PREFIX: &[u8] = b"tok_";
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const MAC_BYTES: usize = 20;
const CHARACTERS: usize = MAC_BYTES * 8 / 5;

/// The token of a text. Numbers written differently (4111 1111…, 4111-1111…) have one token.
pub fn token(text: &[u8], keyring: &Keyring) -> String {
    let mut mac = keyring.mac();
    mac.update(DOMAIN);
    match digits_of(text) {
        Some(digits) => mac.update(&digits),
        None => mac.update(text),
    }
    let full: [u8; 32] = mac.finalize().into_bytes().into();
    let mut token = String::with_capacity(PREFIX.len() + keyring.active().len() + 1 + CHARACTERS);
    token.push_str("tok_");
    token.push_str(keyring.active());
    token.push('_');
    push_base32(&mut token, &full[..MAC_BYTES]);
    token
}

/// ASCII digits of a text that holds digits, spaces and hyphens alone, and at least one digit.
pub fn digits_of(text: &[u8]) -> Option<Vec<u8>> {
    let only = text.iter().all(|&c| c.is_ascii_digit() || scan::is_separator(c));
    let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
    (only && !digits.is_empty()).then_some(digits)
}

/// Of a multiple of five bytes, so that there is no padding.
fn push_base32(text: &mut String, bytes: &[u8]) {
    for five in bytes.chunks_exact(5) {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for index in (0..8).rev() {
            text.push(char::from(BASE32[(bits >> (index * 5) & 31) as usize]));
        }
    }
}

/// Whether `text` is, as a whole, in the form of a token under a key we know, and holds no card number in that guise.
pub fn is_token(text: &[u8], keyring: &Keyring) -> bool {
    token_length(text, keyring) == Some(text.len()) && scan::card_numbers(text, |_, _| false).is_empty()
}

/// Whether a card number at from..to of `text` would begin with the last characters of a token and go on beyond it.
pub fn is_tail(text: &[u8], from: usize, to: usize, keyring: &Keyring) -> bool {
    let before = &text[from.saturating_sub(PREFIX.len() + 16 + 1 + CHARACTERS)..from];
    memchr::memmem::rfind(before, PREFIX).is_some_and(|offset| {
        let start = from - before.len() + offset;
        token_length(&text[start..], keyring).is_some_and(|length| from < start + length && start + length < to)
    })
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

    #[test]
    fn a_number_has_one_token_however_it_is_written() {
        let plain = token(b"4111111111111111", &keyring());
        assert_eq!(plain, token(b"4111 1111-1111 1111", &keyring()));
        assert_ne!(plain, token(b"4111111111111112", &keyring()));
        assert_eq!(plain.len(), "tok_k1_".len() + 32);
    }

    #[test]
    fn tokens_of_known_keys_are_recognised_and_no_others() {
        let made = token(b"4111111111111111", &keyring());
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
