//! One flow, compiled, and the way of a record through it: mask, assess, hash.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::{Class, Config};
use crate::digest::{is_own, record_sha256, Header};
use crate::evidence::Findings;
use crate::keyring::Keyring;
use crate::masking::Masking;
use crate::outcome::{KeptHeader, Outcome, Output, Rejected};
use crate::rules::Rules;
use crate::shapes::Shapes;

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
    /// what each thread that enforces has learned
    shapes: Mutex<Vec<Shapes>>,
    /// findings so far of records that were not rejected here, in the order of Class::ALL
    found: [AtomicU64; Class::ALL.len()],
}

impl Plan {
    pub fn compile(config: &Config, keyring: &Keyring) -> Result<Self, String> {
        Ok(Self {
            masking: Masking::compile(config, keyring)?,
            rules: Rules::compile(&config.rules)?,
            panic_on: config.panic_on.clone(),
            shapes: Mutex::default(),
            found: Default::default(),
        })
    }

    /// `outcome`: empty; its room is used again.
    pub fn enforce<'a>(&self, principal: &str, records: impl Iterator<Item = Input<'a>>, outcome: &mut Outcome) {
        let mut findings = Findings::default();
        let mut shapes = self.shapes().pop().unwrap_or_default();
        let mut found = [0; Class::ALL.len()];
        outcome.outputs.reserve(records.size_hint().0);
        for record in records {
            self.inject_panic(&record);
            findings.clear();
            let output = self.mask_and_assess(principal, &record, &mut shapes, &mut findings, &mut outcome.bytes);
            if output.is_ok() {
                found.iter_mut().zip(findings.counts).for_each(|(sum, count)| *sum += count);
            }
            outcome.outputs.push(output.unwrap_or_else(Output::from));
        }
        self.shapes().push(shapes);
        for (sum, count) in self.found.iter().zip(found).filter(|(_, count)| *count > 0) {
            sum.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// How many findings of each class there were; none of Class::Clear, which masks nothing.
    pub fn found(&self) -> impl Iterator<Item = (Class, u64)> + '_ {
        Class::ALL.into_iter().zip(self.found.iter().map(|sum| sum.load(Ordering::Relaxed)))
    }

    fn shapes(&self) -> MutexGuard<'_, Vec<Shapes>> {
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mask_and_assess(
        &self,
        principal: &str,
        record: &Input,
        shapes: &mut Shapes,
        findings: &mut Findings,
        bytes: &mut Vec<u8>,
    ) -> Result<Output, Rejected> {
        let value = match record.value {
            Some(value) => self.masking.mask_value(value, shapes, findings, bytes)?,
            None => None,
        };
        let key = record.key.and_then(|key| self.masking.mask_key(key, findings));
        let headers = if record.headers.is_empty() { None } else { self.masking.mask_headers(record, findings)? };
        let masked = Input {
            key: key.as_deref().or(record.key),
            value: value.clone().map(|value| &bytes[value]).or(record.value),
            headers: masked_headers(record, headers.as_deref()),
        };
        let (more, previous_tokens) = (findings.more_to_json(), findings.pairs.take_json());
        let masking = findings.finish();
        let (verdict, detail) = self.rules.assess(principal, &masked, masking.unwrap_or(b"[]"));
        let sha256 = record_sha256(masked.key, masked.value, masked.headers.iter().copied());
        let masking = masking.map(|json| {
            bytes.extend_from_slice(json);
            bytes.len() - json.len()..bytes.len()
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let config = br#"{"fields":[{"path":"$.card.number","class":"pan","strategy":"token"},
            {"path":"$..cvv","class":"sad","strategy":"drop"}],"scan":{"sad":"redact"}}"#;
        let keyring = Keyring::new(vec![("k1".into(), vec![7; 32])], "k1").unwrap();
        Plan::compile(&Config::parse(config).unwrap(), &keyring).unwrap()
    }

    fn enforced(plan: &Plan, value: &str) -> String {
        let record = Input { key: None, value: Some(value.as_bytes()), headers: Vec::new() };
        let mut outcome = Outcome::default();
        plan.enforce("checkout", [record].into_iter(), &mut outcome);
        format!("{:?} {:?}", outcome.outputs, String::from_utf8(outcome.bytes))
    }

    #[test]
    fn findings_are_counted_by_class_and_those_of_rejected_records_are_not() {
        let plan = plan();
        let masked = r#"{"card":{"number":"4111111111111111"},"cvv":737,"note":"4111111111111111"}"#;
        for value in [masked, masked, r#"{"card":{"number":"4111111111111111"},"id":1,"id":2}"#] {
            enforced(&plan, value);
        }
        let found: Vec<_> = plan.found().filter(|(_, count)| *count > 0).collect();
        assert_eq!(found, [(Class::Pan, 4), (Class::Sad, 2)]);
    }

    /// Objects of few names in any order, some twice, some with escapes and spaces, some without an end.
    fn document(random: &mut dyn FnMut(usize) -> usize, depth: usize) -> String {
        const NAMES: [&str; 9] =
            ["card", "number", "cvv", "id", "\\u0069d", "a name that is longer", "4111111111111111", "", "n\\\"o"];
        const VALUES: [&str; 6] = ["\"4111111111111111\"", "737", "4111111111111111", "\"no\"", "null", "\"\\u0034\""];
        let mut members = Vec::new();
        for _ in 0..random(5) {
            let value = match random(4) {
                0 if depth > 0 => document(random, depth - 1),
                1 if depth > 0 => format!("[{},1]", document(random, depth - 1)),
                _ => VALUES[random(VALUES.len())].to_owned(),
            };
            let colon = [":", ": ", " :"][random(3)];
            members.push(format!("\"{}\"{colon}{value}", NAMES[random(NAMES.len())]));
        }
        let end = if random(40) > 0 { "}" } else { "" };
        format!("{{{}{end}", members.join(","))
    }

    #[test]
    fn what_a_flow_has_learned_changes_nothing() {
        let mut seed = 1u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        let (learned, mut passed) = (plan(), 0);
        for _ in 0..5000 {
            let value = document(&mut random, 3);
            let outcome = enforced(&learned, &value);
            passed += usize::from(outcome.contains("verdict: 0"));
            assert_eq!(outcome, enforced(&plan(), &value), "{value}");
            assert_eq!(outcome, enforced(&learned, &value), "{value}");
        }
        assert!((1000..4000).contains(&passed), "{passed}");
    }
}
