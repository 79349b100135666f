//! While a token domain is dual, a record carries the token of the previous key beside each it was given: a header
//! tells both, so that consumers join what they hold under the old tokens with what comes under the new ones.

use crate::config::Strategy;
use crate::strategy::Treatment;

/// Beside Panlock's other headers, so that producers cannot set it and no hash covers it.
pub const HEADER: &str = "panlock-previous-tokens";

/// The tokens that one record was given, each with the previous key's for the same data.
#[derive(Debug, Default)]
pub struct TokenPairs(Vec<(String, String)>);

impl TokenPairs {
    /// `text` was masked as `masked`, by `used`. What was a token already has no pair: it cannot be turned back.
    pub fn note(&mut self, treatment: &Treatment, text: &[u8], masked: &str, used: Strategy) {
        if used != Strategy::Token {
            return;
        }
        if let Some(previous) = treatment.tokens.as_ref().and_then(|tokens| tokens.previous(text)) {
            self.0.push((masked.to_owned(), previous));
        }
    }

    pub fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes back what was noted after there were `length`: the place was dropped, and its token with it.
    pub fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// `{"<token>":"<previous token>"}` as canonical JSON; None where there are none.
    pub fn take_json(&mut self) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        let mut pairs = std::mem::take(&mut self.0);
        pairs.sort_unstable();
        pairs.dedup();
        let members: Vec<_> = pairs.iter().map(|(token, previous)| format!("\"{token}\":\"{previous}\"")).collect();
        Some(format!("{{{}}}", members.join(",")).into_bytes())
    }
}
