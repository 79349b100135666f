//! Masking evidence: where sensitive data was found and what was done to it. Never digits, never tokens.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::config::{Class, Strategy};
use crate::fpe;
use crate::pairs::TokenPairs;
use crate::strategy::Treatment;

/// Findings listed; those beyond are counted by class, so that an audit event stays under 65,535 bytes.
pub const LISTED: usize = 100;
/// Bytes of a path, the ellipsis included.
const PATH_BYTES: usize = 200;
const ELLIPSIS: &str = "…";

/// One step of a place in the masked document.
#[derive(Debug, Clone)]
pub enum Segment<'a> {
    Member(Cow<'a, [u8]>),
    Item(usize),
}

/// What led to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Field,
    Scan,
}

/// The findings of one record: the first of them in writing, as canonical JSON (RFC 8785) that lacks its end.
#[derive(Debug, Default)]
pub struct Findings {
    json: String,
    listed: usize,
    /// how many more of each class, in the order of Class::ALL
    more: [usize; Class::ALL.len()],
    /// all of each class, in the same order
    pub counts: [u64; Class::ALL.len()],
    /// the tokens that were made, for the record to carry
    pub pairs: TokenPairs,
}

impl Findings {
    /// Forgets those of the record before, and keeps the room that they had.
    pub fn clear(&mut self) {
        self.json.clear();
        (self.listed, self.more, self.counts, self.pairs) = Default::default();
    }

    /// `used`: what was done in the end, the treatment's strategy or what it fell back to.
    pub fn add(&mut self, treatment: &Treatment, used: Strategy, by: By, path: impl FnOnce() -> String) {
        self.counts[treatment.class as usize] += 1;
        if self.listed == LISTED {
            self.more[treatment.class as usize] += 1;
            return;
        }
        let json = &mut self.json;
        json.push_str(if self.listed == 0 { "[" } else { "," });
        json.push_str(match by {
            By::Field => "{\"by\":\"field\",\"class\":\"",
            By::Scan => "{\"by\":\"scan\",\"class\":\"",
        });
        json.push_str(treatment.class.name());
        if used.is_keyed() {
            json.push_str("\",\"key\":\"");
            json.push_str(&treatment.key);
        }
        json.push_str("\",\"path\":");
        quote(json, &path());
        let tokens = treatment.tokens.as_ref().filter(|_| used == Strategy::Token);
        if let Some(previous) = tokens.and_then(|tokens| tokens.previous_id()) {
            json.push_str(",\"previous\":\"");
            json.push_str(previous);
            json.push('"');
        }
        json.push_str(",\"strategy\":\"");
        json.push_str(used.name());
        json.push_str("\"}");
        self.listed += 1;
    }

    /// The first findings as canonical JSON; None where there are none.
    pub fn finish(&mut self) -> Option<&[u8]> {
        if self.listed == 0 {
            return None;
        }
        self.json.push(']');
        Some(self.json.as_bytes())
    }

    /// Counts by class of the findings that are not listed, as canonical JSON; None where all are.
    pub fn more_to_json(&self) -> Option<Vec<u8>> {
        let counts = Class::ALL.iter().zip(self.more).filter(|(_, count)| *count > 0);
        let mut members: Vec<_> = counts.map(|(class, count)| format!("\"{}\":{count}", class.name())).collect();
        members.sort_unstable();
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")).into_bytes())
    }
}

/// What masking leaves of card numbers and IBANs: shown in part, tokens and ciphertexts of any key.
static MASKED: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        r"[A-Z]{2}\*{9,}[A-Z0-9]{4}",
        r"[0-9]{0,6}\*{5,}[0-9]{0,4}|[0-9]{8}\*{4}[0-9]{4}",
        r"tok_[a-z0-9]{1,16}_[a-z2-7]{32}",
        r"enc_[a-z0-9]{1,16}_[A-Za-z0-9_-]{38,}",
    ];
    Regex::new(&forms.join("|")).expect("the pattern is a constant")
});

const SHORTEST_NUMBER: usize = 13;

/// What could be a card number under format-preserving encryption.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[0-9]{13,19}\b").expect("the pattern is a constant"));

/// `$.card.number`, `$.items[0]["odd name"]`; cut to 200 bytes. A name that was masked shows a label in its place:
/// evidence outlives the record, and holds neither digits nor tokens.
pub fn render(segments: &[Segment]) -> String {
    let mut path = String::with_capacity(48);
    path.push('$');
    for segment in segments {
        match segment {
            Segment::Item(index) => path.push_str(&format!("[{index}]")),
            Segment::Member(name) => write_member(&mut path, &String::from_utf8_lossy(name)),
        }
        if path.len() > PATH_BYTES {
            break;
        }
    }
    shorten(path)
}

