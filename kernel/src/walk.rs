//! One pass over a JSON value: strict reading, field rules, and the scan of all they leave. Bytes that are not masked
//! come out as they went in: the output is the input with places cut out and replaced.

mod joined;

use std::borrow::Cow;
use std::ops::Range;

use crate::automaton::State;
use crate::config::Strategy;
use crate::detect::{self, Name};
use crate::evidence::{render, By, Findings, Segment};
use crate::json::{self, malformed, skip_space, Text};
use crate::masking::{Masking, Rule};
use crate::members::{MemberNames, Scope};
use crate::names;
use crate::outcome::{Rejected, Rejection};
use crate::shapes::{Member, Next, Shape, Shapes};
use crate::strategy::Treatment;
use crate::text::{mask_text, Masked, Treatments, Writing};

/// Arrays and objects in each other. The walk recurses, so this also bounds its stack.
const DEEPEST: usize = 64;

impl Masking {
    /// Writes the masked value behind what is in `out`, and gives its place there; None where nothing changed.
    pub fn mask_value(
        &self,
        value: &[u8],
        shapes: &mut Shapes,
        findings: &mut Findings,
        out: &mut Vec<u8>,
    ) -> Result<Option<Range<usize>>, Rejected> {
        if let Err(error) = simdutf8::compat::from_utf8(value) {
            return Err(Rejected::at_byte(Rejection::InvalidUtf8, error.valid_up_to()));
        }
        let mut walk = Walk {
            masking: self,
            input: value,
            at: skip_space(value, 0),
            from: out.len(),
            out,
            copied: 0,
            path: Vec::with_capacity(8),
            names: MemberNames::default(),
            shapes,
            treatments: self.scan.treatments(),
            findings,
        };
        walk.value(self.automaton.start, Name::Neutral, 0, Place::Fixed)?;
        walk.finish()
    }
}

/// Whether a value can be removed where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Member,
    /// the root, or an item of an array: removing one would renumber the others
    Fixed,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Dropped,
}

/// The names of an open object: its shape, as long as that is kept, and then each of them.
struct Members {
    shape: Option<Shape>,
    names: Scope,
}

struct Walk<'a> {
    masking: &'a Masking,
    input: &'a [u8],
    at: usize,
    /// what this value becomes stands in `out` from here on
    from: usize,
    out: &'a mut Vec<u8>,
    /// how much of the input is in `out`, or was replaced
    copied: usize,
    path: Vec<Segment<'a>>,
    names: MemberNames<'a>,
    shapes: &'a mut Shapes,
    treatments: Treatments<'a>,
    findings: &'a mut Findings,
}

impl<'a> Walk<'a> {
    /// `name`: what the name of the member around it tells.
    fn value(&mut self, state: State, name: Name, depth: usize, place: Place) -> Result<Fate, Rejected> {
        let masking: &'a Masking = self.masking;
        let rule = masking.rule(state);
        let Some(&byte) = self.input.get(self.at) else {
            return Err(malformed(self.input.len()));
        };
        if masking.closed && matches!(rule, Rule::Undeclared) && !matches!(byte, b'{' | b'[' | b'n') {
            return Err(self.rejected(Rejection::UndeclaredField));
        }
        match byte {
            b'{' | b'[' => {
                if depth == DEEPEST {
                    return Err(Rejected::at_byte(Rejection::TooDeep, self.at));
                }
                if let Rule::Mask(treatment) = rule {
                    if treatment.joined && byte == b'[' {
                        return self.joined(treatment, place);
                    }
                    if !self.continues(byte) {
                        return Err(self.rejected(Rejection::FieldType));
                    }
                }
                self.at += 1;
                if byte == b'{' {
                    self.object(state, name, depth + 1)?
                } else {
                    self.array(state, name, depth + 1)?
                }
                Ok(Fate::Stays)
            }
            b'"' => self.string(rule, name, place),
            b'-' | b'0'..=b'9' => self.number(rule, name, place),
            b't' => self.literal(b"true", rule, place),
            b'f' => self.literal(b"false", rule, place),
            b'n' => self.literal(b"null", Rule::Declared, place),
            b'N' if self.input[self.at..].starts_with(b"NaN") => Err(self.not_finite()),
            b'I' if self.input[self.at..].starts_with(b"Infinity") => Err(self.not_finite()),
            _ => Err(malformed(self.at)),
        }
    }

