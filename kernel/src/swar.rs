//! Eight bytes at a time in one machine word: what of a string needs no look of its own. Most bytes of a document are
//! passed over here.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES * 0x80;

/// What comes before the first quote, backslash or control character: its length, and the ASCII digits in it.
pub struct Plain {
    pub length: usize,
    pub digits: usize,
}

#[inline]
pub fn plain_prefix(bytes: &[u8]) -> Plain {
    let (mut length, mut digits) = (0, 0);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
        let stops = stops(word);
        let before = stops.wrapping_sub(1) & !stops; // all bits below the first stop; all of them where there is none
        digits += (digits_of(word) & before).count_ones() as usize;
        if stops != 0 {
            return Plain { length: length + stops.trailing_zeros() as usize / 8, digits };
        }
        length += 8;
    }
    for &byte in words.remainder() {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        length += 1;
        digits += usize::from(byte.is_ascii_digit());
    }
    Plain { length, digits }
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

    fn slow(bytes: &[u8]) -> (usize, usize) {
        let plain = bytes.iter().take_while(|&&c| c != b'"' && c != b'\\' && c >= 0x20);
        (plain.clone().count(), plain.filter(|c| c.is_ascii_digit()).count())
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
                        assert_eq!((plain.length, plain.digits), slow(&bytes), "{bytes:?}");
                    }
                }
            }
        }
    }
}
