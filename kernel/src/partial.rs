//! What `partial` shows of a card number: at most what PCI DSS 3.4.1 and FAQ 1091 allow for its length, and one form
//! for a whole policy, for two would complete each other.

use crate::config::Truncation;

const LAST: usize = 4;
/// Below this, first six and last four would leave fewer than five digits out: last four only.
const LONG: usize = 15;
/// The only length of which FAQ 1091 lets eight and four be shown.
const EIGHT_FOUR: usize = 16;
pub const SHORTEST: usize = 12;

impl Truncation {
    /// How many digits are shown in front, of a number of so many.
    fn first(self, length: usize) -> usize {
        match self {
            Truncation::Eight if length == EIGHT_FOUR => 8,
            Truncation::Six | Truncation::Eight if length >= LONG => 6,
            _ => 0,
        }
    }

    /// `digits` in ASCII, at least twelve.
    pub fn show(self, digits: &[u8]) -> String {
        let first = self.first(digits.len());
        let last = digits.len() - LAST;
        let shown = |(index, digit): (usize, &u8)| match index < first || index >= last {
            true => char::from(*digit),
            false => '*',
        };
        digits.iter().enumerate().map(shown).collect()
    }

    /// Whether `text` is in the form that `show` gives.
    pub fn is_shown(self, text: &[u8]) -> bool {
        let length = text.len();
        let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        length >= SHORTEST && {
            let (first, last) = (self.first(length), length - LAST);
            digits(&text[..first]) && text[first..last].iter().all(|&c| c == b'*') && digits(&text[last..])
        }
    }

    /// A part of a card number, a BIN or the last four digits, held to what `show` would leave of the whole. None for
    /// what is no such part.
    pub fn show_part(self, digits: &[u8]) -> Option<String> {
        let first = if self == Truncation::Eight { 8 } else { 6 };
        let text = |digits: &[u8]| digits.iter().map(|&digit| char::from(digit)).collect::<String>();
        match digits.len() {
            1..=LAST => Some(text(digits)),
            6..SHORTEST if self != Truncation::Last => {
                let shown = first.min(digits.len());
                Some(text(&digits[..shown]) + &"*".repeat(digits.len() - shown))
            }
            SHORTEST.. => Some(self.show(digits)),
            _ => None,
        }
    }

    /// Whether `text` is in a form that `show_part` gives and leaves as it is.
    pub fn is_shown_part(self, text: &[u8]) -> bool {
        let stars = text.iter().rev().take_while(|&&c| c == b'*').count();
        let digits = &text[..text.len() - stars];
        let plain = digits.iter().all(u8::is_ascii_digit)
            && self.show_part(&[digits, &b"0".repeat(stars)].concat()).is_some_and(|shown| shown.as_bytes() == text);
        plain || self.is_shown(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_shown_than_pci_dss_allows_for_the_length() {
        let six = Truncation::Six;
        assert_eq!(six.show(b"4111111111111111"), "411111******1111");
        assert_eq!(six.show(b"4111111111111111110"), "411111*********1110");
        assert_eq!(six.show(b"378282246310005"), "378282*****0005");
        assert_eq!(six.show(b"30569309025904"), "**********5904");
        assert_eq!(six.show(b"501800000009"), "********0009");
        let eight = Truncation::Eight;
        assert_eq!(eight.show(b"4111111111111111"), "41111111****1111");
        assert_eq!(eight.show(b"4111111111111111110"), "411111*********1110");
        assert_eq!(eight.show(b"378282246310005"), "378282*****0005");
        assert_eq!(Truncation::Last.show(b"4111111111111111"), "************1111");
    }

    #[test]
    fn a_part_is_held_to_what_the_whole_would_show() {
        let six = Truncation::Six;
        assert_eq!(six.show_part(b"1111").unwrap(), "1111");
        assert_eq!(six.show_part(b"411111").unwrap(), "411111");
        assert_eq!(six.show_part(b"41111111").unwrap(), "411111**");
        assert_eq!(six.show_part(b"41111"), None);
        assert_eq!(six.show_part(b"4111111111111111").unwrap(), "411111******1111");
        assert_eq!(Truncation::Eight.show_part(b"411111111").unwrap(), "41111111*");
        assert_eq!(Truncation::Last.show_part(b"411111"), None);
    }

    #[test]
    fn what_is_shown_is_recognised_and_nothing_that_shows_more() {
        for truncation in [Truncation::Six, Truncation::Eight, Truncation::Last] {
            for length in 1..=19 {
                let digits = b"4111111111111111111"[..length].to_vec();
                if length >= SHORTEST {
                    assert!(truncation.is_shown(truncation.show(&digits).as_bytes()));
                    assert!(!truncation.is_shown(&digits));
                }
                if let Some(part) = truncation.show_part(&digits) {
                    assert!(truncation.is_shown_part(part.as_bytes()), "{part}");
                }
            }
        }
        assert!(!Truncation::Six.is_shown(b"41111111****1111"));
        assert!(!Truncation::Six.is_shown_part(b"41111111"));
        assert!(!Truncation::Six.is_shown_part(b"41111111********"));
        assert!(!Truncation::Six.is_shown_part(b""));
    }
}
