//! The variables of a hold rule for one record, each made when a rule first asks for it.

use std::sync::OnceLock;

use cel::common::types::{CelBytes, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;

use super::document::{self, Members};
use super::wanted::Wanted;
use crate::plan::Input;

type Lazy<'r> = OnceLock<Option<Box<dyn Val + 'r>>>;

pub struct RecordScope<'r> {
    principal: CelString<'r>,
    source: &'r Input<'r>,
    value: &'r [u8],
    masking: &'r [u8],
    wanted: &'r Wanted,
    record: Lazy<'r>,
    key: Lazy<'r>,
    headers: Lazy<'r>,
    findings: Lazy<'r>,
}

impl<'r> RecordScope<'r> {
    pub fn new(
        principal: &'r str,
        source: &'r Input<'r>,
        value: &'r [u8],
        masking: &'r [u8],
        wanted: &'r Wanted,
    ) -> Self {
        Self {
            principal: CelString::from(principal),
            source,
            value,
            masking,
            wanted,
            record: OnceLock::new(),
            key: OnceLock::new(),
            headers: OnceLock::new(),
            findings: OnceLock::new(),
        }
    }

    fn read_headers(&self) -> Box<dyn Val + 'r> {
        let mut members = Members::new();
        for &(name, value) in &self.source.headers {
            members.insert(CelMapKey::from(name), bytes(value));
        }
        Box::new(CelMap::from(members))
    }
}

impl VariableResolver for RecordScope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let made = match variable {
            "record" => self.record.get_or_init(|| read(self.value, self.wanted)),
            "key" => self.key.get_or_init(|| Some(bytes(self.source.key))),
            "headers" => self.headers.get_or_init(|| Some(self.read_headers())),
            "findings" => self.findings.get_or_init(|| read(self.masking, &Wanted::All)),
            "principal" => return Some(CowVal::Borrowed(&self.principal)),
            _ => return None,
        };
        made.as_deref().map(CowVal::Borrowed)
    }
}

fn read<'r>(json: &'r [u8], wanted: &Wanted) -> Option<Box<dyn Val + 'r>> {
    document::read(simdutf8::basic::from_utf8(json).ok()?, wanted)
}

/// Text where the bytes are UTF-8, else bytes; null stays null.
fn bytes<'r>(content: Option<&'r [u8]>) -> Box<dyn Val + 'r> {
    match content.map(|bytes| (bytes, simdutf8::basic::from_utf8(bytes))) {
        None => Box::new(CelNull),
        Some((_, Ok(text))) => Box::new(CelString::from(text)),
        Some((bytes, Err(_))) => Box::new(CelBytes::from(bytes)),
    }
}
