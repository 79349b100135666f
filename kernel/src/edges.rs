//! Beside the value: record key and headers.

use crate::config::Strategy;
use crate::detect::{is_suspicious_text, Name};
use crate::digest::is_own;
use crate::evidence::{shorten, By, Findings};
use crate::masking::Masking;
use crate::names;
use crate::outcome::{KeptHeader, Rejected, Rejection};
use crate::plan::Input;
use crate::text::{holds_card_number, mask_text, Masked, Treatments, Writing};

impl Masking {
    /// The masked record key; None where nothing changed. Tokens or FPE alone: anything shorter would merge the keys of
    /// different cards, and with them their order.
    pub fn mask_key(&self, key: &[u8], findings: &mut Findings) -> Option<Vec<u8>> {
        let treatments = Treatments { pan: &self.scan.key, sad: None, iban: None };
        let masked = mask_bytes(key, Name::Neutral, treatments)?;
        masked.used.iter().for_each(|(_, used)| findings.add(&self.scan.key, *used, By::Scan, || "key".into()));
        findings.pairs.append(masked.pairs);
        Some(masked.bytes)
    }

    /// The headers that pass; None where all do, unchanged. A producer's own `panlock-*` headers never pass.
    pub fn mask_headers(&self, record: &Input, findings: &mut Findings) -> Result<Option<Vec<KeptHeader>>, Rejected> {
        let (treatments, mut changed) = (self.scan.treatments(), false);
        let mut kept = Vec::with_capacity(record.headers.len());
        for (index, (name, value)) in record.headers.iter().enumerate() {
            if is_own(name) {
                changed = true;
                continue;
            }
            if holds_card_number(name.as_bytes()) {
                return Err(Rejected { reason: Rejection::HeaderName, place: "header".into() });
            }
            let tells = Name::of(names::hash(name.as_bytes()), name.as_bytes(), Name::Neutral);
            let Some(masked) = value.and_then(|value| mask_bytes(value, tells, treatments)) else {
                kept.push(KeptHeader { index, value: None });
                continue;
            };
            changed = true;
            let mut dropped = false;
            for (class, used) in &masked.used {
                let Some(treatment) = treatments.of(*class) else { continue };
                let used = if treatment.strategy == Strategy::Drop { Strategy::Drop } else { *used };
                dropped |= used == Strategy::Drop;
                findings.add(treatment, used, By::Scan, || shorten(format!("header:{name}")));
            }
            if !dropped {
                findings.pairs.append(masked.pairs);
                kept.push(KeptHeader { index, value: Some(masked.bytes) });
            }
        }
        Ok(changed.then_some(kept))
    }
}

fn mask_bytes(bytes: &[u8], name: Name, treatments: Treatments) -> Option<Masked> {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let told = treatments.sad.is_some() && matches!(name, Name::Cvv | Name::Pin | Name::Track);
    if !told && !is_suspicious_text(bytes, digits) {
        return None;
    }
    mask_text(bytes, Writing::Plain, name, treatments)
}
