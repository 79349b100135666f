//! The bytes of `panlock-envelope`, version 1 (docs/envelope.md): head | proof, big-endian, nothing behind it.

use crate::signed::merkle::{path_length, HASH};

pub const VERSION: u8 = 1;
pub const SEALED: u8 = 1;
pub const STREAM: usize = 16;
/// RSA of 4,096 bits.
const MAX_SIGNATURE: usize = 512;

/// An envelope taken apart; everything refers to its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    pub head: &'a [u8],
    pub algorithm: u8,
    pub certificate: &'a [u8; HASH],
    pub stream: &'a [u8; STREAM],
    pub sequence: u64,
    pub time: u64,
    /// SHA-256 of the header that holds the data key, where the record is sealed
    pub sealed_key: Option<&'a [u8; HASH]>,
    pub size: u32,
    pub index: u32,
    pub path: &'a [u8],
    pub signature: &'a [u8],
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }
}

/// None for anything but exactly one envelope of version 1.
pub fn parse(raw: &[u8]) -> Option<Envelope<'_>> {
    let mut reader = Reader(raw);
    let [version, flags, algorithm] = *reader.array::<3>()?;
    if version != VERSION || flags & !SEALED != 0 || !(1..=3).contains(&algorithm) {
        return None;
    }
    let certificate = reader.array()?;
    let stream = reader.array()?;
    let sequence = reader.u64()?;
    let time = reader.u64()?;
    let sealed_key = if flags & SEALED == 0 { None } else { Some(reader.array()?) };
    let head = &raw[..raw.len() - reader.0.len()];
    let size = reader.u32()?;
    let index = reader.u32()?;
    let [count] = *reader.array::<1>()?;
    if path_length(index, size)? != usize::from(count) {
        return None;
    }
    let path = reader.bytes(usize::from(count) * HASH)?;
    let length = usize::from(u16::from_be_bytes(*reader.array()?));
    let signature = reader.bytes(length)?;
    if !reader.0.is_empty() || !(1..=MAX_SIGNATURE).contains(&length) {
        return None;
    }
    Some(Envelope { head, algorithm, certificate, stream, sequence, time, sealed_key, size, index, path, signature })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(sealed: bool) -> Vec<u8> {
        let mut raw = vec![VERSION, u8::from(sealed), 1];
        raw.extend([7; 32]);
        raw.extend([8; 16]);
        raw.extend(3u64.to_be_bytes());
        raw.extend(4u64.to_be_bytes());
        if sealed {
            raw.extend([9; 32]);
        }
        raw.extend(2u32.to_be_bytes());
        raw.extend(1u32.to_be_bytes());
        raw.push(1);
        raw.extend([5; 32]);
        raw.extend(64u16.to_be_bytes());
        raw.extend([6; 64]);
        raw
    }

    #[test]
    fn its_parts_are_where_the_layout_says() {
        let raw = envelope(true);
        let read = parse(&raw).unwrap();
        assert_eq!((read.algorithm, read.sequence, read.time, read.size, read.index), (1, 3, 4, 2, 1));
        assert_eq!((read.head.len(), read.sealed_key, read.path), (99, Some(&[9; 32]), &[5; 32][..]));
        assert_eq!((read.certificate, read.stream, read.signature), (&[7; 32], &[8; 16], &[6; 64][..]));
        assert_eq!(parse(&envelope(false)).unwrap().head.len(), 67);
    }

    #[test]
    fn one_byte_more_or_less_is_no_envelope() {
        for raw in [envelope(false), envelope(true)] {
            for length in 0..raw.len() {
                assert!(parse(&raw[..length]).is_none(), "{length}");
            }
            assert!(parse(&[&raw[..], b"\0"].concat()).is_none());
        }
    }

    #[test]
    fn versions_flags_algorithms_and_trees_that_are_not_known_are_none() {
        for (at, byte) in [(0, 2), (1, 2), (1, 0x80), (2, 0), (2, 4), (70, 0), (70, 1), (74, 2), (75, 0), (75, 2)] {
            let mut raw = envelope(false);
            raw[at] = byte;
            assert!(parse(&raw).is_none(), "byte {at} = {byte}");
        }
    }
}
