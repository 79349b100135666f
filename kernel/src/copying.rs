//! The least that a masker of JSON does: read a value as strictly as enforcement does, and copy it. The yardstick of
//! bench/kernel.py. A reader of its own: the others carry names and paths for what they look for, which would flatter.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::{self, malformed, number, skip_space, string};
use crate::members::MemberNames;
use crate::names;
use crate::outcome::{Rejected, Rejection};

/// As deep as the walk of enforcement goes.
const DEEPEST: usize = 64;

/// Copies `value`, which is one JSON value and nothing more, behind what is in `out`, and gives its place there.
pub fn parse_and_copy(value: &[u8], out: &mut Vec<u8>) -> Result<Range<usize>, Rejected> {
    if let Err(error) = simdutf8::compat::from_utf8(value) {
        return Err(Rejected::at_byte(Rejection::InvalidUtf8, error.valid_up_to()));
    }
    let mut reader = Reader { input: value, names: MemberNames::new() };
    let end = reader.value(skip_space(value, 0), 0)?;
    let end = skip_space(value, end);
    if end < value.len() {
        return Err(Rejected::at_byte(Rejection::TrailingBytes, end));
    }
    out.extend_from_slice(value);
    Ok(out.len() - value.len()..out.len())
}

struct Reader<'a> {
    input: &'a [u8],
    names: MemberNames<'a>,
}

impl<'a> Reader<'a> {
    /// Where the value at `at` ends.
    fn value(&mut self, at: usize, depth: usize) -> Result<usize, Rejected> {
        let input = self.input;
        let literal =
            |word: &[u8]| if input[at..].starts_with(word) { Ok(at + word.len()) } else { Err(malformed(at)) };
        match input.get(at) {
            Some(b'{' | b'[') if depth == DEEPEST => Err(Rejected::at_byte(Rejection::TooDeep, at)),
            Some(b'{') => self.object(skip_space(input, at + 1), depth + 1),
            Some(b'[') => self.array(skip_space(input, at + 1), depth + 1),
            Some(b'"') => Ok(string(input, at)?.to + 1),
            Some(b'-' | b'0'..=b'9') => Ok(number(input, at)?.to),
            Some(b't') => literal(b"true"),
            Some(b'f') => literal(b"false"),
            Some(b'n') => literal(b"null"),
            _ => Err(malformed(at)),
        }
    }

    fn array(&mut self, mut at: usize, depth: usize) -> Result<usize, Rejected> {
        if self.input.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
        loop {
            at = skip_space(self.input, self.value(at, depth)?);
            match self.input.get(at) {
                Some(b']') => return Ok(at + 1),
                Some(b',') => at = skip_space(self.input, at + 1),
                _ => return Err(malformed(at)),
            }
        }
    }

    fn object(&mut self, mut at: usize, depth: usize) -> Result<usize, Rejected> {
        if self.input.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        let repeated = || Rejected { reason: Rejection::DuplicateKey, place: "$".into() };
        let mut scope = self.names.open();
        loop {
            if self.input.get(at) != Some(&b'"') {
                return Err(malformed(at));
            }
            let token = string(self.input, at)?;
            let raw = &self.input[token.from..token.to];
            let name = if token.escaped { Cow::Owned(json::unescape(raw)) } else { Cow::Borrowed(raw) };
            if self.names.add(&mut scope, names::hash(&name), name) {
                return Err(repeated());
            }
            let colon = skip_space(self.input, token.to + 1);
            if self.input.get(colon) != Some(&b':') {
                return Err(malformed(colon));
            }
            at = skip_space(self.input, self.value(skip_space(self.input, colon + 1), depth)?);
            match self.input.get(at) {
                Some(b'}') => break,
                Some(b',') => at = skip_space(self.input, at + 1),
                _ => return Err(malformed(at)),
            }
        }
        self.names.close(&scope).map_or(Ok(at + 1), |_| Err(repeated()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(value: &[u8]) -> Result<Vec<u8>, Rejected> {
        let mut out = b"before".to_vec();
        parse_and_copy(value, &mut out).map(|place| out[place].to_vec())
    }

    #[test]
    fn well_formed_values_come_out_as_they_are() {
        for text in [r#"{"a":[1,-2.5e3,"x\"y",true],"b":{},"c":[ ]}"#, "null", " [ { \"a\" : 1 } ] "] {
            assert_eq!(copy(text.as_bytes()).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn anything_else_is_refused_where_it_goes_wrong() {
        for (text, place) in [("{\"a\" 1}", 5), ("[1,]", 3), ("{,}", 1), ("[1 2]", 3), ("tru", 0), ("", 0)] {
            assert_eq!(copy(text.as_bytes()).unwrap_err(), malformed(place), "{text}");
        }
        assert_eq!(copy(b"1 1").unwrap_err().reason, Rejection::TrailingBytes);
        assert_eq!(copy(br#"{"a":1,"a":2}"#).unwrap_err().reason, Rejection::DuplicateKey);
        assert_eq!(copy("[".repeat(65).as_bytes()).unwrap_err().reason, Rejection::TooDeep);
    }
}
