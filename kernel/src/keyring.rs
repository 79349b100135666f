//! Token keys by id.

use hmac::{Hmac, KeyInit};
use sha2::Sha256;

/// An id of up to this many characters keeps a token short enough for the columns that held a PAN's text.
const MAX_ID: usize = 16;

/// Keys that make tokens and ids whose tokens are recognised.
#[derive(Clone)]
pub struct Keyring {
    ids: Vec<String>,
    active: String,
    /// the active key, with HMAC's key schedule done once
    mac: Hmac<Sha256>,
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
        let Some((_, key)) = keys.iter().find(|(id, _)| id == active) else {
            return Err(format!("active key {active:?} is not among the keys: name one of them"));
        };
        let mac = Hmac::new_from_slice(key).map_err(|_| "the active key is of no use".to_owned())?;
        Ok(Self { active: active.to_owned(), mac, ids: keys.into_iter().map(|(id, _)| id).collect() })
    }

    pub fn active(&self) -> &str {
        &self.active
    }

    pub fn mac(&self) -> Hmac<Sha256> {
        self.mac.clone()
    }

    pub fn knows(&self, id: &[u8]) -> bool {
        self.ids.iter().any(|known| known.as_bytes() == id)
    }
}
