//! Beside the value: record key and headers.

use crate::config::{Class, Strategy};
use crate::digest::is_own;
use crate::evidence::{shorten, By, Findings};
use crate::masking::Masking;
use crate::outcome::{KeptHeader, Rejected, Rejection};
use crate::plan::Input;
use crate::scan;
use crate::text::{holds_card_number, mask_card_numbers, Writing};

impl Masking {
    /// The masked record key; None where nothing changed. Always tokens: anything shorter would merge the keys of
    /// different cards, and with them their order.
    pub fn mask_key(&self, key: &[u8], findings: &mut Findings) -> Option<Vec<u8>> {
        let masked = self.mask_bytes(key, Strategy::Token)?;
        findings.add(Class::Pan, Strategy::Token, By::Scan, || "key".into());
        Some(masked)
    }

    /// The headers that pass; None where all do, unchanged. A producer's own `panlock-*` headers never pass.
    pub fn mask_headers(&self, record: &Input, findings: &mut Findings) -> Result<Option<Vec<KeptHeader>>, Rejected> {
        let mut changed = false;
        let mut kept = Vec::with_capacity(record.headers.len());
        for (index, (name, value)) in record.headers.iter().enumerate() {
            if is_own(name) {
                changed = true;
                continue;
            }
            if holds_card_number(name.as_bytes(), &self.keyring) {
                return Err(Rejected { reason: Rejection::HeaderName, place: "header".into() });
            }
            let masked = value.and_then(|value| self.mask_bytes(value, self.scan));
            changed |= masked.is_some();
            if masked.is_some() {
                findings.add(Class::Pan, self.scan, By::Scan, || shorten(format!("header:{name}")));
            }
            if masked.is_none() || self.scan != Strategy::Drop {
                kept.push(KeptHeader { index, value: masked });
            }
        }
        Ok(changed.then_some(kept))
    }

    fn mask_bytes(&self, bytes: &[u8], strategy: Strategy) -> Option<Vec<u8>> {
        let digits = bytes.iter().filter(|c| c.is_ascii_digit()).count();
        if digits < scan::SHORTEST {
            return None;
        }
        mask_card_numbers(bytes, Writing::Plain, strategy, &self.keyring)
    }
}
