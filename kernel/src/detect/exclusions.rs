//! What looks like a card number and is something else, unless it is raised.

use super::runs::{are_chunks, Group, Layout};
use super::text::Text;
use crate::iin::{issued, LONGEST};

/// A telephone number has at most so many digits (E.164).
const PHONE: usize = 15;
/// A float in decimal has at most so many.
const FLOAT: usize = 17;
const FRACTION_AFTER: usize = 6;

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

fn is_year(digits: &[u8]) -> bool {
    matches!(digits, [1, 9, _, _] | [2, 0, _, _])
}

fn is_date(digits: &[u8]) -> bool {
    let (month, day) = (digits[4] * 10 + digits[5], digits[6] * 10 + digits[7]);
    matches!(digits, [1, 9, ..] | [2, 0, ..]) && (1..=12).contains(&month) && day <= 31
}

impl Window<'_> {
    pub fn is_excluded(&self, shape: Layout) -> bool {
        let groups = &self.run[self.first..=self.last];
        match shape {
            Layout::Bare => is_other_number(self.digits) || self.is_fraction() || self.is_phone(),
            Layout::Odd => groups.len() < 3 || !self.gaps_are_alike() || self.is_decimal() || self.is_phone(),
            _ => self.is_decimal() || self.is_part_of_more() || self.is_phone(),
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

    /// Digits behind a decimal point.
    fn is_fraction(&self) -> bool {
        self.run.len() == 2 && self.first == 1 && self.gap(1) == ['.'] && self.run[0].size() <= FRACTION_AFTER
    }

    fn is_decimal(&self) -> bool {
        self.last == self.first + 1 && self.gap(self.last) == ['.'] && self.digits.len() <= FLOAT
    }

    /// Whether its chunks go on beside it, written alike, and what stands there is neither another card number nor a
    /// date.
    fn is_part_of_more(&self) -> bool {
        let window = &self.run[self.first..=self.last];
        if !are_chunks(window) {
            return false;
        }
        let size = window[0].size();
        let alike = |group: usize, gap: usize| {
            self.run.get(group).is_some_and(|group| group.size() == size) && self.gap(gap) == self.gap(self.first + 1)
        };
        let goes_back = self.first > 0 && alike(self.first - 1, self.first) && !self.is_behind_a_year();
        let ends_whole = window[window.len() - 1].size() == size;
        let goes_on = ends_whole && self.last + 1 < self.run.len() && alike(self.last + 1, self.last + 1);
        goes_back && !self.is_behind_a_card() || goes_on && !self.is_followed()
    }

    fn is_behind_a_year(&self) -> bool {
        is_year(self.slice(self.first - 1, self.first - 1))
    }

    fn slice(&self, first: usize, last: usize) -> &[u8] {
        let base = self.run[0].digits;
        &self.all[self.run[first].digits - base..self.run[last].digits + self.run[last].size() - base]
    }

    fn is_behind_a_card(&self) -> bool {
        let last = self.first - 1;
        let nearest = (0..=last).rev().map(|first| self.slice(first, last));
        nearest.take_while(|digits| digits.len() <= LONGEST).any(|digits| issued(digits).is_some())
    }

    fn is_followed(&self) -> bool {
        let first = self.last + 1;
        let month = |tens: u8, ones: u8| (1..=12).contains(&(tens * 10 + ones));
        if let [a, b, c, d] = *self.slice(first, first) {
            if month(a, b) || month(c, d) || is_year(&[a, b, c, d]) {
                return true;
            }
        }
        let next = (first..self.run.len()).map(|last| self.slice(first, last));
        next.take_while(|digits| digits.len() <= LONGEST).any(|digits| issued(digits).is_some())
    }
}