    /// Whether a rule that has come to this array or object goes on inside: repeated elements of XML, or a leaf's text
    /// beside its attributes, which then is the first member.
    fn continues(&self, byte: u8) -> bool {
        self.masking.automaton.repeats && (byte == b'[' || self.input[self.at..].starts_with(b"{\"#text\":"))
    }

    fn not_finite(&self) -> Rejected {
        Rejected::at_byte(Rejection::NotFinite, self.at)
    }

    fn rejected(&self, reason: Rejection) -> Rejected {
        Rejected { reason, place: render(&self.path) }
    }

    fn array(&mut self, state: State, name: Name, depth: usize) -> Result<(), Rejected> {
        let state = self.masking.automaton.item(state);
        self.skip_space();
        if self.take(b']') {
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Segment::Item(index));
            self.value(state, name, depth, Place::Fixed)?;
            self.path.pop();
            self.skip_space();
            if self.take(b']') {
                break;
            }
            self.expect(b',')?;
            self.skip_space();
        }
        Ok(())
    }

    /// Members that are dropped go with one comma: the one before them, or, where no member before them stayed, the
    /// one behind.
    fn object(&mut self, state: State, outer: Name, depth: usize) -> Result<(), Rejected> {
        self.skip_space();
        if self.take(b'}') {
            return Ok(());
        }
        let mut members = Members { shape: self.shapes.empty(state, outer), names: self.names.open() };
        let (mut any_stays, mut comma, mut cut_from) = (false, self.at, None);
        self.path.push(Segment::Item(0)); // replaced by the first member's name
        loop {
            if let Some(from) = cut_from.take() {
                self.replace(from..self.at, b"");
            }
            let (start, out, copied, pairs) = (self.at, self.out.len(), self.copied, self.findings.pairs.len());
            let member = self.member(state, outer, &mut members)?;
            let fate = self.value(member.state, member.tells, depth, Place::Member)?;
            let end = self.at;
            if fate == Fate::Stays {
                any_stays = true;
            } else {
                // take back what masking did to the name
                self.out.truncate(out);
                self.copied = copied;
                self.findings.pairs.truncate(pairs);
                if any_stays {
                    self.replace(comma..end, b"");
                } else {
                    cut_from = Some(start);
                }
            }
            self.skip_space();
            comma = self.at;
            if self.take(b'}') {
                if let Some(from) = cut_from {
                    self.replace(from..end, b"");
                }
                return self.end_object(&members);
            }
            self.expect(b',')?;
            self.skip_space();
        }
    }

    fn end_object(&mut self, members: &Members) -> Result<(), Rejected> {
        self.path.pop();
        if members.shape.is_some() {
            return Ok(());
        }
        match self.names.close(&members.names) {
            None => Ok(()),
            Some(name) => {
                self.path.push(Segment::Member(name));
                Err(self.rejected(Rejection::DuplicateKey))
            }
        }
    }

    /// Reads a member's name and colon.
    #[inline(always)]
    fn member(&mut self, state: State, outer: Name, members: &mut Members) -> Result<Member, Rejected> {
        let input: &'a [u8] = self.input;
        let known = members.shape.and_then(|shape| self.shapes.follow(shape, input.get(self.at..)?));
        let Some((shape, length, member)) = known else { return self.new_member(state, outer, members) };
        members.shape = Some(shape);
        self.set_last(Cow::Borrowed(&input[self.at + 1..self.at + length - 2]));
        self.at = skip_space(input, self.at + length);
        Ok(member)
    }

    /// Masks card numbers in the name, too.
    #[inline(never)]
    fn new_member(&mut self, state: State, outer: Name, members: &mut Members) -> Result<Member, Rejected> {
        if self.input.get(self.at) != Some(&b'"') {
            return Err(malformed(self.at));
        }
        let token = json::string(self.input, self.at)?;
        let input: &'a [u8] = self.input;
        let raw = &input[token.from..token.to];
        let name = if token.escaped { Cow::Owned(json::unescape(raw)) } else { Cow::Borrowed(raw) };
        let mut hash = names::hash(&name);
        let state = self.masking.automaton.member(state, hash, &name);
        let member = Member { state, tells: Name::of(hash, &name, outer) };
        let suspicious = self.is_suspicious(&token, Name::Neutral);
        let masked = suspicious.then(|| self.masked_text(&token, Name::Neutral)).flatten();
        self.set_last(match &masked {
            Some(Masked { bytes: raw, .. }) => {
                Cow::Owned(if token.escaped { json::unescape(raw) } else { raw.clone() })
            }
            None => name,
        });
        if let Some(masked) = masked {
            self.replace(token.from..token.to, &masked.bytes);
            self.found_in_text(masked);
            hash = names::hash(self.last_name());
        }
        let name = match self.path.last() {
            Some(Segment::Member(name)) => name.clone(),
            _ => Cow::Borrowed(&b""[..]),
        };
        let plain = !token.escaped && !suspicious;
        if self.repeats(members, hash, name, plain.then_some(member)) {
            return Err(self.rejected(Rejection::DuplicateKey));
        }
        self.at = skip_space(self.input, token.to + 1);
        self.expect(b':')?;
        self.skip_space();
        Ok(member)
    }

    /// Adds a name to those of its object; tells whether it is there already. `member`: of a name that may be kept.
    fn repeats(&mut self, members: &mut Members, hash: u64, name: Cow<'a, [u8]>, member: Option<Member>) -> bool {
        if let Some(shape) = members.shape {
            match member.map_or(Next::Unknown, |member| self.shapes.add(shape, &name, member)) {
                Next::Repeated => return true,
                Next::To(next) => {
                    members.shape = Some(next);
                    return false;
                }
                Next::Unknown => members.shape = None,
            }
            for known in self.shapes.names(shape) {
                self.names.add(&mut members.names, names::hash(known), Cow::Owned(known.to_vec()));
            }
        }
        self.names.add(&mut members.names, hash, name)
    }

    fn string(&mut self, rule: Rule<'a>, name: Name, place: Place) -> Result<Fate, Rejected> {
        let token = json::string(self.input, self.at)?;
        self.at = token.to + 1;
        match rule {
            Rule::Mask(rule) => Ok(self.string_by_rule(&token, rule, place)),
            Rule::Allow => Ok(Fate::Stays),
            _ if self.is_suspicious(&token, name) => Ok(self.scanned_string(&token, name, place)),
            _ => Ok(Fate::Stays),
        }
    }

    fn string_by_rule(&mut self, token: &Text, rule: &Treatment, place: Place) -> Fate {
        let raw = &self.input[token.from..token.to];
        let text = if token.escaped { Cow::Owned(json::unescape(raw)) } else { Cow::Borrowed(raw) };
        if rule.is_masked(&text) {
            return Fate::Stays;
        }
        self.mask_whole(token.from - 1..token.to + 1, &text, rule, By::Field, place)
    }

    #[inline(never)]
    fn scanned_string(&mut self, token: &Text, name: Name, place: Place) -> Fate {
        let Some(masked) = self.masked_text(token, name) else { return Fate::Stays };
        let treatments = self.treatments;
        let mut found = masked.used.iter().filter_map(|(class, _)| treatments.of(*class));
        if let Some(drop) = found.find(|treatment| treatment.strategy == Strategy::Drop) {
            if place == Place::Member {
                self.found(drop, Strategy::Drop, By::Scan);
                return Fate::Dropped;
            }
        }
        self.replace(token.from..token.to, &masked.bytes);
        self.found_in_text(masked);
        Fate::Stays
    }

    fn number(&mut self, rule: Rule<'a>, name: Name, place: Place) -> Result<Fate, Rejected> {
        let token = json::number(self.input, self.at)?;
        self.at = token.to;
        let range = token.from..token.to;
        let (treatment, by, text) = match rule {
            Rule::Allow => return Ok(Fate::Stays),
            Rule::Mask(rule) => {
                // whatever its name, it is a card number where a rule says so
                let card = detect::number(self.input, &token, Name::Neutral, false);
                (rule, By::Field, card.map(|card| card.digits.ascii()))
            }
            _ => {
                let sad = self.treatments.sad.is_some();
                let Some(found) = detect::number(self.input, &token, name, sad) else { return Ok(Fate::Stays) };
                let Some(treatment) = self.treatments.of(found.class) else { return Ok(Fate::Stays) };
                (treatment, By::Scan, Some(found.digits.ascii()).filter(|digits| !digits.is_empty()))
            }
        };
        let text = text.map_or(Cow::Borrowed(&self.input[range.clone()]), Cow::Owned);
        if treatment.strategy == Strategy::Fpe && treatment.is_masked(&text) {
            return Ok(Fate::Stays);
        }
        Ok(self.mask_whole(range, &text, treatment, by, place))
    }

    fn literal(&mut self, word: &'static [u8], rule: Rule<'a>, place: Place) -> Result<Fate, Rejected> {
        let start = self.at;
        if !self.input[start..].starts_with(word) {
            return Err(malformed(start));
        }
        self.at += word.len();
        match rule {
            Rule::Mask(rule) => Ok(self.mask_whole(start..self.at, word, rule, By::Field, place)),
            _ => Ok(Fate::Stays),
        }
    }

    /// Masks a value as a whole. `token`: where it stands, quotes included.
    fn mask_whole(&mut self, token: Range<usize>, text: &[u8], treatment: &Treatment, by: By, place: Place) -> Fate {
        if treatment.strategy == Strategy::Drop && place == Place::Member {
            self.found(treatment, Strategy::Drop, by);
            return Fate::Dropped;
        }
        let (masked, used) = treatment.mask(text);
        // what encryption leaves of a number is a number; all else becomes a string
        let number = used == Strategy::Fpe && matches!(self.input[token.start], b'-' | b'0'..=b'9');
        let quote: &[u8] = if number { b"" } else { b"\"" };
        self.replace(token, quote);
        self.out.extend_from_slice(masked.as_bytes());
        self.out.extend_from_slice(quote);
        self.found(treatment, used, by);
        self.findings.pairs.note(treatment, text, &masked, used);
        Fate::Stays
    }

    #[inline(always)]
    fn is_suspicious(&self, token: &Text, name: Name) -> bool {
        detect::is_suspicious(&self.input[token.from..token.to], token, name, self.treatments.sad.is_some())
    }

    /// Nothing can be dropped inside a text: it is redacted there.
    fn masked_text(&self, token: &Text, name: Name) -> Option<Masked> {
        let writing = if token.escaped { Writing::Escaped } else { Writing::Plain };
        mask_text(&self.input[token.from..token.to], writing, name, self.treatments)
    }

    fn found_in_text(&mut self, masked: Masked) {
        let treatments = self.treatments;
        for (class, used) in masked.used {
            if let Some(treatment) = treatments.of(class) {
                self.found(treatment, used, By::Scan);
            }
        }
        self.findings.pairs.append(masked.pairs);
    }

    fn found(&mut self, treatment: &Treatment, used: Strategy, by: By) {
        let path = &self.path;
        self.findings.add(treatment, used, by, || render(path));
    }

    fn set_last(&mut self, name: Cow<'a, [u8]>) {
        if let Some(last) = self.path.last_mut() {
            *last = Segment::Member(name);
        }
    }

    fn last_name(&self) -> &[u8] {
        match self.path.last() {
            Some(Segment::Member(name)) => name,
            _ => b"",
        }
    }

    fn replace(&mut self, place: Range<usize>, by: &[u8]) {
        self.out.extend_from_slice(&self.input[self.copied..place.start]);
        self.out.extend_from_slice(by);
        self.copied = place.end;
    }

    fn skip_space(&mut self) {
        self.at = skip_space(self.input, self.at);
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.input.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), Rejected> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(malformed(self.at))
        }
    }

    fn finish(mut self) -> Result<Option<Range<usize>>, Rejected> {
        self.skip_space();
        if self.at < self.input.len() {
            return Err(Rejected::at_byte(Rejection::TrailingBytes, self.at));
        }
        if self.copied == 0 {
            return Ok(None);
        }
        self.out.extend_from_slice(&self.input[self.copied..]);
        Ok(Some(self.from..self.out.len()))
    }
}
