//! Card numbers whose groups have the same marks between them each time: commas, bars, quotes.

use std::ops::Range;

use super::context::{level, Level};
use super::exclusions::{is_expiry, is_year};
use super::name::Name;
use super::pans::pan;
use super::runs::{Group, Runs};
use super::text::Text;
use super::words;
use super::Finding;
use crate::digits::{is_invisible, is_separator};
use crate::iin::{issued, SHORTEST};

/// How cards print their numbers in three groups or more: those of most groups first.
const PRINTED: [&[usize]; 13] = [
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4],
    &[4, 4, 4, 5],
    &[4, 4, 4, 3],
    &[4, 3, 3, 3],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 5, 6],
    &[4, 4, 5],
    &[4, 4, 4],
    &[6, 6, 4],
];
/// Digits that are enough without a word.
const ENOUGH: usize = 14;
/// Characters of a gap.
pub const GAP: usize = 4;
/// A neighbour of fewer digits is a day, a count or a year of a card.
const IN_A_ROW: usize = 3;

/// Adds those in what `found` leaves. `tokens`: what masking left.
pub fn find(text: &Text, name: Name, raised: bool, all: &Runs, tokens: &[Range<usize>], found: &mut Vec<Finding>) {
    if all.digits.len() < SHORTEST || all.runs.len() < 3 {
        return;
    }
    let groups: Vec<Group> = all.runs.iter().flatten().copied().collect();
    let search = Search { text, name, raised, digits: &all.digits };
    let mut taken = Vec::new();
    let mut first = 0;
    while first < groups.len() {
        let chain = &groups[first..first + length(text, &groups[first..])];
        let mut at = 0;
        while at < chain.len() {
            let window = search.window(chain, at).filter(|(_, each)| !words::is_inside(tokens, each.start));
            at += match window {
                Some((groups, each)) if !is_taken(&mut taken, text.marks.len(), found, &each) => {
                    taken[each.start..each.end].fill(true);
                    found.push(each);
                    groups
                }
                _ => 1,
            };
        }
        first += (chain.len() - 1).max(1); // its last group may begin another
    }
}

/// Whether another finding covers some of it. `taken`: for each character of the text, once there is anything.
fn is_taken(taken: &mut Vec<bool>, length: usize, found: &[Finding], each: &Finding) -> bool {
    if taken.is_empty() {
        taken.resize(length, false);
        found.iter().for_each(|other| taken[other.start..other.end].fill(true));
    }
    taken[each.start..each.end].contains(&true)
}

/// How many of the groups, from the first on, have the same marks between them.
fn length(text: &Text, groups: &[Group]) -> usize {
    let gap = |at: usize| &text.marks[groups[at].end..groups[at + 1].start];
    if groups.len() < 2 || !is_gap(gap(0)) {
        return 1;
    }
    1 + (0..groups.len() - 1).take_while(|at| gap(*at) == gap(0)).count()
}

/// One to four characters, none a letter or a digit, that do not belong to a run anyway.
fn is_gap(marks: &[char]) -> bool {
    marks.len() <= GAP
        && !marks.iter().any(|mark| mark.is_alphanumeric())
        && marks.iter().any(|mark| !is_separator(*mark) && !is_invisible(*mark))
}

struct Search<'a> {
    text: &'a Text,
    name: Name,
    raised: bool,
    /// the text's
    digits: &'a [u8],
}

impl Search<'_> {
    /// The longest card number that begins with chain[first], and how many groups it has.
    fn window(&self, chain: &[Group], first: usize) -> Option<(usize, Finding)> {
        PRINTED.iter().find_map(|sizes| {
            let window = chain.get(first..first + sizes.len())?;
            if !window.iter().map(Group::size).eq(sizes.iter().copied()) {
                return None;
            }
            let (start, end) = (window[0].start, window[window.len() - 1].end);
            let digits = &self.digits[window[0].digits..][..sizes.iter().sum()];
            let known = issued(digits)?;
            let level = if self.raised { Level::Raised } else { level(self.text, start, end, self.name) };
            let counts = match level {
                Level::Raised => true,
                Level::Neutral => {
                    known.strong && digits.len() >= ENOUGH && !self.goes_on(chain, first, first + sizes.len())
                }
                Level::Lowered => false,
            };
            counts.then(|| (sizes.len(), pan(start, end, Some(known), digits)))
        })
    }

    /// Whether numbers that are no date stand beside chain[first..end].
    fn goes_on(&self, chain: &[Group], first: usize, end: usize) -> bool {
        let of = |group: &Group| &self.digits[group.digits..group.digits + group.size()];
        let number = |at: usize| chain.get(at).filter(|group| group.size() >= IN_A_ROW).map(of);
        let before = first.checked_sub(1).and_then(number);
        let behind = number(end);
        before.is_some_and(|group| !is_year(group)) || behind.is_some_and(|group| !is_year(group) && !is_expiry(group))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{find as all, Reading};
    use super::*;

    #[test]
    fn groups_with_the_same_marks_between_them_are_a_number() {
        let found = |text: &str| all(&Text::plain(text.as_bytes()), Name::Neutral, Reading::new(true)).len();
        for gap in [",", ";", " | ", "\u{2022}", "\", \"", "*", "+", ":"] {
            let groups = ["4111", "1111", "1111", "1111"];
            assert_eq!(found(&groups.join(gap)), 1, "{gap}");
            assert_eq!(found(&format!("1250{gap}{}", groups.join(gap))), 0, "{gap}");
            assert_eq!(found(&format!("7{gap}{}{gap}1227{gap}123", groups.join(gap))), 1, "{gap}");
        }
        assert_eq!(found("7,4111+1111+1111+1111,12.50"), 1);
        assert_eq!(found("4111,1111;1111,1111"), 0);
        assert_eq!(found("4111a1111a1111a1111"), 0);
    }
}
