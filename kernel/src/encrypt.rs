//! Encryption: `enc_<key id>_<base64url of nonce (12 bytes) ‖ ciphertext ‖ tag (16)>`, AES-256-GCM-SIV (RFC 8452).
//!
//! key = HMAC-SHA-256(key, "panlock-encrypt-v1\0")
//! AAD = "panlock-encrypt-v1\0" ‖ domain ‖ "\0" ‖ flow ‖ "\0" ‖ class ‖ "\0" ‖ key id
//! nonce = the first 12 bytes of HMAC-SHA-256(key, "panlock-encrypt-nonce-v1\0" ‖ AAD ‖ "\0" ‖ text)
//!
//! The nonce comes from what is encrypted, so that a record that is read again, after a crash or a move of its lane,
//! has the same masked bytes: approvals and audit events name their hash. The price: equal texts of one class, flow
//! and domain have equal ciphertexts, as they would have equal tokens.

use std::collections::BTreeMap;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::config::Class;
use crate::keyring::Keyring;

const PREFIX: &str = "enc_";
const PURPOSE: &[u8] = b"panlock-encrypt-v1\0";
const NONCE_PURPOSE: &[u8] = b"panlock-encrypt-nonce-v1\0";
const NONCE: usize = 12;
const TAG: usize = 16;

/// What encrypts the texts of one class, flow and domain.
pub struct Encryption {
    active: String,
    /// every key of the worker, for what the keys before the active one made
    keys: BTreeMap<String, Key>,
}

struct Key {
    cipher: Aes256GcmSiv,
    aad: Vec<u8>,
    nonce: Hmac<Sha256>,
}

impl Encryption {
    pub fn new(keyring: &Keyring, id: &str, domain: &str, flow: &str, class: Class) -> Result<Self, String> {
        let mut keys = BTreeMap::new();
        for id in keyring.ids() {
            let key = keyring.mac(id, PURPOSE)?.finalize().into_bytes();
            let cipher = Aes256GcmSiv::new_from_slice(&key).map_err(|_| format!("key {id} is of no use"))?;
            let aad = [PURPOSE, format!("{domain}\0{flow}\0{}\0{id}", class.name()).as_bytes()].concat();
            let mut nonce = keyring.mac(id, NONCE_PURPOSE)?;
            nonce.update(&aad);
            nonce.update(b"\0");
            keys.insert(id.to_owned(), Key { cipher, aad, nonce });
        }
        match keys.contains_key(id) {
            true => Ok(Self { active: id.to_owned(), keys }),
            false => Err(format!("key {id:?} is not among the worker's keys: add it there")),
        }
    }

    /// None where the text is too long for the cipher, which no record is.
    pub fn encrypt(&self, text: &[u8]) -> Option<String> {
        let key = self.keys.get(&self.active)?;
        let mut mac = key.nonce.clone();
        mac.update(text);
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&full[..NONCE]);
        let sealed = key.cipher.encrypt(&Nonce::from(nonce), Payload { msg: text, aad: &key.aad }).ok()?;
        let mut encrypted = format!("{PREFIX}{}_", self.active);
        URL_SAFE_NO_PAD.encode_string([&nonce[..], &sealed].concat(), &mut encrypted);
        Some(encrypted)
    }

    /// The text that became `encrypted`; None where it was not made by one of our keys for this class, flow and domain.
    pub fn decrypt(&self, encrypted: &[u8]) -> Option<Vec<u8>> {
        let (id, body) = std::str::from_utf8(encrypted).ok()?.strip_prefix(PREFIX)?.split_once('_')?;
        let key = self.keys.get(id)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).ok().filter(|bytes| bytes.len() >= NONCE + TAG)?;
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&bytes[..NONCE]);
        key.cipher.decrypt(&Nonce::from(nonce), Payload { msg: &bytes[NONCE..], aad: &key.aad }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encryption(active: &str, domain: &str, flow: &str, class: Class) -> Encryption {
        let keyring = Keyring::new(vec![("k1".into(), vec![7; 32]), ("k0".into(), vec![8; 32])], "k1").unwrap();
        Encryption::new(&keyring, active, domain, flow, class).unwrap()
    }

    #[test]
    fn what_was_encrypted_is_read_again_also_with_the_key_before() {
        let made = encryption("k0", "cards", "payments", Class::Pan).encrypt(b"4111111111111111").unwrap();
        assert!(made.starts_with("enc_k0_"), "{made}");
        let now = encryption("k1", "cards", "payments", Class::Pan);
        assert_eq!(now.decrypt(made.as_bytes()).unwrap(), b"4111111111111111");
        assert_eq!(made, encryption("k0", "cards", "payments", Class::Pan).encrypt(b"4111111111111111").unwrap());
    }

    #[test]
    fn another_domain_flow_class_or_key_id_cannot_read_it() {
        let made = encryption("k1", "cards", "payments", Class::Pan).encrypt(b"4111111111111111").unwrap();
        for other in [
            encryption("k1", "default", "payments", Class::Pan),
            encryption("k1", "cards", "refunds", Class::Pan),
            encryption("k1", "cards", "payments", Class::Name),
        ] {
            assert_eq!(other.decrypt(made.as_bytes()), None);
        }
        let here = encryption("k1", "cards", "payments", Class::Pan);
        for forged in [made.replace("k1", "k0"), made.replace("k1", "k9"), format!("{made}A"), made[..20].to_owned()] {
            assert_eq!(here.decrypt(forged.as_bytes()), None, "{forged}");
        }
    }

    #[test]
    fn a_card_number_in_the_guise_of_ciphertext_is_none() {
        let here = encryption("k1", "cards", "payments", Class::Pan);
        assert_eq!(here.decrypt(b"enc_k1_NDExMTExMTExMTExMTExMTQxMTExMTExMTExMTExMTE"), None);
    }
}
