//! A number in parts: an array under a rule with `joined` is masked as the one text that its items make.

use std::borrow::Cow;
use std::ops::Range;

use super::{Fate, Place, Walk};
use crate::config::Strategy;
use crate::evidence::{By, Segment};
use crate::json::{self, malformed};
use crate::outcome::{Rejected, Rejection};
use crate::strategy::Treatment;

/// What the items of an array say together, and where each stands, quotes included.
#[derive(Default)]
struct Parts {
    text: Vec<u8>,
    places: Vec<(Range<usize>, usize)>,
    /// whether all are strings: a number would lose its leading zeros
    strings: bool,
}

impl<'a> Walk<'a> {
    /// The array at `self.at`. It keeps its items: those behind the first are emptied, or, where what masking left is as
    /// long as what was there, each has its part of that.
    pub(super) fn joined(&mut self, treatment: &Treatment, place: Place) -> Result<Fate, Rejected> {
        let parts = self.parts()?;
        if parts.text.is_empty() || treatment.is_masked(&parts.text) {
            return Ok(Fate::Stays);
        }
        if treatment.strategy == Strategy::Drop && place == Place::Member {
            self.found(treatment, Strategy::Drop, By::Field);
            return Ok(Fate::Dropped);
        }
        let (masked, used) = treatment.mask(&parts.text);
        let divided = parts.strings && masked.len() == parts.text.len() && parts.text.is_ascii();
        let mut rest = masked.as_str();
        for (index, (range, length)) in parts.places.into_iter().enumerate() {
            let (part, after) = match (divided, index) {
                (true, _) => rest.split_at(length),
                (false, 0) => (rest, ""),
                (false, _) => ("", ""),
            };
            rest = after;
            self.replace(range, format!("\"{part}\"").as_bytes());
        }
        self.found(treatment, used, By::Field);
        self.findings.pairs.note(treatment, &parts.text, &masked, used);
        Ok(Fate::Stays)
    }

    fn parts(&mut self) -> Result<Parts, Rejected> {
        let mut parts = Parts { strings: true, ..Parts::default() };
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Ok(parts);
        }
        for index in 0.. {
            let from = self.at;
            let text = self.part(index, &mut parts.strings)?;
            parts.text.extend_from_slice(&text);
            parts.places.push((from..self.at, text.len()));
            self.skip_space();
            if self.take(b']') {
                break;
            }
            self.expect(b',')?;
            self.skip_space();
        }
        Ok(parts)
    }

    fn part(&mut self, index: usize, strings: &mut bool) -> Result<Cow<'a, [u8]>, Rejected> {
        let input: &'a [u8] = self.input;
        match input.get(self.at) {
            Some(b'"') => {
                let token = json::string(input, self.at)?;
                self.at = token.to + 1;
                let raw = &input[token.from..token.to];
                Ok(if token.escaped { Cow::Owned(json::unescape(raw)) } else { Cow::Borrowed(raw) })
            }
            Some(b'-' | b'0'..=b'9') => {
                *strings = false;
                let token = json::number(input, self.at)?;
                self.at = token.to;
                Ok(Cow::Borrowed(&input[token.from..token.to]))
            }
            Some(b'{' | b'[' | b't' | b'f' | b'n') => {
                self.path.push(Segment::Item(index));
                Err(self.rejected(Rejection::FieldType))
            }
            _ => Err(malformed(self.at)),
        }
    }
}
