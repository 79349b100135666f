//! What looks like a card number and is something else, unless it is raised.

use super::context::BESIDE;
use super::runs::{are_chunks, is_counted, Group, Layout};
use super::text::Text;
use crate::iin::{issued, LONGEST};

/// A telephone number has at most so many digits (E.164).
const PHONE: usize = 15;
/// A float in decimal has at most so many.
const FLOAT: usize = 17;
const FRACTION_AFTER: usize = 6;
/// Fewer digits than most cards have come about by chance where numbers stand in a row.
const SHORT: usize = 15;
/// A number in a row, rather than a day or a count.
const IN_A_ROW: usize = 3;

/// run[first..=last]; `all`: the digits of the run.
pub struct Window<'a> {
    pub text: &'a Text,
    pub run: &'a [Group],
    pub first: usize,
    pub last: usize,
    pub digits: &'a [u8],
    pub all: &'a [u8],
}

/// A bare number: EAN-13, German mobile telephone number, Chinese identity number.
pub fn is_other_number(digits: &[u8]) -> bool {
    match digits.len() {
        13 => is_ean13(digits) || matches!(digits, [4, 9, 1, 5..=7, ..]),
        18 => is_date(&digits[6..14]),
        _ => false,
    }
}

fn is_ean13(digits: &[u8]) -> bool {
    let weighted = digits.iter().enumerate().map(|(place, digit)| u32::from(*digit) * (1 + 2 * (place as u32 % 2)));
    weighted.sum::<u32>() % 10 == 0
}

pub fn is_year(digits: &[u8]) -> bool {
    matches!(digits, [1, 9, _, _] | [2, 0, _, _])
}

/// MMYY or YYMM of 2020 to 2039.
pub fn is_expiry(digits: &[u8]) -> bool {
    let [a, b, c, d] = *digits else { return false };
    let month = |tens: u8, ones: u8| (1..=12).contains(&(tens * 10 + ones));
    month(a, b) && matches!(c, 2 | 3) || matches!(a, 2 | 3) && month(c, d)
}

fn is_date(digits: &[u8]) -> bool {
    let (month, day) = (digits[4] * 10 + digits[5], digits[6] * 10 + digits[7]);
    matches!(digits, [1, 9, ..] | [2, 0, ..]) && (1..=12).contains(&month) && day <= 31
}

impl Window<'_> {
    pub fn is_excluded(&self, shape: Layout) -> bool {
        let groups = &self.run[self.first..=self.last];
        match shape {
            Layout::Bare => {
                is_other_number(self.digits) || self.is_among_others() || self.is_fraction() || self.is_phone()
            }
            Layout::Odd => groups.len() < 3 || !self.gaps_are_alike() || self.is_decimal() || self.is_phone(),
            Layout::Chunks | Layout::Printed => self.is_decimal() || self.is_part_of_more() || self.is_phone(),
        }
    }

    fn gap(&self, before: usize) -> &[char] {
        &self.text.marks[self.run[before - 1].end..self.run[before].start]
    }

    fn gaps_are_alike(&self) -> bool {
        (self.first + 1..=self.last).all(|at| self.gap(at) == self.gap(self.first + 1))
    }

    fn is_phone(&self) -> bool {
        let before = &self.text.marks[..self.run[self.first].start];
        let plus = before.ends_with(&['+']) || before.ends_with(&['+', ' ']) || before.ends_with(&['+', '(']);
        plus && self.all.len() <= PHONE
    }

    /// Visa's thirteen digits, which nobody has been given for decades, in a text that has more to say.
    fn is_among_others(&self) -> bool {
        self.digits.len() == 13 && self.digits[0] == 4 && self.text.alphanumeric() - self.digits.len() > BESIDE
    }

    /// Digits behind a decimal point: not those of a date or a version.
    fn is_fraction(&self) -> bool {
        let dot = |before: usize| self.gap(before) == ['.'];
        let first = self.first;
        first > 0 && dot(first) && self.run[first - 1].size() <= FRACTION_AFTER && (first == 1 || !dot(first - 1))
    }

    fn is_decimal(&self) -> bool {
        self.last == self.first + 1 && self.gap(self.last) == ['.'] && self.digits.len() <= FLOAT
    }

    /// Whether numbers go on beside it, written alike, and what stands there is neither another card number nor a
    /// date.
    fn is_part_of_more(&self) -> bool {
        let goes_back = self.first > 0 && self.is_alike(self.first - 1, self.first);
        let goes_on = self.last + 1 < self.run.len() && self.is_alike(self.last + 1, self.last + 1);
        goes_back && !self.is_led() || goes_on && !self.is_followed()
    }

    /// Of a group beside the window: a chunk more, or, beside few digits, any number.
    fn is_alike(&self, group: usize, gap: usize) -> bool {
        let window = &self.run[self.first..=self.last];
        let (size, last, beside) = (window[0].size(), window[window.len() - 1].size(), self.run[group].size());
        let chunk = are_chunks(window) && beside == size && (group < self.first || last == size);
        let ends = group == self.run.len() - 1 && matches!(beside, 3 | 4); // a verification code
        let row = self.digits.len() <= SHORT && beside >= IN_A_ROW && !(group > self.last && ends);
        (chunk || row) && self.gap(gap) == self.gap(self.first + 1)
    }

    fn slice(&self, first: usize, last: usize) -> &[u8] {
        let base = self.run[0].digits;
        &self.all[self.run[first].digits - base..self.run[last].digits + self.run[last].size() - base]
    }

    fn is_led(&self) -> bool {
        let last = self.first - 1;
        let nearest = (0..=last).rev().map(|first| self.slice(first, last));
        is_year(self.slice(last, last)) || last == 0 && is_counted(self.text, self.run) || holds_card(nearest)
    }

    fn is_followed(&self) -> bool {
        let first = self.last + 1;
        let group = self.slice(first, first);
        let next = (first..self.run.len()).map(|last| self.slice(first, last));
        is_year(group) || is_expiry(group) || holds_card(next)
    }
}

/// Of windows that grow.
fn holds_card<'a>(windows: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut short = windows.take_while(|digits| digits.len() <= LONGEST);
    short.any(|digits| issued(digits).is_some_and(|known| known.strong))
}
