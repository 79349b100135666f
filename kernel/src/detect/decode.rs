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
    for inner in [undone(&text.marks, web), undone(&text.marks, code), mail(&text.marks)].into_iter().flatten() {
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

/// Quoted-printable (RFC 2045): =XX, at least two in a row, for a sign alone means much else; and soft line breaks,
/// which are nothing.
fn mail(marks: &[char]) -> Option<Text> {
    let first = marks.iter().position(|mark| *mark == '=')?;
    let mut inner = Text::with_capacity(marks.len());
    let (mut at, mut changed) = (first, false);
    (0..first).for_each(|at| inner.push(marks[at], false, (at, at + 1)));
    while at < marks.len() {
        let rest = &marks[at..];
        let escapes = rest.chunks(3).map_while(quoted);
        let (count, length) = match rest {
            ['=', '\r', '\n', ..] => (0, 3),
            ['=', '\n', ..] => (0, 2),
            _ => (escapes.clone().count(), 1),
        };
        changed |= count != 1 && length + count > 1;
        if count > 1 {
            escapes.enumerate().for_each(|(place, mark)| inner.push(mark, true, (at + 3 * place, at + 3 * place + 3)));
            at += 3 * count;
            continue;
        }
        if length == 1 {
            inner.push(marks[at], false, (at, at + 1));
        }
        at += length;
    }
    changed.then_some(inner)
}

fn quoted(marks: &[char]) -> Option<char> {
    let ['=', high, low] = marks else { return None };
    let mark = char::from_u32(high.to_digit(16)? << 4 | low.to_digit(16)?)?;
    mark.is_ascii().then_some(mark)
}

/// One character in UTF-8, each byte as %XX; or one as %uXXXX.
fn percent(marks: &[char]) -> Option<Piece> {
    if let ['%', 'u', rest @ ..] = marks {
        return hexadecimal(rest, 4).map(|mark| (mark, 6));
    }
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

/// `\u0034`, `\u{34}`, `\x34`, `\064`, `\n`.
fn code(marks: &[char]) -> Option<Piece> {
    match marks {
        ['\\', 'u', '{', rest @ ..] => {
            let count = rest.iter().take(6).take_while(|mark| mark.is_ascii_hexdigit()).count();
            let mark = hexadecimal(rest, count).filter(|_| count > 0 && rest.get(count) == Some(&'}'))?;
            Some((mark, count + 4))
        }
        ['\\', 'u', rest @ ..] => hexadecimal(rest, 4).map(|mark| (mark, 6)),
        ['\\', 'x', rest @ ..] => hexadecimal(rest, 2).map(|mark| (mark, 4)),
        ['\\', 'n', ..] => Some(('\n', 2)),
        ['\\', 'r', ..] => Some(('\r', 2)),
        ['\\', 't', ..] => Some(('\t', 2)),
        ['\\', high @ '0'..='3', middle, low, ..] => {
            let code = high.to_digit(8)? << 6 | middle.to_digit(8)? << 3 | low.to_digit(8)?;
            char::from_u32(code).map(|mark| (mark, 4))
        }
        _ => None,
    }
}

fn hexadecimal(marks: &[char], count: usize) -> Option<char> {
    let code = marks.get(..count)?.iter().try_fold(0, |code, digit| Some(code << 4 | digit.to_digit(16)?))?;
    char::from_u32(code)
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
        assert_eq!(decoded("%u0034%u00a0", web).as_deref(), Some("4\u{a0}"));
        assert_eq!(decoded(r"a\u0034\x35\u{36}\067\n\d", code).as_deref(), Some("a4567\n\\d"));
    }

    #[test]
    fn quoted_printable_is_read_where_it_is_certain() {
        let read =
            |text: &str| mail(&text.chars().collect::<Vec<_>>()).map(|text| text.marks.iter().collect::<String>());
        assert_eq!(read("a=34=3d4=\r\n5=\n6=41").as_deref(), Some("a4=456=41"));
        assert_eq!(read("n=4111&m=41"), None);
    }

    #[test]
    fn what_is_no_encoding_stays_and_hides_nothing_behind_it() {
        assert_eq!(decoded("100%&c&# %zz", web), None);
        assert_eq!(decoded("%ff%34%c3%34&x", web).as_deref(), Some("%ff4%c34&x"));
    }
}
