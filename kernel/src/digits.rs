//! How a number is written: digits of any script, and what may stand between them.

use std::borrow::Cow;

/// The zeros of Unicode 14's decimal digits (category Nd): each is followed by one to nine. As
/// `[c for c in range(0x110000) if unicodedata.decimal(chr(c), None) == 0]` gives them.
const ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0,
    0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60,
    0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// Digits that are none of those (Numeric_Type=Digit): superscripts, subscripts, in circles, in brackets. First, last,
/// and what the first is worth; as `unicodedata.digit` gives them.
const FIGURES: [(u32, u32, u8); 21] = [
    (0xb2, 0xb3, 2),
    (0xb9, 0xb9, 1),
    (0x1369, 0x1371, 1),
    (0x19da, 0x19da, 1),
    (0x2070, 0x2070, 0),
    (0x2074, 0x2079, 4),
    (0x2080, 0x2089, 0),
    (0x2460, 0x2468, 1),
    (0x2474, 0x247c, 1),
    (0x2488, 0x2490, 1),
    (0x24ea, 0x24ea, 0),
    (0x24f5, 0x24fd, 1),
    (0x24ff, 0x24ff, 0),
    (0x2776, 0x277e, 1),
    (0x2780, 0x2788, 1),
    (0x278a, 0x2792, 1),
    (0x10a40, 0x10a43, 1),
    (0x10e60, 0x10e68, 1),
    (0x11052, 0x1105a, 1),
    (0x1f100, 0x1f100, 0),
    (0x1f101, 0x1f10a, 0),
];

/// What a digit of any script, or a figure, is worth.
pub fn digit_value(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.to_digit(10).map(|value| value as u8);
    }
    let code = u32::from(character);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
    if code - zero < 10 {
        return Some((code - zero) as u8);
    }
    let (first, last, value) = FIGURES[..FIGURES.partition_point(|(first, ..)| *first <= code)].last()?;
    (code <= *last).then(|| value + (code - first) as u8)
}

/// Whether people, or the programs between them, put this between the digits of one number.
pub fn is_separator(character: char) -> bool {
    matches!(character, ' ' | '-' | '.' | '/' | '_' | '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
        || matches!(character, '\u{b7}' | '\u{2043}' | '\u{2044}' | '\u{2215}' | '\u{ff0e}' | '\u{ff0f}' | '\u{ff3f}')
        || is_space(character)
        || is_dash(character)
        || is_invisible(character)
}

fn is_space(character: char) -> bool {
    matches!(character, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

fn is_dash(character: char) -> bool {
    matches!(
        character,
        '\u{58a}' | '\u{5be}' | '\u{1400}' | '\u{1806}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2212}'
                | '\u{2e3a}'
                | '\u{2e3b}'
                | '\u{fe31}'
                | '\u{fe32}'
                | '\u{fe58}'
                | '\u{fe63}'
                | '\u{ff0d}'
                // the sound mark that Japanese keyboards give for a hyphen
                | '\u{30fc}'
                | '\u{ff70}'
    )
}

/// Soft hyphen, zero-width characters, marks of direction, word joiner, byte-order mark.
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{3164}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// ASCII digits of a text that holds digits and separators alone, and at least one digit.
pub fn digits_of(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        return Some(Cow::Borrowed(text));
    }
    let mut digits = Vec::with_capacity(text.len());
    for character in std::str::from_utf8(text).ok()?.chars() {
        match digit_value(character) {
            Some(value) => digits.push(b'0' + value),
            None if is_separator(character) => {}
            None => return None,
        }
    }
    (!digits.is_empty()).then_some(Cow::Owned(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_have_their_value() {
        for (text, value) in [
            ("0", 0),
            ("9", 9),
            ("\u{665}", 5),
            ("\u{ff11}", 1),
            ("\u{1d7ff}", 9),
            ("\u{966}", 0),
            ("\u{b2}", 2),
            ("\u{2460}", 1),
            ("\u{24ff}", 0),
        ] {
            assert_eq!(digit_value(text.chars().next().unwrap()), Some(value), "{text}");
        }
        for text in ["a", "\u{66a}", "\u{bd}", "\u{2469}", "\u{65f}", "\u{4e00}", "\u{6b89}"] {
            assert_eq!(digit_value(text.chars().next().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_its_digits_do_not_overlap() {
        assert!(ZEROS.windows(2).all(|pair| pair[0] + 10 <= pair[1]));
        assert!(FIGURES.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for text in
            ["4111", "4 1-1.1", "41/1_1", "4\u{200b}1\u{ad}1\u{feff}1", "\u{ff14}\u{661}11", "4\u{2013}1\r\n11 "]
        {
            assert_eq!(*digits_of(text.as_bytes()).unwrap(), *b"4111", "{text:?}");
        }
        for text in ["", " ", "4111x", "+4111", "4,111"] {
            assert_eq!(digits_of(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(digits_of(b"41\xff11"), None);
    }
}
