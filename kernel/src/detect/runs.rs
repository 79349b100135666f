//! Runs of digits in groups, and how the groups of a window are laid out.

use super::text::Text;
use super::words::QUANTITY;
use crate::digits::{digit_value, is_invisible, is_separator};

const SEPARATORS: usize = 3;
const INVISIBLE: usize = 8;
/// Groups as cards print them, beside chunks of four.
const PRINTED: [&[usize]; 9] =
    [&[4, 6, 5], &[4, 6, 4], &[4, 5, 6], &[4, 4, 5], &[4, 4, 4, 5], &[6, 6, 4], &[6, 10], &[6, 12], &[6, 13]];
const PRINTED_13: &[usize] = &[4, 3, 3, 3];
/// Chunks of four with so many digits are a version or a date with a time rather than a card.
const NOT_IN_FOURS: usize = 14;
/// Between a word for a quantity and its number.
const OWN_NUMBER: usize = 8;

/// Characters start..end; its digits are those of the text from `digits` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub start: usize,
    pub end: usize,
    pub digits: usize,
}

impl Group {
    pub fn size(&self) -> usize {
        self.end - self.start
    }
}

/// Chunks that many things come in.
pub const SMALL: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Bare,
    Chunks,
    Printed,
    Odd,
}

/// All digits of a text, and its groups by runs.
pub struct Runs {
    pub digits: Vec<u8>,
    pub runs: Vec<Vec<Group>>,
}

pub fn runs(text: &Text) -> Runs {
    let mut found = Runs { digits: Vec::new(), runs: Vec::new() };
    let mut gap = Gap::default();
    let mut open = false;
    for (at, &mark) in text.marks.iter().enumerate() {
        let Some(value) = digit_value(mark) else {
            open = open && gap.add(mark);
            continue;
        };
        found.add(at, open, gap.length == 0);
        found.digits.push(value);
        (gap, open) = (Gap::default(), true);
    }
    found
}

impl Runs {
    /// `open`: the run before goes on; `touching`: so does its last group.
    fn add(&mut self, at: usize, open: bool, touching: bool) {
        let digits = self.digits.len();
        match self.runs.last_mut() {
            Some(run) if open => match run.last_mut() {
                Some(group) if touching => group.end = at + 1,
                _ => run.push(Group { start: at, end: at + 1, digits }),
            },
            _ => self.runs.push(vec![Group { start: at, end: at + 1, digits }]),
        }
    }
}

#[derive(Default)]
struct Gap {
    length: usize,
    invisible: usize,
}

impl Gap {
    /// False where the character ends the run.
    fn add(&mut self, mark: char) -> bool {
        self.length += 1;
        self.invisible += usize::from(is_invisible(mark));
        is_separator(mark) && self.invisible <= INVISIBLE && self.length - self.invisible <= SEPARATORS
    }
}

pub fn is_dot(mark: char) -> bool {
    matches!(mark, '.' | '/' | '\u{b7}' | '\u{2044}' | '\u{2215}' | '\u{ff0e}' | '\u{ff0f}')
}

/// Whether all groups have one size, but the last may be smaller.
pub fn are_chunks(groups: &[Group]) -> bool {
    let size = groups[0].size();
    let (last, others) = groups.split_last().expect("a window has a group");
    matches!(size, 1..=6 | 8) && last.size() <= size && others.iter().all(|group| group.size() == size)
}

/// Whether the run's first group is the number of a word for a quantity before it.
pub fn is_counted(text: &Text, run: &[Group]) -> bool {
    let (words, start) = (text.words(), run[0].start);
    let nearest = words[..words.partition_point(|word| word.end <= start)].last();
    nearest.is_some_and(|word| {
        let no_digit = |mark: &char| digit_value(*mark).is_none();
        word.kinds & QUANTITY != 0 && word.end + OWN_NUMBER >= start && text.marks[word.end..start].iter().all(no_digit)
    })
}

/// Of the window run[first..=last].
pub fn layout(text: &Text, run: &[Group], first: usize, last: usize) -> Layout {
    let window = &run[first..=last];
    if window.len() == 1 {
        return Layout::Bare;
    }
    let size = window[0].size();
    let count: usize = window.iter().map(Group::size).sum();
    let chunks = are_chunks(window);
    let sizes = |printed: &&[usize]| window.iter().map(Group::size).eq(printed.iter().copied());
    if chunks && size == 4 && count != NOT_IN_FOURS || PRINTED.iter().chain([&PRINTED_13]).any(sizes) {
        return Layout::Printed;
    }
    let dotted = text.marks[window[0].start..run[last].end].iter().any(|mark| is_dot(*mark));
    let gap = |at: usize| &text.marks[run[at - 1].end..run[at].start];
    let alike = |group: usize, at: usize| run[group].size() == size && gap(at) == gap(first + 1);
    let led = || first > 0 && alike(first - 1, first) && !(first == 1 && is_counted(text, run));
    let followed = || last + 1 < run.len() && alike(last + 1, last + 1);
    if !chunks || dotted || size <= SMALL && (led() || followed()) {
        return Layout::Odd;
    }
    Layout::Chunks
}
