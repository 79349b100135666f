//! A flow's field rules and scan, compiled, and what they do to the parts of a record.

use crate::automaton::Automaton;
use crate::config::{Class, Config, Strategy};
use crate::keyring::Keyring;
use crate::path::Path;

/// What is to be masked, compiled.
pub struct Masking {
    pub automaton: Automaton,
    /// class and strategy of each rule, in the automaton's numbering
    pub rules: Vec<(Class, Strategy)>,
    pub scan: Strategy,
    pub keyring: Keyring,
}

impl Masking {
    pub fn compile(config: &Config, keyring: &Keyring) -> Result<Self, String> {
        let mut fields: Vec<_> = config.fields.iter().collect();
        // where two rules lead to one place, sensitive authentication data wins, then the order of the policy
        fields.sort_by_key(|field| field.class == Class::Pan);
        if let Some(kept) = fields
            .iter()
            .find(|field| field.class == Class::Sad && matches!(field.strategy, Strategy::Partial | Strategy::Token))
        {
            return Err(format!(
                "{}: class sad is never kept in any form (PCI DSS 3.3.1): use drop or redact",
                kept.path
            ));
        }
        let paths = fields.iter().map(|field| Path::parse(&field.path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            automaton: Automaton::compile(&paths)?,
            rules: fields.iter().map(|field| (field.class, field.strategy)).collect(),
            scan: config.scan,
            keyring: keyring.clone(),
        })
    }
}
