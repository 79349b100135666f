//! Eight bytes at a time in one machine word: what of a string needs no look of its own. Most bytes of a document are
//! passed over here.

/// Bytes in a machine word.
const WORD: usize = 8;
/// Words whose counts fit a byte.
const LANES: usize = 128;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES * 0x80;

/// What comes before the first quote, backslash or control character: its length, and what it may hold.
pub struct Plain {
    pub length: usize,
    /// ASCII digits
    pub digits: usize,
    pub ascii: bool,
}

#[inline(always)]
pub fn plain_prefix(bytes: &[u8]) -> Plain {
    let mut plain = Plain { length: 0, digits: 0, ascii: true };
    let mut high = 0;
    let mut lanes = 0; // digits at each place in a word, of the last words
    let mut words = bytes.chunks_exact(WORD);
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
        let stops = stops(word);
        let counted = stops.wrapping_sub(1) & !stops; // all bits below the first stop; all of them where there is none
        lanes += (digits_of(word) & counted) >> 7;
        high |= word & counted;
        if stops != 0 {
            plain.length += stops.trailing_zeros() as usize / 8;
            plain.ascii = high & HIGH == 0;
            plain.digits += sum(lanes);
            return plain;
        }
        plain.length += WORD;
        if plain.length % (LANES * WORD) == 0 {
            plain.digits += sum(lanes);
            lanes = 0;
        }
    }
    for &byte in words.remainder() {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        plain.length += 1;
        plain.digits += usize::from(byte.is_ascii_digit());
        high |= u64::from(byte);
    }
    plain.ascii = high & HIGH == 0;
    plain.digits += sum(lanes);
    plain
}

/// How many ASCII digits `bytes` begins with.
#[inline(always)]
pub fn leading_digits(bytes: &[u8]) -> usize {
    match bytes.first_chunk().map(|first| !digits_of(u64::from_le_bytes(*first)) & HIGH) {
        Some(others @ 1..) => others.trailing_zeros() as usize / 8,
        _ => bytes.iter().take_while(|byte| byte.is_ascii_digit()).count(),
    }
}

/// Of eight bytes.
fn sum(lanes: u64) -> usize {
    const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
    let pairs = (lanes & EVEN) + (lanes >> 8 & EVEN);
    (pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48) as usize
}

/// The least base64 character: what is less, a space above all, ends a piece.
const LEAST_BASE64: u8 = b'+';

/// Whether sixteen bytes in a row may be base64: never false where they are, often true where they are not.
#[inline]
pub fn is_dense(bytes: &[u8]) -> bool {
    let mut before = !0; // what ended pieces in the word before
    let mut words = bytes.chunks_exact(WORD);
    for word in &mut words {
        let ends = less(u64::from_le_bytes(word.try_into().expect("chunks of eight")), LEAST_BASE64);
        // of sixteen in a row, eight fill a word, and four more end the word before or begin the next
        if ends == 0 && before >> 32 == 0 || before == 0 && ends as u32 == 0 {
            return true;
        }
        before = ends;
    }
    before == 0 && words.remainder().len() >= WORD / 2
}

/// The high bit of bytes that are less than `least`, at most 0x80: exact up to and including the first of them.
fn less(word: u64, least: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(least)) & !word & HIGH
}

/// The high bit of each byte that is a quote, a backslash or below 0x20. Exact up to and including the first of them.
fn stops(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5c)) | zero(word & (ONES * 0xe0))
}

/// The high bit of each byte that is an ASCII digit.
fn digits_of(word: u64) -> u64 {
    let value = (word ^ (ONES * 0x30)) & !HIGH; // 0 to 9 for digits; no sum below carries into the next byte
    !(value + ONES * 0x76) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(bytes: &[u8]) -> (usize, usize, bool) {
        let plain = bytes.iter().take_while(|&&c| c != b'"' && c != b'\\' && c >= 0x20);
        (plain.clone().count(), plain.clone().filter(|c| c.is_ascii_digit()).count(), plain.clone().all(u8::is_ascii))
    }

    #[test]
    fn sixteen_in_a_row_are_dense_wherever_they_stand() {
        for length in 16..64 {
            for start in 0..=length - 16 {
                let mut bytes = vec![b' '; length];
                bytes[start..start + 16].fill(b'x');
                assert!(is_dense(&bytes), "{length} {start}");
            }
        }
        assert!(!is_dense(b"only some words in here"));
    }

    #[test]
    fn digits_are_counted_in_long_texts() {
        for length in [1000, 1023, 1024, 1025, 2047, 2048, 5000] {
            let mut bytes = vec![b'7'; length];
            assert_eq!(plain_prefix(&bytes).digits, length);
            bytes[length - 3] = b'"';
            assert_eq!(plain_prefix(&bytes).digits, length - 3);
        }
    }

    #[test]
    fn every_byte_at_every_place_is_classed_as_one_by_one() {
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=255 {
                    for around in [b'a', b'7', 0xc3, b'!', b'#', b'[', b']', b' '] {
                        let mut bytes = vec![around; length];
                        bytes[place] = byte;
                        let plain = plain_prefix(&bytes);
                        assert_eq!((plain.length, plain.digits, plain.ascii), slow(&bytes), "{bytes:?}");
                        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
                        assert_eq!(leading_digits(&bytes), digits, "{bytes:?}");
                    }
                }
            }
        }
    }
}
