//! Texts with characters written as something else: percent-encoding, HTML entities, escapes of code.

use super::name::Name;
use super::text::Text;
use super::{Finding, Reading};

const ENTITIES: [(&str, char); 15] = [
    ("nbsp;", '\u{a0}'),
    ("shy;", '\u{ad}'),
    ("ndash;", '\u{2013}'),
    ("mdash;", '\u{2014}'),
    ("thinsp;", '\u{2009}'),
    ("ensp;", '\u{2002}'),
    ("emsp;", '\u{2003}'),
    ("hyphen;", '\u{2010}'),
    ("period;", '.'),
    ("sol;", '/'),
    ("lowbar;", '_'),
    ("zwj;", '\u{200d}'),
    ("zwnj;", '\u{200c}'),
    ("amp;", '&'),
    ("quot;", '"'),
];

/// A character, and how many of the outer text it takes.
type Piece = (char, usize);

/// Adds what the text holds once decoded.
pub fn find(text: &Text, name: Name, reading: Reading, found: &mut Vec<Finding>) {
    for decode in [web as fn(&[char]) -> Option<Piece>, code] {
        let Some(inner) = undone(&text.marks, decode) else { continue };
        for mut each in super::find(&inner, name, reading) {
            (each.start, each.end) = (inner.spans[each.start].0, inner.spans[each.end - 1].1);
            found.push(each);
        }
    }
}

fn undone(marks: &[char], decode: fn(&[char]) -> Option<Piece>) -> Option<Text> {
    let start = |mark: &char| matches!(mark, '%' | '&' | '\\');
    let first = (0..marks.len()).find(|&at| start(&marks[at]) && decode(&marks[at..]).is_some())?;
    let mut inner = Text::with_capacity(marks.len());
    let mut at = 0;
    while at < marks.len() {
        let piece = if at >= first && start(&marks[at]) { decode(&marks[at..]) } else { None };
        let (mark, length) = piece.unwrap_or((marks[at], 1));
        inner.push(mark, length > 1, (at, at + length));
        at += length;
    }
    Some(inner)
}

fn web(marks: &[char]) -> Option<Piece> {
    match marks[0] {
        '%' => percent(marks),
        '&' => entity(&marks[1..]).map(|(mark, length)| (mark, length + 1)),
        _ => None,
    }
}

/// One character in UTF-8, each byte as %XX.
fn percent(marks: &[char]) -> Option<Piece> {
    let byte = |at: usize| match marks.get(at * 3..at * 3 + 3)? {
        ['%', high, low] => Some((high.to_digit(16)? << 4 | low.to_digit(16)?) as u8),
        _ => None,
    };
    let first = byte(0)?;
    let length = match first {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let bytes = (0..length).map(byte).collect::<Option<Vec<u8>>>()?;
    let mark = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some((mark, 3 * length))
}

fn entity(marks: &[char]) -> Option<Piece> {
    let (prefix, radix, most) = match marks {
        ['#', 'x' | 'X', ..] => (2, 16, 6),
        ['#', ..] => (1, 10, 7),
        _ => return named(marks),
    };
    let digits = marks[prefix..].iter().take(most).map_while(|mark| mark.to_digit(radix));
    let (count, code) = digits.fold((0, 0), |(count, code), digit| (count + 1, code * radix + digit));
    let mark = char::from_u32(code).filter(|_| count > 0)?;
    let end = prefix + count;
    Some((mark, end + usize::from(marks.get(end) == Some(&';'))))
}

fn named(marks: &[char]) -> Option<Piece> {
    let is =
        |name: &&(&str, char)| name.0.len() <= marks.len() && name.0.chars().eq(marks[..name.0.len()].iter().copied());
    ENTITIES.iter().find(is).map(|(name, mark)| (*mark, name.len()))
}

/// `\u0034`, `\x34`.
fn code(marks: &[char]) -> Option<Piece> {
    let count = match marks {
        ['\\', 'u', ..] => 4,
        ['\\', 'x', ..] => 2,
        _ => return None,
    };
    let digits = marks.get(2..2 + count)?;
    let code = digits.iter().try_fold(0, |code, digit| Some(code << 4 | digit.to_digit(16)?))?;
    char::from_u32(code).map(|mark| (mark, 2 + count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str, decode: fn(&[char]) -> Option<Piece>) -> Option<String> {
        let marks: Vec<char> = text.chars().collect();
        undone(&marks, decode).map(|text| text.marks.iter().collect())
    }

    #[test]
    fn characters_are_read_however_they_are_written() {
        assert_eq!(decoded("a%34%c2%A0x&#52;&#x35;&#54b&nbsp;", web).as_deref(), Some("a4\u{a0}x456b\u{a0}"));
        assert_eq!(decoded(r"a\u0034\x35", code).as_deref(), Some("a45"));
    }

    #[test]
    fn what_is_no_encoding_stays_and_hides_nothing_behind_it() {
        assert_eq!(decoded("100%&c&# %zz", web), None);
        assert_eq!(decoded("%ff%34%c3%34&x", web).as_deref(), Some("%ff4%c34&x"));
    }
}
