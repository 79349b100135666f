//! What stands around a number, and how it is written, make it more or less likely that it is a card's.

use super::name::Name;
use super::text::Text;
use super::words::{CARD, NUMBER, OTHER};
use crate::digits::{digit_value, is_invisible};

const BEFORE: usize = 48;
const AROUND_BEFORE: usize = 200;
const AROUND_BEHIND: usize = 60;
/// Letters and digits beside a number that a name may lower: more make it a sentence.
pub const BESIDE: usize = 8;
/// How far an identifier is looked at.
const IDENTIFIER: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Lowered,
    Neutral,
    Raised,
}

impl Level {
    pub fn of_name(name: Name) -> Self {
        match name {
            Name::Pan | Name::Raised => Level::Raised,
            Name::Lowered => Level::Lowered,
            _ => Level::Neutral,
        }
    }

    fn up(self) -> Self {
        if self == Level::Lowered {
            Level::Neutral
        } else {
            Level::Raised
        }
    }
}

/// Of a window, characters start..end.
pub fn level(text: &Text, start: usize, end: usize, name: Name) -> Level {
    let mut level = of_place(text, start, end, name);
    let odd = |at: usize| {
        let mark = text.marks[at];
        is_invisible(mark) || digit_value(mark).is_some() && (text.hidden[at] || !mark.is_ascii())
    };
    if (start..end).any(odd) {
        level = level.up();
    }
    match level {
        Level::Raised => level,
        _ if is_part_of_identifier(&text.marks, start, end) => Level::Lowered,
        _ => level,
    }
}

/// Whether letters are glued to it, and other digits to those.
fn is_part_of_identifier(marks: &[char], start: usize, end: usize) -> bool {
    let has_digit = |glued: &mut dyn Iterator<Item = &char>| {
        glued.take(IDENTIFIER).take_while(|mark| mark.is_ascii_alphanumeric()).any(char::is_ascii_digit)
    };
    has_digit(&mut marks[..start].iter().rev()) || has_digit(&mut marks[end..].iter())
}

/// What the words around a place tell, and else the name.
pub fn of_place(text: &Text, start: usize, end: usize, name: Name) -> Level {
    let words = text.words();
    let before = words.partition_point(|word| word.end <= start);
    let near = words[..before].iter().rev().take_while(|word| word.end + BEFORE >= start);
    if let Some(nearest) = near.clone().find(|word| word.kinds & NUMBER == 0) {
        if nearest.kinds & CARD != 0 {
            return Level::Raised;
        }
        // a word that has its own number says nothing of another
        let own = || text.marks[nearest.end..start].iter().any(|mark| digit_value(*mark).is_some());
        if nearest.kinds & OTHER != 0 && !own() {
            return Level::Lowered;
        }
    }
    let back = words[..before].iter().rev().take_while(|word| word.start + AROUND_BEFORE >= start);
    let behind = words[before..].iter().take_while(|word| word.end <= end + AROUND_BEHIND);
    if back.chain(behind).any(|word| word.kinds & CARD != 0) {
        return Level::Raised;
    }
    let level = Level::of_name(name);
    if level == Level::Lowered {
        let inside = text.marks[start..end].iter().filter(|mark| mark.is_alphanumeric()).count();
        if text.alphanumeric() - inside > BESIDE {
            return Level::Neutral;
        }
    }
    level
}
