//! Which windows of a text are card numbers.

use std::ops::Range;

use super::chains;
use super::context::{level, Level};
use super::exclusions;
use super::name::Name;
use super::runs::{is_dot, layout, runs, Group, Layout, SMALL};
use super::text::Text;
use super::words::masked;
use super::{Digits, Finding};
use crate::config::Class;
use crate::iin::{issued, Issued, LONGEST, SHORTEST};

/// Adds card numbers, with every one `raised` or as its context says; a window inside what is found already is none.
pub fn find(text: &Text, name: Name, raised: bool, found: &mut Vec<Finding>) {
    let all = runs(text);
    if all.digits.len() < SHORTEST {
        return;
    }
    let mut taken = Vec::new();
    if !found.is_empty() {
        taken.resize(text.marks.len(), false);
        found.iter().for_each(|each| taken[each.start..each.end].fill(true));
    }
    let inside = |start: usize, end: usize| !taken.is_empty() && taken[start] && taken[end - 1];
    let tokens = masked(&text.marks);
    for run in &all.runs {
        let (start, end) = (run[0].start, run[run.len() - 1].end);
        let count: usize = run.iter().map(Group::size).sum();
        if count < SHORTEST || inside(start, end) {
            continue;
        }
        let digits = &all.digits[run[0].digits..run[0].digits + count];
        if name == Name::Pan && count <= LONGEST {
            found.push(pan(start, end, issued(digits), digits));
            continue;
        }
        let search = Search { text, name, raised, run, digits, tokens: &tokens };
        search.windows(&inside, found);
    }
    chains::find(text, name, raised, &all, &tokens, found);
}

pub fn pan(start: usize, end: usize, issued: Option<Issued>, digits: &[u8]) -> Finding {
    let network = issued.map(|issued| issued.network);
    Finding { network, digits: Digits::new(digits).unwrap_or_default(), ..Finding::new(Class::Pan, start, end) }
}

/// The windows of one run.
struct Search<'a> {
    text: &'a Text,
    name: Name,
    raised: bool,
    run: &'a [Group],
    /// the run's
    digits: &'a [u8],
    /// none begins a card number that goes on behind it
    tokens: &'a [Range<usize>],
}

impl Search<'_> {
    /// Odd windows only in what the others leave.
    fn windows(&self, inside: &impl Fn(usize, usize) -> bool, found: &mut Vec<Finding>) {
        let mut free = vec![true; self.run.len()];
        for odd in [false, true] {
            self.of_layout(odd, &mut free, inside, found);
        }
    }

    fn of_layout(
        &self,
        odd: bool,
        free: &mut [bool],
        inside: &impl Fn(usize, usize) -> bool,
        found: &mut Vec<Finding>,
    ) {
        let mut first = 0;
        while first < self.run.len() {
            let from = self.run[first].digits;
            let fits = |at: &usize| free[*at] && self.run[*at].digits + self.run[*at].size() - from <= LONGEST;
            let longest = first + (first..self.run.len()).take_while(fits).count();
            let window = (first..longest).rev().find_map(|last| {
                let (start, end) = (self.run[first].start, self.run[last].end);
                issued(self.of(first, last))?;
                let shape = layout(self.text, self.run, first, last);
                if (shape == Layout::Odd) != odd || inside(start, end) {
                    return None;
                }
                let known = self.card_number(first, last, shape)?;
                Some((last, pan(start, end, Some(known), self.of(first, last))))
            });
            let Some((last, window)) = window else {
                first += 1;
                continue;
            };
            free[first..=last].fill(false);
            found.push(window);
            first = last + 1;
        }
    }

    fn of(&self, first: usize, last: usize) -> &[u8] {
        let from = self.run[first].digits - self.run[0].digits;
        &self.digits[from..self.run[last].digits + self.run[last].size() - self.run[0].digits]
    }

    fn card_number(&self, first: usize, last: usize, shape: Layout) -> Option<Issued> {
        let digits = self.of(first, last);
        let known = issued(digits)?;
        let (start, end) = (self.run[first].start, self.run[last].end);
        let level = if self.raised { Level::Raised } else { level(self.text, start, end, self.name) };
        let token = self.tokens[..self.tokens.partition_point(|token| token.start <= start)].last();
        if token.is_some_and(|token| token.contains(&start) && token.end < end) {
            return None;
        }
        if level == Level::Raised {
            return Some(known);
        }
        let window = exclusions::Window { text: self.text, run: self.run, first, last, digits, all: self.digits };
        if window.is_excluded(shape) {
            return None;
        }
        let whole = first == 0 && last == self.run.len() - 1;
        let dotted = || self.text.marks[start..end].iter().any(|mark| is_dot(*mark));
        let fits = match (known.strong, level, shape) {
            (true, Level::Neutral, Layout::Odd) => whole && matches!(digits.len(), 15 | 16) && !dotted(),
            (false, Level::Neutral, Layout::Chunks) => whole && digits.len() >= 16 && self.run[first].size() <= SMALL,
            // parcels have fifteen digits in fours: cards print them otherwise
            (true, Level::Lowered, Layout::Printed) if last - first == 3 && digits.len() == 15 => false,
            _ => qualifies(known.strong, level, shape, digits.len()),
        };
        fits.then_some(known)
    }
}

/// The table of section 5, but for what only a whole run is.
pub fn qualifies(strong: bool, level: Level, shape: Layout, count: usize) -> bool {
    match (strong, level) {
        (_, Level::Raised) => true,
        (false, Level::Neutral) => shape == Layout::Printed && count >= 16,
        (true, Level::Neutral) => shape != Layout::Odd,
        (true, Level::Lowered) => shape == Layout::Printed && count >= 14,
        (false, Level::Lowered) => false,
    }
}
