//! One flow, compiled, and the way of a record through it.

use crate::config::Config;
use crate::digest::{record_sha256, Header};
use crate::keyring::Keyring;
use crate::outcome::Output;

/// A record's bytes.
pub struct Input<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Vec<Header<'a>>,
}

pub struct Plan {
    panic_on: Option<String>,
}

impl Plan {
    pub fn compile(config: &Config, _keyring: &Keyring) -> Result<Self, String> {
        Ok(Self { panic_on: config.panic_on.clone() })
    }

    pub fn enforce(&self, _principal: &str, record: &Input) -> Output {
        self.inject_panic(record);
        Output {
            verdict: 0,
            detail: None,
            key: None,
            value: None,
            headers: None,
            masking: None,
            more: None,
            sha256: record_sha256(record.key, record.value, record.headers.iter().copied()),
        }
    }

    pub fn assess(&self, _principal: &str, _record: &Input, _masking: &[u8]) -> (i32, Option<String>) {
        (0, None)
    }

    fn inject_panic(&self, record: &Input) {
        if let (Some(text), Some(value)) = (&self.panic_on, record.value) {
            assert!(memchr::memmem::find(value, text.as_bytes()).is_none(), "injected");
        }
    }
}
