//! Record batches of Kafka's format 2 (KIP-98), uncompressed: where each record's parts lie, the checksum, and batches
//! of a transaction as they are written.

use std::ops::Range;

const LENGTH: Range<usize> = 8..12;
const EPOCH_AND_FORMAT: Range<usize> = 12..17;
const CHECKSUM: Range<usize> = 17..21;
const ATTRIBUTES: usize = 21;
const LAST_OFFSET: Range<usize> = 23..27;
const FIRST_TIMESTAMP: Range<usize> = 27..35;
const MAX_TIMESTAMP: Range<usize> = 35..43;
const PRODUCER: Range<usize> = 43..51;
const PRODUCER_EPOCH: Range<usize> = 51..53;
const SEQUENCE: Range<usize> = 53..57;
const COUNT: Range<usize> = 57..61;
pub const HEADER: usize = 61;
const LOG_APPEND_TIME: u8 = 0x08;
const TRANSACTIONAL: u8 = 0x10;

/// Where a record's parts lie in the bytes that hold its batch; `headers`: all of them, behind their count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    pub offset: i64,
    /// ms
    pub timestamp: i64,
    pub key: Option<Range<usize>>,
    pub value: Option<Range<usize>>,
    pub headers: Range<usize>,
}

/// Whether the checksum that a batch states (CRC-32C) is that of what follows it.
pub fn is_whole(batch: &[u8]) -> bool {
    match (batch.get(CHECKSUM), batch.get(ATTRIBUTES..)) {
        (Some(stated), Some(content)) => stated == crc32c::crc32c(content).to_be_bytes(),
        _ => false,
    }
}

/// The records of the batch that lies at `place` of `raw`, and whether it is well-formed to its end: where it is not,
/// those in front of what is malformed.
pub fn read(raw: &[u8], place: Range<usize>) -> (Vec<Parts>, bool) {
    let mut parts = Vec::new();
    let whole = raw.get(..place.end).and_then(|raw| read_into(raw, place.start, &mut parts)).is_some();
    (parts, whole)
}

fn read_into(raw: &[u8], start: usize, parts: &mut Vec<Parts>) -> Option<()> {
    let header = raw.get(start..)?.get(..HEADER)?;
    let base = i64_at(header, 0..8)?;
    let (first, last) = (i64_at(header, FIRST_TIMESTAMP)?, i64_at(header, MAX_TIMESTAMP)?);
    let stamped = header[ATTRIBUTES + 1] & LOG_APPEND_TIME != 0;
    let count = u32::from_be_bytes(header[COUNT].try_into().ok()?);
    let mut reader = Reader { raw, at: start + HEADER };
    for _ in 0..count {
        let length = usize::try_from(reader.varint()?).ok()?;
        let end = reader.at.checked_add(length)?;
        reader.take(1)?; // attributes, of which there are none
        let (time, offset) = (reader.varint()?, reader.varint()?);
        let (key, value) = (reader.part()?, reader.part()?);
        let pairs = reader.varint()?;
        let headers = reader.at;
        for _ in 0..u64::try_from(pairs).ok()? {
            header_of(&mut reader)?;
        }
        if reader.at != end {
            return None;
        }
        parts.push(Parts {
            offset: base.checked_add(offset)?,
            timestamp: if stamped { last } else { first.checked_add(time)? },
            key,
            value,
            headers: headers..end,
        });
    }
    (reader.at == raw.len()).then_some(())
}

/// Names and values of a record's headers. `raw`: all of them, as `Parts::headers` has them.
pub fn headers(raw: &[u8]) -> impl Iterator<Item = Header<'_>> {
    let mut reader = Reader { raw, at: 0 };
    std::iter::from_fn(move || {
        let (name, value) = header_of(&mut reader)?;
        Some((&raw[name], value.map(|value| &raw[value])))
    })
}

fn header_of(reader: &mut Reader<'_>) -> Option<(Range<usize>, Option<Range<usize>>)> {
    Some((reader.part()??, reader.part()?))
}

/// One header: its name and value.
pub type Header<'a> = (&'a [u8], Option<&'a [u8]>);

/// A batch of a transaction while records are appended. `limit`: bytes that it may have.
pub struct Writer {
    raw: Vec<u8>,
    limit: usize,
    count: u32,
    /// ms: of the first record, and the largest
    times: (i64, i64),
}

