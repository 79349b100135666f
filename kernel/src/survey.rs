//! What the scan finds in a document, without masking: what `panlock scan` shows.

use crate::config::Class;
use crate::detect::document::{self, Place, Scalar};
use crate::detect::{self, Finding, Name, Reading, Text};
use crate::evidence::{quote, render};
use crate::outcome::Rejected;

/// `{"findings":[{"path","class","network","start","end"}]}`; with `"error"` where it is no document.
pub fn survey(document: &[u8]) -> String {
    let mut findings = Vec::new();
    let outcome = match simdutf8::compat::from_utf8(document) {
        Err(error) => Err(Rejected::at_byte(crate::outcome::Rejection::InvalidUtf8, error.valid_up_to())),
        Ok(_) => document::read(document, Name::Neutral, &mut |place| visit(document, place, &mut findings)),
    };
    match outcome {
        Ok(()) => format!("{{\"findings\":[{}]}}", findings.join(",")),
        Err(Rejected { reason, place }) => {
            format!("{{\"findings\":[],\"error\":\"{} at {place}\"}}", reason.code())
        }
    }
}

fn visit(document: &[u8], place: &Place, findings: &mut Vec<String>) -> Option<String> {
    let found = match &place.scalar {
        Scalar::Number(token) => detect::number(document, token, place.name, true).into_iter().collect(),
        Scalar::Text(token) => {
            let raw = &document[token.from..token.to];
            if !detect::is_suspicious(raw, token, place.name, true) {
                return None;
            }
            detect::find(&Text::escaped(raw), place.name, Reading::new(true))
        }
    };
    findings.extend(found.iter().map(|each| line(place, each)));
    // a member's name that holds a card number shows none
    found.first().map(|each| each.class.label().to_owned())
}

fn line(place: &Place, found: &Finding) -> String {
    let mut json = String::from("{\"path\":");
    quote(&mut json, &render(place.path));
    json.push_str(&format!(",\"class\":\"{}\",\"network\":", found.class.name()));
    match found.network.filter(|_| found.class == Class::Pan) {
        Some(network) => quote(&mut json, network),
        None => json.push_str("null"),
    }
    json.push_str(&format!(",\"start\":{},\"end\":{}}}", found.start, found.end));
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_characters_of_the_unescaped_string() {
        let shown = survey(r#"{"a":"\u00fc\n 4111 1111 1111 1111","b":[378282246310005]}"#.as_bytes());
        let first = r#"{"path":"$.a","class":"pan","network":"visa","start":3,"end":22}"#;
        let second = r#"{"path":"$.b[0]","class":"pan","network":"amex","start":0,"end":15}"#;
        assert_eq!(shown, format!(r#"{{"findings":[{first},{second}]}}"#));
    }

    #[test]
    fn what_is_no_document_is_told_without_its_text() {
        assert_eq!(survey(b"{4111111111111111"), r#"{"findings":[],"error":"malformed-json at byte 1"}"#);
    }
}
