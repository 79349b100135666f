//! Which card numbers exist: issuer identification numbers and the lengths under them (data/iin.tsv).

use std::sync::LazyLock;

use crate::luhn;

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("../data/iin.tsv")));

/// Prefixes are compared as numbers of this many digits: the longest prefix in the table.
const WIDTH: usize = 6;
pub const SHORTEST: usize = 12;
pub const LONGEST: usize = 19;

/// What the table knows of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issued {
    /// whether it needs no further evidence
    pub strong: bool,
    pub network: &'static str,
}

struct Range {
    from: u32,
    to: u32,
    /// bit n: numbers of n digits
    alone: u32,
    context: u32,
    luhn: bool,
    network: &'static str,
}

struct Table {
    ranges: Vec<Range>,
    /// for each of the first three digits: the lengths that a range there has; most numbers end here
    lengths: Vec<u32>,
}

/// `digits`: values 0 to 9. None where no network issues such a number, or its check digit is wrong.
pub fn issued(digits: &[u8]) -> Option<Issued> {
    if !(SHORTEST..=LONGEST).contains(&digits.len()) {
        return None;
    }
    let prefix = digits[..WIDTH].iter().fold(0, |prefix, digit| prefix * 10 + u32::from(*digit));
    let bit = 1 << digits.len();
    if TABLE.lengths[prefix as usize / 1000] & bit == 0 {
        return None;
    }
    let valid = luhn::is_valid(digits);
    let fits = |range: &&Range| range.from <= prefix && prefix <= range.to && (valid || !range.luhn);
    let first = |strong: bool| {
        let lengths = |range: &&Range| (if strong { range.alone } else { range.context }) & bit != 0;
        let range = TABLE.ranges.iter().filter(lengths).find(fits)?;
        Some(Issued { strong, network: range.network })
    };
    first(true).or_else(|| first(false))
}

impl Table {
    fn parse(table: &'static str) -> Self {
        let ranges: Vec<_> = table.lines().filter(|line| !line.starts_with('#')).map(parse_line).collect();
        let lengths = (0..1000).map(|three| {
            let (low, high) = (three * 1000, three * 1000 + 999);
            let here = ranges.iter().filter(|range| range.from <= high && low <= range.to);
            here.fold(0, |all, range| all | range.alone | range.context)
        });
        Self { lengths: lengths.collect(), ranges }
    }
}

fn parse_line(line: &'static str) -> Range {
    let columns: Vec<&str> = line.split('\t').collect();
    let padded = |prefix: &str, fill: &str| -> u32 {
        let text = prefix.to_owned() + &fill.repeat(WIDTH - prefix.len());
        text.parse().expect("a prefix of data/iin.tsv is a number")
    };
    let lengths = |column: &str| match column {
        "-" => 0,
        some => some.split(',').fold(0, |all, length| all | 1 << length.parse::<u32>().expect("so is a length")),
    };
    Range {
        from: padded(columns[1], "0"),
        to: padded(columns[2], "9"),
        alone: lengths(columns[3]),
        context: lengths(columns[4]),
        luhn: columns[5] == "yes",
        network: slug(columns[0]),
    }
}

fn slug(scheme: &'static str) -> &'static str {
    match scheme {
        "American Express" => "amex",
        "Diners Club" => "diners",
        "Diners Club enRoute" => "enroute",
        "NPS Pridnestrovie" => "nps",
        other => other.to_lowercase().leak(), // once for each line of the table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Option<(&'static str, bool)> {
        let digits: Vec<u8> = text.bytes().map(|c| c - b'0').collect();
        issued(&digits).map(|issued| (issued.network, issued.strong))
    }

    #[test]
    fn every_line_of_the_table_is_a_range_of_possible_lengths() {
        for range in &TABLE.ranges {
            let lengths = range.alone | range.context;
            assert!(range.from <= range.to && range.alone & range.context == 0);
            assert!(lengths != 0 && lengths >> (LONGEST + 1) == 0 && lengths & ((1 << SHORTEST) - 1) == 0);
        }
    }

    #[test]
    fn a_prefix_counts_with_its_own_lengths_only() {
        assert_eq!(network("4222222222222"), Some(("visa", true)));
        assert_eq!(network("42222222222222"), None);
        assert_eq!(network("378282246310005"), Some(("amex", true)));
        assert_eq!(network("4000000000000000006"), Some(("visa", false)));
    }

    #[test]
    fn ranges_include_both_ends_and_nothing_beyond() {
        assert_eq!(network("2221000000000009"), Some(("mastercard", true)));
        assert_eq!(network("2720999999999996"), Some(("mastercard", true)));
        assert_eq!(network("2220999999999999"), None);
        assert_eq!(network("2721000000000004"), None);
    }

    #[test]
    fn of_ranges_in_each_other_the_first_row_names_the_network() {
        assert_eq!(network("6304000000000000"), Some(("laser", true)));
        assert_eq!(network("6011111111111117"), Some(("discover", true)));
        assert_eq!(network("3530111333300000"), Some(("jcb", true)));
    }

    #[test]
    fn a_network_without_check_digits_takes_any() {
        assert_eq!(network("201400000000001"), Some(("enroute", false)));
        assert_eq!(network("201400000000002"), Some(("enroute", false)));
    }
}
