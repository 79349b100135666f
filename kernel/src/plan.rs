//! One flow, compiled, and the way of a record through it: mask, assess, hash.

use crate::config::{Class, Config};
use crate::digest::{is_own, record_sha256, Header};
use crate::evidence::Findings;
use crate::keyring::Keyring;
use crate::masking::Masking;
use crate::outcome::{KeptHeader, Output, Rejected};
use crate::rules::Rules;

/// A record's bytes.
pub struct Input<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Vec<Header<'a>>,
}

pub struct Plan {
    masking: Masking,
    rules: Rules,
    panic_on: Option<String>,
}

impl Plan {
    pub fn compile(config: &Config, keyring: &Keyring) -> Result<Self, String> {
        Ok(Self {
            masking: Masking::compile(config, keyring)?,
            rules: Rules::compile(&config.rules)?,
            panic_on: config.panic_on.clone(),
        })
    }

    pub fn enforce(&self, principal: &str, record: &Input) -> Output {
        self.inject_panic(record);
        self.mask_and_assess(principal, record).unwrap_or_else(Output::from)
    }

    fn mask_and_assess(&self, principal: &str, record: &Input) -> Result<Output, Rejected> {
        let mut findings = Findings::default();
        let value = match record.value {
            Some(value) => self.masking.mask_value(value, &mut findings)?,
            None => None,
        };
        let key = record.key.and_then(|key| self.masking.mask_key(key, &mut findings));
        let headers =
            if record.headers.is_empty() { None } else { self.masking.mask_headers(record, &mut findings)? };
        let masking = findings.to_json();
        let masked = Input {
            key: key.as_deref().or(record.key),
            value: value.as_deref().or(record.value),
            headers: masked_headers(record, headers.as_deref()),
        };
        let (verdict, detail) = self.rules.assess(principal, &masked, masking.as_deref().unwrap_or(b"[]"));
        let sha256 = record_sha256(masked.key, masked.value, masked.headers.iter().copied());
        let more = findings.more_to_json();
        let previous_tokens = findings.pairs.into_json();
        Ok(Output { verdict, detail, key, value, headers, previous_tokens, masking, more, sha256 })
    }

    /// The class and text of a value that the flow has encrypted; None where it has not.
    pub fn reveal(&self, encrypted: &[u8]) -> Option<(Class, Vec<u8>)> {
        self.masking.reveal(encrypted)
    }

    /// The hold rules alone, over a record that is masked already.
    pub fn assess(&self, principal: &str, record: &Input, masking: &[u8]) -> (i32, Option<String>) {
        let headers = masked_headers(record, None);
        self.rules.assess(principal, &Input { key: record.key, value: record.value, headers }, masking)
    }

    fn inject_panic(&self, record: &Input) {
        if let (Some(text), Some(value)) = (&self.panic_on, record.value) {
            assert!(memchr::memmem::find(value, text.as_bytes()).is_none(), "fault injection");
        }
    }
}

fn masked_headers<'a>(record: &Input<'a>, kept: Option<&'a [KeptHeader]>) -> Vec<Header<'a>> {
    match kept {
        None => record.headers.iter().copied().filter(|(name, _)| !is_own(name)).collect(),
        Some(kept) => kept
            .iter()
            .map(|header| {
                let (name, value) = record.headers[header.index];
                (name, header.value.as_deref().or(value))
            })
            .collect(),
    }
}
