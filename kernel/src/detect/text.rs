//! A text, read: its characters, where each stands in what is written, and its words.

use std::cell::OnceCell;

use super::words::{self, Word};
use crate::json;

/// Empty texts are of no use here.
pub struct Text {
    pub marks: Vec<char>,
    /// for each character, whether it is written as something else: an escape, an encoding
    pub hidden: Vec<bool>,
    /// for each character, from where to where it stands in the text around: bytes of the outermost, else characters
    pub spans: Vec<(usize, usize)>,
    words: OnceCell<Vec<Word>>,
    alphanumeric: OnceCell<usize>,
}

impl Text {
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            marks: Vec::with_capacity(capacity),
            hidden: Vec::with_capacity(capacity),
            spans: Vec::with_capacity(capacity),
            words: OnceCell::new(),
            alphanumeric: OnceCell::new(),
        }
    }

    pub fn push(&mut self, mark: char, hidden: bool, span: (usize, usize)) {
        self.marks.push(mark);
        self.hidden.push(hidden);
        self.spans.push(span);
    }

    /// Of bytes that need not be UTF-8: what is none reads as U+FFFD.
    pub fn plain(bytes: &[u8]) -> Self {
        let mut text = Self::with_capacity(bytes.len());
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            for mark in chunk.valid().chars() {
                text.push(mark, false, (at, at + mark.len_utf8()));
                at += mark.len_utf8();
            }
            if !chunk.invalid().is_empty() {
                text.push('\u{fffd}', false, (at, at + chunk.invalid().len()));
                at += chunk.invalid().len();
            }
        }
        text
    }

    /// Of what stands between the quotes of a well-formed JSON string.
    pub fn escaped(raw: &[u8]) -> Self {
        let mut text = Self::with_capacity(raw.len());
        json::characters(raw, |mark, from, to| {
            let hidden = raw[from] == b'\\' && raw[from + 1] == b'u';
            text.push(mark, hidden, (from, to));
        });
        text
    }

    pub fn words(&self) -> &[Word] {
        self.words.get_or_init(|| words::of_text(&self.marks))
    }

    /// How many letters and digits there are.
    pub fn alphanumeric(&self) -> usize {
        *self.alphanumeric.get_or_init(|| self.marks.iter().filter(|mark| mark.is_alphanumeric()).count())
    }
}
