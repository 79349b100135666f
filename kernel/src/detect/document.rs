//! JSON in the string of a document, and any document read for what it holds.

use std::borrow::Cow;

use super::name::Name;
use super::text::Text;
use super::{Finding, Reading};
use crate::evidence::Segment;
use crate::json::{self, malformed, skip_space};
use crate::members::MemberNames;
use crate::names::hash;
use crate::outcome::{Rejected, Rejection};

/// Arrays and objects in each other. The reading recurses, so this also bounds its stack.
const DEEPEST: usize = 64;

/// A string (between its quotes) or number.
pub enum Scalar {
    Text(json::Text),
    Number(json::Number),
}

/// What is read: a value, or a member's name, which stands at the path of its object.
pub struct Place<'p, 'a> {
    pub path: &'p [Segment<'a>],
    pub name: Name,
    pub scalar: Scalar,
}

/// Gives a name to show in paths instead of a member's own.
pub type Visit<'v> = dyn FnMut(&Place) -> Option<String> + 'v;

/// Reads a whole document, strictly. `name`: of the value itself.
pub fn read(input: &[u8], name: Name, visit: &mut Visit) -> Result<(), Rejected> {
    let mut reader = Reader { input, at: skip_space(input, 0), path: Vec::new(), names: MemberNames::new(), visit };
    reader.value(name, 0)?;
    reader.skip();
    match reader.at < input.len() {
        true => Err(Rejected::at_byte(Rejection::TrailingBytes, reader.at)),
        false => Ok(()),
    }
}

/// What a text holds that is a document; None where it is none.
pub fn find(text: &Text, name: Name, reading: Reading) -> Option<Vec<Finding>> {
    let document: String = text.marks.iter().collect();
    let mut characters = Vec::with_capacity(document.len() + 1);
    for (at, mark) in text.marks.iter().enumerate() {
        characters.resize(characters.len() + mark.len_utf8(), at);
    }
    characters.push(text.marks.len());
    let input = document.as_bytes();
    let inner = Reading { documents: reading.documents - 1, ..reading };
    let mut found = Vec::new();
    let done = read(input, name, &mut |place| {
        match &place.scalar {
            Scalar::Number(token) => {
                let name = if reading.raised { Name::Raised } else { place.name };
                let number = super::number(input, token, name, reading.sad);
                found.extend(number.map(|mut each| {
                    (each.start, each.end) = (characters[token.from], characters[token.to]);
                    each.strings = 1;
                    each
                }));
            }
            Scalar::Text(token) => {
                if !super::is_suspicious(&input[token.from..token.to], token, place.name, reading.sad) {
                    return None;
                }
                let text = Text::escaped(&input[token.from..token.to]);
                for mut each in super::find(&text, place.name, inner) {
                    let (start, end) = (text.spans[each.start].0, text.spans[each.end - 1].1);
                    (each.start, each.end) = (characters[token.from + start], characters[token.from + end]);
                    each.strings += usize::from(each.strings > 0);
                    found.push(each);
                }
            }
        }
        None
    });
    done.is_ok().then_some(found)
}

struct Reader<'a, 'v, 'w> {
    input: &'a [u8],
    at: usize,
    path: Vec<Segment<'a>>,
    names: MemberNames<'a>,
    visit: &'v mut Visit<'w>,
}

impl<'a> Reader<'a, '_, '_> {
    fn value(&mut self, name: Name, depth: usize) -> Result<(), Rejected> {
        match self.input.get(self.at) {
            Some(b'{' | b'[') if depth == DEEPEST => Err(Rejected::at_byte(Rejection::TooDeep, self.at)),
            Some(b'{') => self.object(name, depth + 1),
            Some(b'[') => self.array(name, depth + 1),
            Some(b'"') => self.string(name),
            Some(b'-' | b'0'..=b'9') => self.number(name),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(malformed(self.at)),
        }
    }

    fn string(&mut self, name: Name) -> Result<(), Rejected> {
        let token = json::string(self.input, self.at)?;
        self.at = token.to + 1;
        (self.visit)(&Place { path: &self.path, name, scalar: Scalar::Text(token) });
        Ok(())
    }

    fn number(&mut self, name: Name) -> Result<(), Rejected> {
        let token = json::number(self.input, self.at)?;
        self.at = token.to;
        (self.visit)(&Place { path: &self.path, name, scalar: Scalar::Number(token) });
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Rejected> {
        if !self.input[self.at..].starts_with(word) {
            return Err(malformed(self.at));
        }
        self.at += word.len();
        Ok(())
    }

    fn array(&mut self, name: Name, depth: usize) -> Result<(), Rejected> {
        self.at += 1;
        self.skip();
        if self.take(b']') {
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Segment::Item(index));
            self.value(name, depth)?;
            self.path.pop();
            if !self.goes_on(b']')? {
                break;
            }
        }
        Ok(())
    }

    fn object(&mut self, outer: Name, depth: usize) -> Result<(), Rejected> {
        self.at += 1;
        self.skip();
        if self.take(b'}') {
            return Ok(());
        }
        let mut scope = self.names.open();
        let mut repeated = false;
        loop {
            if self.input.get(self.at) != Some(&b'"') {
                return Err(malformed(self.at));
            }
            let token = json::string(self.input, self.at)?;
            let input: &'a [u8] = self.input;
            let raw = &input[token.from..token.to];
            let member = if token.escaped { Cow::Owned(json::unescape(raw)) } else { Cow::Borrowed(raw) };
            let place = Place { path: &self.path, name: Name::Neutral, scalar: Scalar::Text(token) };
            let shown = (self.visit)(&place).map(|shown| Cow::Owned(shown.into_bytes()));
            let hash = hash(&member);
            let name = Name::of(hash, &member, outer);
            repeated |= self.names.add(&mut scope, hash, member.clone());
            self.at = skip_space(self.input, token.to + 1);
            if !self.take(b':') {
                return Err(malformed(self.at));
            }
            self.skip();
            self.path.push(Segment::Member(shown.unwrap_or(member)));
            self.value(name, depth)?;
            self.path.pop();
            if !self.goes_on(b'}')? {
                break;
            }
        }
        match repeated || self.names.close(&scope).is_some() {
            true => Err(Rejected::at_byte(Rejection::DuplicateKey, self.at)),
            false => Ok(()),
        }
    }

    /// Behind an item: whether another follows.
    fn goes_on(&mut self, close: u8) -> Result<bool, Rejected> {
        self.skip();
        if self.take(close) {
            return Ok(false);
        }
        if !self.take(b',') {
            return Err(malformed(self.at));
        }
        self.skip();
        Ok(true)
    }

    fn skip(&mut self) {
        self.at = skip_space(self.input, self.at);
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.input.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }
}
