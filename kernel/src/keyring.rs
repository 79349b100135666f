//! Keys by id: what tokens, encryption and format-preserving encryption are made with.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// An id of up to this many characters keeps a token short enough for the columns that held a PAN's text.
const MAX_ID: usize = 16;

/// Keys that make what masking leaves, and whose work is recognised.
#[derive(Clone)]
pub struct Keyring {
    keys: BTreeMap<String, Vec<u8>>,
    active: String,
}

impl Keyring {
    pub fn new(keys: Vec<(String, Vec<u8>)>, active: &str) -> Result<Self, String> {
        for (id, key) in &keys {
            if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
                return Err(format!("key id {id:?}: use 1 to {MAX_ID} of a-z and 0-9"));
            }
            if key.len() != 32 {
                return Err(format!("key {id}: {} bytes; a token key is 32 random bytes", key.len()));
            }
        }
        let keyring = Self { keys: keys.into_iter().collect(), active: active.to_owned() };
        match keyring.keys.contains_key(active) {
            true => Ok(keyring),
            false => Err(format!("active key {active:?} is not among the keys: name one of them")),
        }
    }

    pub fn active(&self) -> &str {
        &self.active
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    pub fn knows(&self, id: &[u8]) -> bool {
        self.keys.keys().any(|known| known.as_bytes() == id)
    }

    /// HMAC-SHA-256 under the key of an id, its schedule done and `prefix` taken in. A prefix is the purpose, so that
    /// one key may serve several: no two of them begin one like the other.
    pub fn mac(&self, id: &str, prefix: &[u8]) -> Result<Hmac<Sha256>, String> {
        let key =
            self.keys.get(id).ok_or_else(|| format!("key {id:?} is not among the worker's keys: add it there"))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| format!("key {id} is of no use"))?;
        mac.update(prefix);
        Ok(mac)
    }
}