impl Writer {
    pub fn new(limit: usize) -> Self {
        Self { raw: vec![0; HEADER], limit, count: 0, times: (0, 0) }
    }

    /// False, and nothing appended, where the record does not fit; the first one always does.
    pub fn append(&mut self, time: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header<'_>]) -> bool {
        let (first, largest) = if self.count == 0 { (time, time) } else { self.times };
        let fixed = [time.wrapping_sub(first), i64::from(self.count)];
        let pairs = headers.len() as i64;
        let of_headers = headers.iter().map(|(name, value)| part_size(Some(name)) + part_size(*value)).sum::<usize>();
        let of_numbers = fixed.iter().map(|number| varint_size(*number)).sum::<usize>() + varint_size(pairs);
        let size = 1 + of_numbers + part_size(key) + part_size(value) + of_headers;
        if self.count > 0 && self.raw.len() + varint_size(size as i64) + size > self.limit {
            return false;
        }
        self.varint(size as i64);
        self.raw.push(0); // attributes
        fixed.iter().for_each(|number| self.varint(*number));
        self.part(key);
        self.part(value);
        self.varint(pairs);
        for (name, value) in headers {
            self.part(Some(name));
            self.part(*value);
        }
        self.count += 1;
        self.times = (first, largest.max(time));
        true
    }

    /// The batch but for what `seal` adds, and how many records it has.
    pub fn finish(mut self) -> (Vec<u8>, u32) {
        let length = (self.raw.len() - LENGTH.end) as u32; // a batch of 4 GiB cannot exist
        let last = self.count.saturating_sub(1);
        self.raw[LENGTH].copy_from_slice(&length.to_be_bytes());
        self.raw[EPOCH_AND_FORMAT].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 2]);
        self.raw[ATTRIBUTES + 1] = TRANSACTIONAL;
        self.raw[LAST_OFFSET].copy_from_slice(&last.to_be_bytes());
        self.raw[FIRST_TIMESTAMP].copy_from_slice(&self.times.0.to_be_bytes());
        self.raw[MAX_TIMESTAMP].copy_from_slice(&self.times.1.to_be_bytes());
        self.raw[COUNT].copy_from_slice(&self.count.to_be_bytes());
        (self.raw, self.count)
    }

    fn varint(&mut self, number: i64) {
        let mut rest = zigzag(number);
        while rest >= 0x80 {
            self.raw.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.raw.push(rest as u8);
    }

    fn part(&mut self, content: Option<&[u8]>) {
        self.varint(content.map_or(-1, |bytes| bytes.len() as i64));
        self.raw.extend_from_slice(content.unwrap_or_default());
    }
}

