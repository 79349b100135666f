//! EMV card data: BER-TLV (ISO/IEC 8825-1) in hexadecimal.

use super::blobs::{hexadecimal, tokens};
use super::text::Text;
use super::Finding;
use crate::config::Class;
use crate::iin::{issued, LONGEST, SHORTEST};

/// Hexadecimal digits.
const SHORTEST_DATA: usize = 16;
/// Constructed objects in each other.
const DEPTH: usize = 8;

pub fn find(text: &Text, found: &mut Vec<Finding>) {
    for token in tokens(&text.marks, SHORTEST_DATA) {
        let Some(data) = hexadecimal(&text.marks[token.clone()]) else { continue };
        let mut seen = Seen::default();
        if seen.read(&data, DEPTH).is_some() && seen.is_card_data() {
            found.push(Finding::new(Class::Sad, token.start, token.end));
        }
    }
}

/// Whether so many hexadecimal digits are objects one behind the other, to the last; `byte`: the one written at a place.
pub fn is_sequence(digits: usize, byte: impl Fn(usize) -> Option<u8>) -> bool {
    let mut at = 0;
    let next = |at: &mut usize| {
        let value = if *at + 2 <= digits { byte(*at) } else { None };
        *at += 2;
        value
    };
    while at < digits {
        let Some(mut tag) = next(&mut at) else { return false };
        if tag & 0x1f == 0x1f {
            tag = 0x80;
            while tag & 0x80 != 0 {
                match next(&mut at) {
                    Some(more) => tag = more,
                    None => return false,
                }
            }
        }
        let length = match next(&mut at) {
            Some(short @ 0..=0x7f) => usize::from(short),
            Some(0x81) => next(&mut at).map_or(usize::MAX / 4, usize::from),
            Some(0x82) => {
                let (high, low) = (next(&mut at), next(&mut at));
                high.zip(low).map_or(usize::MAX / 4, |(high, low)| usize::from(high) << 8 | usize::from(low))
            }
            _ => return false,
        };
        at = at.saturating_add(2 * length);
    }
    at == digits
}

#[derive(Default)]
struct Seen {
    track2: bool,
    /// track 1, or discretionary data of a track
    track: bool,
    /// data of a card beside it
    card: bool,
    number: bool,
}

impl Seen {
    fn is_card_data(&self) -> bool {
        self.track2 || self.number || self.track && self.card
    }

    /// None where `data` is no TLV to its last byte.
    fn read(&mut self, mut data: &[u8], depth: usize) -> Option<()> {
        while let Some(&first) = data.first() {
            let more = if first & 0x1f == 0x1f {
                1 + data[1..].iter().take_while(|byte| **byte & 0x80 != 0).count()
            } else {
                0
            };
            let tag = data.get(..1 + more).filter(|tag| tag.len() <= 3)?;
            let (length, rest) = length(&data[tag.len()..])?;
            let (value, behind) = rest.split_at_checked(length)?;
            self.add(tag, value);
            if first & 0x20 != 0 {
                self.read(value, depth.checked_sub(1)?)?;
            }
            data = behind;
        }
        Some(())
    }

    fn add(&mut self, tag: &[u8], value: &[u8]) {
        let nibbles = || value.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = || -> Vec<u8> { nibbles().take_while(|nibble| *nibble < 10).take(LONGEST + 1).collect() };
        match tag {
            [0x57] | [0x9f, 0x6b] => {
                let count = digits().len();
                let behind = nibbles().skip(count + 1).take_while(|nibble| *nibble < 10).count();
                self.track2 |= (SHORTEST..=LONGEST).contains(&count) && nibbles().nth(count) == Some(13) && behind >= 7;
                self.card |= tag == [0x57];
            }
            [0x5a] => {
                let padded = nibbles().skip_while(|nibble| *nibble < 10).all(|nibble| nibble == 15);
                self.number |= padded && issued(&digits()).is_some();
                self.card = true;
            }
            [0x5f, 0x24..=0x34] => self.card = true,
            [0x56] | [0x9f, 0x1f | 0x20] => self.track = true,
            _ => {}
        }
    }
}

/// In the short form, or of one or two bytes.
fn length(data: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = data.split_first()?;
    match first {
        0..=0x7f => Some((usize::from(first), rest)),
        0x81 => rest.split_first().map(|(&length, rest)| (usize::from(length), rest)),
        0x82 => rest.split_first_chunk().map(|(&[high, low], rest)| (usize::from(high) << 8 | usize::from(low), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(text: &str) -> bool {
        let mut found = Vec::new();
        find(&Text::plain(text.as_bytes()), &mut found);
        found.len() == 1
    }

    fn may_be(text: &str) -> bool {
        is_sequence(text.len(), |at| u8::from_str_radix(&text[at..at + 2], 16).ok())
    }

    #[test]
    fn most_hashes_are_no_sequence_of_objects() {
        for text in
            ["3f786850e387550fdab836ed7e6dc881de23001b", "4bf92f3577b34da6a3ce929d0e0e4736", "9f", "9f81", "5a81"]
        {
            assert!(!may_be(text), "{text}");
        }
    }

    #[test]
    fn card_data_is_found_by_its_tags() {
        for text in [
            "57114111111111111111D27122011234567890",
            "70145A0841111111111111115F24032712315F340101",
            "9F1F0531323334355F24032712315F340101",
        ] {
            assert!(is_found(text), "{text}");
            assert!(may_be(text), "{text}");
        }
    }

    #[test]
    fn other_data_is_not() {
        for text in ["9F02060000000012349F3602001A", "57114111111111111111D271220112345678", "ffffffffffffffffffff"] {
            assert!(!is_found(text), "{text}");
        }
    }
}