fn write_member(path: &mut String, name: &str) {
    let digits = || name.bytes().filter(u8::is_ascii_digit).count();
    let keyed = || name.contains('_') && (name.contains("tok_") || name.contains("enc_"));
    let masked = name.contains('*') || keyed() || digits() >= SHORTEST_NUMBER;
    let name = if masked { Cow::Owned(labelled(name)) } else { Cow::Borrowed(name) };
    if !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-') {
        path.push('.');
        path.push_str(&name);
    } else {
        path.push('[');
        quote(path, &name);
        path.push(']');
    }
}

fn labelled(name: &str) -> String {
    let name = MASKED.replace_all(name, Class::Pan.label());
    let number = |found: &Captures| match fpe::is_encrypted(found[0].as_bytes()) {
        true => Class::Pan.label().to_owned(),
        false => found[0].to_owned(),
    };
    NUMBER.replace_all(&name, number).into_owned()
}

/// Cut to 200 bytes, with an ellipsis where something is missing.
pub fn shorten(mut path: String) -> String {
    if path.len() > PATH_BYTES {
        let mut end = PATH_BYTES - ELLIPSIS.len();
        while !path.is_char_boundary(end) {
            end -= 1;
        }
        path.truncate(end);
        path.push_str(ELLIPSIS);
    }
    path
}

/// A JSON string as RFC 8785 writes it.
pub fn quote(json: &mut String, text: &str) {
    json.push('"');
    if text.bytes().all(|c| c >= b' ' && c != b'"' && c != b'\\') {
        json.push_str(text);
        json.push('"');
        return;
    }
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\u{8}' => json.push_str("\\b"),
            '\t' => json.push_str("\\t"),
            '\n' => json.push_str("\\n"),
            '\u{c}' => json.push_str("\\f"),
            '\r' => json.push_str("\\r"),
            control if control < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::keyring::Keyring;
    use crate::masking::Masking;

    fn treatment(rule: usize) -> Treatment {
        let config = br#"{"fields":[{"path":"$.a","class":"pan","strategy":"token"},
            {"path":"$.b","class":"service-code","strategy":"drop"}]}"#;
        let keyring = Keyring::new(vec![("k1".into(), vec![7; 32])], "k1").unwrap();
        Masking::compile(&Config::parse(config).unwrap(), &keyring).unwrap().rules[rule].clone()
    }

    #[test]
    fn evidence_is_canonical_json() {
        let mut findings = Findings::default();
        findings.add(&treatment(0), Strategy::Token, By::Field, || "$.card.number".into());
        findings.add(&treatment(1), Strategy::Drop, By::Scan, || "$[\"a\"]".into());
        let json = String::from_utf8(findings.finish().unwrap().to_vec()).unwrap();
        assert_eq!(
            json,
            r#"[{"by":"field","class":"pan","key":"k1","path":"$.card.number","strategy":"token"},"#.to_owned()
                + r#"{"by":"scan","class":"service-code","path":"$[\"a\"]","strategy":"drop"}]"#
        );
    }

    #[test]
    fn findings_beyond_the_hundredth_are_counted() {
        let mut findings = Findings::default();
        for _ in 0..LISTED {
            findings.add(&treatment(0), Strategy::Redact, By::Scan, || "$".into());
        }
        assert_eq!(findings.more_to_json(), None);
        findings.add(&treatment(1), Strategy::Drop, By::Field, || unreachable!());
        findings.add(&treatment(0), Strategy::Redact, By::Scan, || unreachable!());
        assert_eq!(findings.more_to_json().unwrap(), br#"{"pan":1,"service-code":1}"#);
        assert_eq!(findings.counts[Class::Pan as usize], LISTED as u64 + 1);
        findings.clear();
        assert_eq!(findings.counts, [0; Class::ALL.len()]);
    }

    #[test]
    fn long_paths_are_cut_between_characters() {
        let path = render(&[Segment::Member(Cow::Owned("ä".repeat(300).into_bytes()))]);
        assert!(path.len() <= PATH_BYTES && path.ends_with(ELLIPSIS));
    }

    #[test]
    fn names_that_were_masked_show_neither_digits_nor_tokens() {
        for name in ["411111******1111", "**********5904", "tok_k1_abcdefghijklmnopqrstuvwxyz234567"] {
            let path = render(&[Segment::Member(Cow::Owned(format!("a {name}").into_bytes()))]);
            assert_eq!(path, "$[\"a [REDACTED:PAN]\"]");
        }
        for name in ["4111110000000002", "4111110000000003"] {
            let path = render(&[Segment::Member(Cow::Borrowed(name.as_bytes()))]);
            let encrypted = fpe::is_encrypted(name.as_bytes());
            assert_eq!(path, if encrypted { "$[\"[REDACTED:PAN]\"]".to_owned() } else { format!("$.{name}") });
        }
        assert_eq!(render(&[Segment::Member(Cow::Borrowed(b"tok_*"))]), "$[\"tok_*\"]");
    }

    #[test]
    fn odd_names_are_quoted() {
        let member = |name: &'static str| Segment::Member(Cow::Borrowed(name.as_bytes()));
        assert_eq!(render(&[member("a"), Segment::Item(2), member("b c"), member("")]), "$.a[2][\"b c\"][\"\"]");
    }
}
