//! Which card numbers exist: issuer identification numbers and the lengths under them.

use std::sync::LazyLock;

static TABLE: LazyLock<Vec<Range>> = LazyLock::new(|| parse(include_str!("../data/iin.tsv")));

/// Prefixes are compared as numbers of this many digits: the longest prefix in the table.
const WIDTH: usize = 6;

struct Range {
    from: u32,
    to: u32,
    /// bit n: numbers of n digits
    lengths: u32,
}

/// Whether a scheme issues card numbers that start and are as long as `digits` (values 0 to 9, 12 to 19 of them).
pub fn is_issued(digits: &[u8]) -> bool {
    let prefix = digits[..WIDTH].iter().fold(0, |prefix, digit| prefix * 10 + u32::from(*digit));
    TABLE.iter().any(|range| range.lengths & (1 << digits.len()) != 0 && range.from <= prefix && prefix <= range.to)
}

fn parse(table: &str) -> Vec<Range> {
    table.lines().filter(|line| !line.starts_with('#')).map(parse_line).collect()
}

fn parse_line(line: &str) -> Range {
    let columns: Vec<&str> = line.split('\t').collect();
    let padded = |prefix: &str, fill: &str| -> u32 {
        let text = prefix.to_owned() + &fill.repeat(WIDTH - prefix.len());
        text.parse().expect("a prefix of data/iin.tsv is a number")
    };
    let lengths = columns[3].split(',').map(|length| 1 << length.parse::<u32>().expect("so is a length"));
    Range { from: padded(columns[1], "0"), to: padded(columns[2], "9"), lengths: lengths.fold(0, |all, bit| all | bit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|c| c - b'0').collect()
    }

    #[test]
    fn every_line_of_the_table_is_a_range_of_possible_lengths() {
        for range in TABLE.iter() {
            assert!(range.from <= range.to);
            assert_eq!(range.lengths & !0b1111_1111 << 12 & 0xfff, 0);
            assert!(range.lengths >= 1 << 12 && range.lengths < 1 << 20);
        }
    }

    #[test]
    fn a_prefix_counts_with_its_own_lengths_only() {
        assert!(is_issued(&digits("4222222222222")));
        assert!(!is_issued(&digits("42222222222222")));
        assert!(is_issued(&digits("378282246310005")));
        assert!(!is_issued(&digits("3782822463100051")));
    }

    #[test]
    fn ranges_include_both_ends_and_nothing_beyond() {
        assert!(is_issued(&digits("2221000000000009")));
        assert!(is_issued(&digits("2720999999999996")));
        assert!(!is_issued(&digits("2220999999999999")));
        assert!(!is_issued(&digits("2721000000000000")));
    }
}
