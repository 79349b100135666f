//! Beside the value: record key and headers.

use crate::config::Strategy;
use crate::digest::is_own;
use crate::evidence::{shorten, By, Findings};
use crate::masking::Masking;
use crate::outcome::{KeptHeader, Rejected, Rejection};
use crate::plan::Input;
use crate::scan;
use crate::strategy::Treatment;
use crate::text::{holds_card_number, mask_card_numbers, Writing};

impl Masking {
    /// The masked record key; None where nothing changed. Tokens or FPE alone: anything shorter would merge the keys of
    /// different cards, and with them their order.
    pub fn mask_key(&self, key: &[u8], findings: &mut Findings) -> Option<Vec<u8>> {
        let (masked, used) = mask_bytes(key, &self.scan.key)?;
        findings.add(&self.scan.key, used, By::Scan, || "key".into());
        Some(masked)
    }

    /// The headers that pass; None where all do, unchanged. A producer's own `panlock-*` headers never pass.
    pub fn mask_headers(&self, record: &Input, findings: &mut Findings) -> Result<Option<Vec<KeptHeader>>, Rejected> {
        let (scan, mut changed) = (&self.scan.pan, false);
        let mut kept = Vec::with_capacity(record.headers.len());
        for (index, (name, value)) in record.headers.iter().enumerate() {
            if is_own(name) {
                changed = true;
                continue;
            }
            if holds_card_number(name.as_bytes(), &self.scan.pan.keyring) {
                return Err(Rejected { reason: Rejection::HeaderName, place: "header".into() });
            }
            let Some((masked, used)) = value.and_then(|value| mask_bytes(value, scan)) else {
                kept.push(KeptHeader { index, value: None });
                continue;
            };
            changed = true;
            let dropped = scan.strategy == Strategy::Drop;
            let used = if dropped { Strategy::Drop } else { used };
            findings.add(scan, used, By::Scan, || shorten(format!("header:{name}")));
            if !dropped {
                kept.push(KeptHeader { index, value: Some(masked) });
            }
        }
        Ok(changed.then_some(kept))
    }
}

fn mask_bytes(bytes: &[u8], treatment: &Treatment) -> Option<(Vec<u8>, Strategy)> {
    let digits = bytes.iter().filter(|c| c.is_ascii_digit()).count();
    if digits < scan::SHORTEST {
        return None;
    }
    mask_card_numbers(bytes, Writing::Plain, treatment)
}
