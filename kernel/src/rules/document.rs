//! JSON as CEL sees it. The input is JSON that masking has read before; what is not gives None, never a panic.

use std::collections::HashMap;

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::Val;

use super::wanted::Wanted;
use crate::json::{self, skip_space};

pub type Members<'v> = HashMap<CelMapKey<'v>, Box<dyn Val + 'v>>;

/// A whole document, or of the object that it is only the wanted members.
pub fn read<'v>(input: &'v str, wanted: &Wanted) -> Option<Box<dyn Val + 'v>> {
    let mut reader = Reader { input, at: skip_space(input.as_bytes(), 0), depth: 0 };
    match wanted {
        Wanted::Members(names) if reader.peek() == Some(b'{') => {
            reader.object(&|name| names.iter().any(|wanted| wanted == name))
        }
        _ => reader.value(),
    }
}

/// Masking has refused deeper documents. The reader recurses: this bounds its stack whatever it is given.
const DEEPEST: usize = 64;

struct Reader<'v> {
    input: &'v str,
    at: usize,
    depth: usize,
}

impl<'v> Reader<'v> {
    fn peek(&self) -> Option<u8> {
        self.input.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        self.at = skip_space(self.input.as_bytes(), self.at);
    }

    fn value(&mut self) -> Option<Box<dyn Val + 'v>> {
        match self.peek()? {
            b'{' | b'[' if self.depth == DEEPEST => None,
            b'{' => self.object(&|_| true),
            b'[' => self.array(),
            b'"' => Some(Box::new(self.string()?)),
            b't' => self.literal(4, CelBool::from(true)),
            b'f' => self.literal(5, CelBool::from(false)),
            b'n' => self.literal(4, CelNull),
            _ => self.number(),
        }
    }

    fn literal(&mut self, length: usize, value: impl Val + 'static) -> Option<Box<dyn Val + 'v>> {
        self.at += length;
        Some(Box::new(value))
    }

    fn string(&mut self) -> Option<CelString<'v>> {
        let token = json::string(self.input.as_bytes(), self.at).ok()?;
        self.at = token.to + 1;
        let raw: &'v str = self.input.get(token.from..token.to)?;
        if token.escaped {
            return Some(CelString::from(String::from_utf8(json::unescape(raw.as_bytes())).ok()?));
        }
        Some(CelString::from(raw))
    }

    /// An integer within 64 bits is an int; any other number is a double.
    fn number(&mut self) -> Option<Box<dyn Val + 'v>> {
        let token = json::number(self.input.as_bytes(), self.at).ok()?;
        self.at = token.to;
        let text = self.input.get(token.from..token.to)?;
        if let Ok(integer) = text.parse::<i64>() {
            return Some(Box::new(CelInt::from(integer)));
        }
        Some(Box::new(CelDouble::from(text.parse::<f64>().ok()?)))
    }

    fn array(&mut self) -> Option<Box<dyn Val + 'v>> {
        let mut items: Vec<Box<dyn Val + 'v>> = Vec::new();
        self.depth += 1;
        self.at += 1;
        self.space();
        while self.peek()? != b']' {
            items.push(self.value()?);
            self.comma();
        }
        self.at += 1;
        self.depth -= 1;
        Some(Box::new(CelList::from(items)))
    }

    fn object(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Box<dyn Val + 'v>> {
        let mut members = Members::new();
        self.depth += 1;
        self.at += 1;
        self.space();
        while self.peek()? != b'}' {
            let name = self.string()?;
            self.space();
            self.at += 1;
            self.space();
            if wanted(name.inner()) {
                let value = self.value()?;
                members.insert(CelMapKey::String(name), value);
            } else {
                self.skip()?;
            }
            self.comma();
        }
        self.at += 1;
        self.depth -= 1;
        Some(Box::new(CelMap::from(members)))
    }

    fn comma(&mut self) {
        self.space();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.space();
        }
    }

    /// Passes over a value.
    fn skip(&mut self) -> Option<()> {
        let mut open = 0;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    open -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            // a number or literal ends where a structural byte follows
            if open == 0 && matches!(self.peek(), None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')) {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += memchr::memchr2(b'"', b'\\', self.input.as_bytes().get(self.at..)?)?;
            if self.peek()? == b'"' {
                self.at += 1;
                return Some(());
            }
            self.at += 2;
        }
    }
}
