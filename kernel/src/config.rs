//! A flow's configuration as the face takes it: what pipeline.masking.face writes.

use std::collections::BTreeMap;

use serde::Deserialize;

pub const DEFAULT_DOMAIN: &str = "default";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// the flow's name, which encrypted values are bound to
    #[serde(default)]
    pub flow: String,
    #[serde(default)]
    pub format: Format,
    #[serde(default)]
    pub fields: Vec<Field>,
    #[serde(default)]
    pub scan: Scan,
    /// paths that the scan leaves alone
    #[serde(default)]
    pub allow: Vec<String>,
    /// a closed schema: fields that no rule declares reject the record
    #[serde(default)]
    pub closed: bool,
    #[serde(default)]
    pub truncation: Truncation,
    /// token domains by name; `default` is the keyring's active key unless it is named here
    #[serde(default)]
    pub domains: BTreeMap<String, Domain>,
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// fault injection: a value that holds this text makes the kernel panic
    #[serde(default)]
    pub panic_on: Option<String>,
}

/// What a value is, as the kernel reads it. Other formats reach it as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Json,
    /// JSON as pipeline/masking/formats/xml.py projects it: a step of a path means the element, each of several of one
    /// name, and the `#text` of one with attributes
    Xml,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub path: String,
    pub class: Class,
    /// None for class clear alone
    #[serde(default)]
    pub strategy: Option<Strategy>,
    #[serde(default = "default_domain")]
    pub domain: String,
    /// what is done where the strategy cannot be
    #[serde(default)]
    pub fallback: Option<Strategy>,
    /// an array there holds one number in parts
    #[serde(default)]
    pub joined: bool,
}

/// What is done to what the scan finds; in short, `"scan": "partial"` says it of card numbers alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub struct Scan {
    pub pan: Strategy,
    /// None: not looked for
    pub sad: Option<Strategy>,
    pub iban: Option<Strategy>,
    /// card numbers in the record key
    pub key: Strategy,
    pub domain: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanClasses {
    #[serde(default = "partial")]
    pan: Strategy,
    #[serde(default)]
    sad: Option<Strategy>,
    #[serde(default)]
    iban: Option<Strategy>,
    #[serde(default = "token")]
    key: Strategy,
    #[serde(default = "default_domain")]
    domain: String,
}

impl TryFrom<serde_json::Value> for Scan {
    type Error = serde_json::Error;

    fn try_from(value: serde_json::Value) -> Result<Self, Self::Error> {
        if value.is_string() {
            return Ok(Self { pan: serde_json::from_value(value)?, ..Self::default() });
        }
        let ScanClasses { pan, sad, iban, key, domain } = serde_json::from_value(value)?;
        Ok(Self { pan, sad, iban, key, domain })
    }
}

impl Default for Scan {
    fn default() -> Self {
        Self { pan: partial(), sad: None, iban: None, key: token(), domain: default_domain() }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// id of the key that makes its tokens
    pub key: String,
    /// id of the key before it, while consumers move from its tokens to the new ones
    #[serde(default)]
    pub previous: Option<String>,
    /// whether records carry the previous key's tokens, too
    #[serde(default)]
    pub dual: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    pub when: String,
}

/// What kind of sensitive data a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    Pan,
    Sad,
    Expiry,
    Name,
    Iban,
    ServiceCode,
    /// a part of a card number: its BIN, its last four digits
    PanPart,
    /// declared, and left to the scan
    Clear,
}

/// What is done to sensitive data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    Drop,
    Redact,
    Partial,
    Token,
    Fpe,
    Encrypt,
}

/// How much of a card number `partial` shows: one form for a whole policy, for two would complete each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Truncation {
    #[default]
    #[serde(rename = "6+4")]
    Six,
    #[serde(rename = "8+4")]
    Eight,
    #[serde(rename = "0+4")]
    Last,
}

fn partial() -> Strategy {
    Strategy::Partial
}

fn token() -> Strategy {
    Strategy::Token
}

fn default_domain() -> String {
    DEFAULT_DOMAIN.to_owned()
}

impl Config {
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json).map_err(|error| format!("flow configuration: {error}"))
    }
}

impl Class {
    pub const ALL: [Class; 8] = [
        Class::Pan,
        Class::Sad,
        Class::Expiry,
        Class::Name,
        Class::Iban,
        Class::ServiceCode,
        Class::PanPart,
        Class::Clear,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Class::Pan => "pan",
            Class::Sad => "sad",
            Class::Expiry => "expiry",
            Class::Name => "name",
            Class::Iban => "iban",
            Class::ServiceCode => "service-code",
            Class::PanPart => "pan-part",
            Class::Clear => "clear",
        }
    }

    /// What stands in the place of what is redacted.
    pub fn label(self) -> &'static str {
        match self {
            Class::Pan => "[REDACTED:PAN]",
            Class::Sad => "[REDACTED:SAD]",
            Class::Expiry => "[REDACTED:EXPIRY]",
            Class::Name => "[REDACTED:NAME]",
            Class::Iban => "[REDACTED:IBAN]",
            Class::ServiceCode => "[REDACTED:SERVICE-CODE]",
            Class::PanPart => "[REDACTED:PAN-PART]",
            Class::Clear => "[REDACTED]",
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
            Strategy::Fpe => "fpe",
            Strategy::Encrypt => "encrypt",
        }
    }

    /// Whether what it leaves was made with a key, which evidence names.
    pub fn is_keyed(self) -> bool {
        matches!(self, Strategy::Token | Strategy::Fpe | Strategy::Encrypt)
    }
}
