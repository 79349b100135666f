//! Canonical JSON (RFC 8785) as pipeline.audit.canonical writes it, checked in one pass, and an event's own members.
//!
//! None also for some texts that are canonical, but that no event of Panlock is: a key with an escape, an integer of
//! more than 15 digits, 32 levels. Python looks at those.

const DEPTH: usize = 32;
const DIGITS: usize = 15;

/// The members that make an event, as they are written; None where one is missing.
#[derive(Default)]
pub struct Event<'a> {
    pub version: Option<&'a [u8]>,
    pub id: Option<&'a [u8]>,
    pub lane: Option<&'a [u8]>,
    pub seq: Option<&'a [u8]>,
    pub prev: Option<&'a [u8]>,
    pub kind: Option<&'a [u8]>,
    pub signed: bool,
}

/// The event in `text`; None unless all of it is one canonical object.
pub fn read(text: &[u8]) -> Option<Event<'_>> {
    simdutf8::basic::from_utf8(text).ok()?;
    let mut event = Event::default();
    let mut reader = Reader { text, at: 0 };
    reader.object(DEPTH, |key, value| match key {
        b"v" => event.version = Some(value),
        b"id" => event.id = Some(value),
        b"lane" => event.lane = Some(value),
        b"seq" => event.seq = Some(value),
        b"prev" => event.prev = Some(value),
        b"type" => event.kind = Some(value),
        b"signature" => event.signed = true,
        _ => {}
    })?;
    (reader.at == text.len()).then_some(event)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.object(depth.checked_sub(1)?, |_, _| {}),
            b'[' => self.array(depth.checked_sub(1)?),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.integer(),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    fn object(&mut self, depth: usize, mut member: impl FnMut(&'a [u8], &'a [u8])) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            return self.take(b'}');
        }
        let mut last: Option<&[u8]> = None;
        loop {
            let key = self.string()?;
            let plain = key.is_ascii() && !key.contains(&b'\\');
            if !plain || last.is_some_and(|last| last >= key) {
                return None;
            }
            last = Some(key);
            self.take(b':')?;
            let start = self.at;
            self.value(depth)?;
            member(key, &self.text[start..self.at]);
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.take(b'}'),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        if self.peek()? == b']' {
            return self.take(b']');
        }
        loop {
            self.value(depth)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.take(b']'),
            }
        }
    }

    /// What is between the quotes, with its escapes: the shortest ones, `\u00xx` for other control characters alone.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let rest = self.text.get(self.at..)?;
            self.at += rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')?;
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return self.text.get(start..self.at - 1);
                }
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.text.get(self.at + 1)? {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let control = match self.text.get(self.at + 2..self.at + 6)? {
                    [b'0', b'0', high @ b'0'..=b'1', low @ (b'0'..=b'9' | b'a'..=b'f')] => {
                        let low = if *low <= b'9' { low - b'0' } else { low - b'a' + 10 };
                        (high - b'0') * 16 + low
                    }
                    _ => return None,
                };
                if matches!(control, 8 | 9 | 10 | 12 | 13) {
                    return None;
                }
                self.at += 6;
            }
            _ => return None,
        }
        Some(())
    }

    fn integer(&mut self) -> Option<()> {
        let start = self.at;
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let rest = self.text.get(self.at..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let zero_first = rest.first() == Some(&b'0') && (digits > 1 || start < self.at);
        self.at += digits;
        ((1..=DIGITS).contains(&digits) && !zero_first).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_panlock_writes_is_canonical() {
        for text in [
            r#"{}"#,
            r#"{"a":{},"b":[],"c":[1,-2,0,true,false,null,"x"],"d":{"e":"é\"\\\n\u0001"}}"#,
            r#"{"v":1,"x":999999999999999}"#,
        ] {
            assert!(read(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn another_spelling_of_the_same_is_not() {
        for text in [
            "",
            "{",
            "[]",
            "1",
            r#"{} "#,
            r#" {}"#,
            r#"{"a":1 }"#,
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":01}"#,
            r#"{"a":-0}"#,
            r#"{"a":-}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e3}"#,
            r#"{"a":+1}"#,
            r#"{"a":tru}"#,
            r#"{"a":"\u000a"}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"\u001F"}"#,
            r#"{"a":"\/"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"x}"#,
            r#"{"é":1}"#,
        ] {
            assert!(read(text.as_bytes()).is_none(), "{text}");
        }
        assert!(read(b"{\"a\":\"\xff\"}").is_none());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
        assert!(read(deep.as_bytes()).is_none());
    }

    #[test]
    fn members_are_found_at_the_top_alone() {
        let event = read(br#"{"a":{"seq":9,"signature":1},"id":"3/41","seq":41,"type":"x","v":1}"#).unwrap();
        assert_eq!(event.seq, Some(&b"41"[..]));
        assert_eq!(event.id, Some(&br#""3/41""#[..]));
        assert!(!event.signed && event.prev.is_none());
    }
}