/// Who writes it, and the checksum. `batch`: at least a header.
pub fn seal(batch: &mut [u8], producer: i64, epoch: i16, sequence: i32) {
    batch[PRODUCER].copy_from_slice(&producer.to_be_bytes());
    batch[PRODUCER_EPOCH].copy_from_slice(&epoch.to_be_bytes());
    batch[SEQUENCE].copy_from_slice(&sequence.to_be_bytes());
    let checksum = crc32c::crc32c(&batch[ATTRIBUTES..]).to_be_bytes();
    batch[CHECKSUM].copy_from_slice(&checksum);
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

fn varint_size(number: i64) -> usize {
    (64 - (zigzag(number) | 1).leading_zeros() as usize).div_ceil(7)
}

fn part_size(content: Option<&[u8]>) -> usize {
    let length = content.map_or(0, <[u8]>::len);
    varint_size(content.map_or(-1, |_| length as i64)) + length
}

fn i64_at(bytes: &[u8], place: Range<usize>) -> Option<i64> {
    Some(i64::from_be_bytes(bytes.get(place)?.try_into().ok()?))
}

struct Reader<'a> {
    raw: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Option<Range<usize>> {
        let start = self.at;
        let end = start.checked_add(length).filter(|end| *end <= self.raw.len())?;
        self.at = end;
        Some(start..end)
    }

    /// Zigzag, at most 64 bits.
    fn varint(&mut self) -> Option<i64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.raw.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        None
    }

    /// A length and so many bytes; Some(None): null, which any length below 0 stands for.
    fn part(&mut self) -> Option<Option<Range<usize>>> {
        match self.varint()? {
            ..0 => Some(None),
            length => self.take(usize::try_from(length).ok()?).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Given<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, &'a [Header<'a>]);

    fn written(limit: usize, records: &[Given<'_>]) -> (Vec<u8>, u32) {
        let mut writer = Writer::new(limit);
        for (number, (key, value, headers)) in records.iter().enumerate() {
            if !writer.append(1_000 + 10 * number as i64, *key, *value, headers) {
                break;
            }
        }
        let (mut raw, count) = writer.finish();
        seal(&mut raw, 7, 1, 2);
        (raw, count)
    }

    /// Offsets from 100, timestamps from 1,000 in steps of 10, the largest 5,000.
    fn batch(attributes: u8, records: &[Given<'_>]) -> Vec<u8> {
        let mut raw = written(usize::MAX, records).0;
        raw[..8].copy_from_slice(&100i64.to_be_bytes());
        raw[ATTRIBUTES + 1] = attributes;
        raw[MAX_TIMESTAMP].copy_from_slice(&5_000i64.to_be_bytes());
        seal(&mut raw, 7, 1, 2);
        raw
    }

    const RECORDS: [Given<'static>; 3] = [
        (Some(b"k"), Some(b"value"), &[]),
        (None, None, &[(b"a", Some(b"1")), (b"\xff", None), (b"", Some(b""))]),
        (Some(b""), Some(&[7; 300]), &[(b"long", Some(&[8; 200]))]),
    ];

    #[test]
    fn a_batch_takes_its_first_record_and_then_what_fits() {
        let whole = written(usize::MAX, &RECORDS);
        assert_eq!(whole.1, 3);
        assert_eq!(written(whole.0.len(), &RECORDS), whole);
        for limit in 0..whole.0.len() {
            let (raw, count) = written(limit, &RECORDS);
            assert!(count >= 1 && (count == 1 || raw.len() <= limit), "{limit}");
            assert!(is_whole(&raw) && read(&raw, 0..raw.len()).1, "{limit}");
        }
    }

    #[test]
    fn its_parts_are_those_that_were_written_wherever_the_batch_lies() {
        for start in [0, 9] {
            let raw = [vec![0xee; start], batch(0, &RECORDS), vec![0xee; 9]].concat();
            let (found, whole) = read(&raw, start..raw.len() - 9);
            assert!(whole);
            for (number, (parts, (key, value, given))) in found.iter().zip(RECORDS).enumerate() {
                assert_eq!((parts.offset, parts.timestamp), (100 + number as i64, 1_000 + 10 * number as i64));
                assert_eq!(parts.key.clone().map(|place| &raw[place]), key);
                assert_eq!(parts.value.clone().map(|place| &raw[place]), value);
                assert_eq!(headers(&raw[parts.headers.clone()]).collect::<Vec<_>>(), given);
            }
            assert_eq!(found.len(), RECORDS.len());
        }
    }

    #[test]
    fn the_brokers_time_is_the_batchs() {
        let raw = batch(LOG_APPEND_TIME, &RECORDS);
        assert!(read(&raw, 0..raw.len()).0.iter().all(|parts| parts.timestamp == 5_000));
    }

    #[test]
    fn what_is_cut_or_goes_on_is_not_whole_and_what_lies_before_it_is_read() {
        let raw = batch(0, &RECORDS);
        for length in 0..raw.len() {
            let (found, whole) = read(&raw, 0..length);
            assert!(!whole && found.len() < RECORDS.len(), "{length}");
            assert!(!is_whole(&raw[..length]), "{length}");
        }
        let long = [&raw[..], b"\0"].concat();
        let (found, whole) = read(&long, 0..long.len());
        assert_eq!((found.len(), whole), (3, false));
        assert_eq!(read(&raw, 0..raw.len() + 1), (vec![], false));
    }

    #[test]
    fn a_length_that_is_not_its_records_is_malformed() {
        let raw = batch(0, &RECORDS[..1]);
        for change in [2, 0u8.wrapping_sub(2)] {
            let mut other = raw.clone();
            other[HEADER] = other[HEADER].wrapping_add(change);
            assert_eq!(read(&other, 0..other.len()), (vec![], false));
        }
    }

    #[test]
    fn every_bit_counts_for_the_checksum() {
        let raw = batch(0, &RECORDS[..1]);
        assert!(is_whole(&raw));
        for at in CHECKSUM.start..raw.len() {
            for bit in 0..8 {
                let mut other = raw.clone();
                other[at] ^= 1 << bit;
                assert!(!is_whole(&other));
                let _ = read(&other, 0..other.len()); // whatever it says: no panic
            }
        }
    }
}
