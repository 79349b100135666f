//! A flow's configuration as the face takes it.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub fields: Vec<Field>,
    #[serde(default = "partial")]
    pub scan: Strategy,
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// fault injection: a value that holds this text makes the kernel panic
    #[serde(default)]
    pub panic_on: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub path: String,
    pub class: Class,
    pub strategy: Strategy,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    pub when: String,
}

/// What kind of sensitive data a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Pan,
    Sad,
}

/// What is done to sensitive data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    Drop,
    Redact,
    Partial,
    Token,
}

fn partial() -> Strategy {
    Strategy::Partial
}

impl Config {
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json).map_err(|error| format!("flow configuration: {error}"))
    }
}
