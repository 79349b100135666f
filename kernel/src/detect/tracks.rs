//! Magnetic stripes (ISO/IEC 7813), and authentication data that a member's name tells.

use super::name::Name;
use super::text::Text;
use super::Finding;
use crate::config::Class;
use crate::digits::digit_value;
use crate::iin::{issued, LONGEST, SHORTEST};

/// Cardholder names on track 1.
const NAME: std::ops::RangeInclusive<usize> = 2..=26;

/// A whole text under a name for it.
pub fn by_name(text: &Text, name: Name, found: &mut Vec<Finding>) {
    let marks = &text.marks;
    let digits = || marks.iter().filter(|mark| digit_value(**mark).is_some()).count();
    let all = |is: fn(&char) -> bool| marks.iter().all(is);
    let fits = match name {
        Name::Cvv => (3..=4).contains(&marks.len()) && digits() == marks.len(),
        Name::Pin if (4..=12).contains(&marks.len()) => digits() == marks.len(),
        Name::Pin => matches!(marks.len(), 16 | 32) && all(char::is_ascii_hexdigit),
        Name::Track => digits() >= SHORTEST,
        _ => false,
    };
    if fits {
        found.push(Finding::new(Class::Sad, 0, marks.len()));
    }
}

pub fn find(text: &Text, found: &mut Vec<Finding>) {
    let marks = &text.marks;
    let mut at = 0;
    while at < marks.len() {
        let end = match marks[at] {
            'B' => track1(marks, at),
            '0'..='9' | ';' => match track2(marks, at) {
                Ok(end) => Some(end),
                Err(behind) => {
                    at = behind;
                    continue;
                }
            },
            _ => None,
        };
        let Some(end) = end else {
            at += 1;
            continue;
        };
        let start = if marks[at] == 'B' && at > 0 && marks[at - 1] == '%' { at - 1 } else { at };
        found.push(Finding::new(Class::Sad, start, end));
        at = end;
    }
}

/// Where the track that begins at `start` ends; else behind the digits there.
fn track2(marks: &[char], start: usize) -> Result<usize, usize> {
    let from = start + usize::from(marks[start] == ';');
    let count = digits(&marks[from..]);
    let to = from + count;
    let behind = to.max(start + 1);
    if !(SHORTEST..=LONGEST).contains(&count) || !matches!(marks.get(to), Some('=' | 'D')) {
        return Err(behind);
    }
    if issued(&values(&marks[from..to])).is_none() {
        return Err(behind);
    }
    let mut end = to + 1 + service(&marks[to + 1..]).ok_or(behind)?;
    end += usize::from(marks.get(end) == Some(&'F'));
    end += usize::from(marks.get(end) == Some(&'?'));
    Ok(end)
}

fn track1(marks: &[char], start: usize) -> Option<usize> {
    let (mut at, mut number) = (start + 1, Vec::with_capacity(LONGEST));
    while number.len() <= LONGEST {
        match marks.get(at)? {
            digit @ '0'..='9' => number.push(*digit as u8 - b'0'),
            ' ' if matches!(marks.get(at + 1), Some('0'..='9')) => {}
            '^' => break,
            _ => return None,
        }
        at += 1;
    }
    issued(&number)?;
    let name = marks[at + 1..].iter().take(*NAME.end() + 1).position(|mark| *mark == '^')?;
    if !NAME.contains(&name) {
        return None;
    }
    let from = at + 1 + name + 1;
    let at = from + service(&marks[from..])?;
    let rest = marks[at..].iter().take_while(|mark| **mark != '?' && !mark.is_whitespace()).count();
    Some(at + rest + usize::from(marks.get(at + rest) == Some(&'?')))
}

/// Expiry, service code and what digits follow: how many, where they are that.
fn service(marks: &[char]) -> Option<usize> {
    let count = digits(marks);
    let month = values(marks.get(2..4)?).iter().fold(0, |month, digit| month * 10 + digit);
    (count >= 7 && (1..=12).contains(&month)).then_some(count)
}

fn digits(marks: &[char]) -> usize {
    marks.iter().take_while(|mark| mark.is_ascii_digit()).count()
}

fn values(marks: &[char]) -> Vec<u8> {
    marks.iter().map(|mark| mark.to_digit(10).unwrap_or(0) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(&Text::plain(text.as_bytes()), &mut found);
        found.iter().map(|each| &text[each.start..each.end]).collect()
    }

    #[test]
    fn both_tracks_are_found_whole() {
        let track2 = ";4111111111111111=27122011234567890?";
        assert_eq!(found(&format!("swiped {track2} ok")), [track2]);
        assert_eq!(found("4111111111111111D2712201123456789F"), ["4111111111111111D2712201123456789F"]);
        let track1 = "%B4111 1111 1111 1111^DOE/JOHN^2712201123400001?";
        assert_eq!(found(&format!("{track1}{track2}")), [track1, track2]);
    }

    #[test]
    fn what_only_resembles_a_track_is_none() {
        for text in [
            "4111111111111111=2713201",
            "4111111111111112=2712201",
            "4111111111111111=271220",
            "B4111111111111111^X^2712201",
            "B4111111111111111 DOE^2712201",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }
}
