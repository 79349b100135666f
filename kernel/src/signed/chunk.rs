//! A chunk of one partition's signed records, in two steps with the signatures' verification between them.

use std::collections::HashMap;
use std::ops::Range;

use base64::engine::general_purpose::STANDARD;
use base64::Engine;

use crate::signed::content::{content_hash, Pairs, Place};
use crate::signed::envelope::{parse, Envelope, STREAM};
use crate::signed::headers::brought;
use crate::signed::merkle::{Nodes, HASH};
use crate::signed::refusal::Refusal;
use crate::signed::sealing::{DataKey, Part};

/// One record as the quarantine topic holds it; `time`: the broker's, in ms.
pub struct Record<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Pairs<'a>,
    pub time: i64,
}

/// What the policy asks of each record: `window` in ms around the broker's time, and whether it must be sealed.
pub struct Terms {
    pub window: u64,
    pub sealed: bool,
}

/// What one signature covers. Records of one batch have it in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Root {
    pub certificate: [u8; HASH],
    pub algorithm: u8,
    pub size: u32,
    pub root: [u8; HASH],
    pub signature: Vec<u8>,
}

/// A record whose envelope leads to a root; nothing is proven before that root's signature is.
#[derive(Debug)]
pub struct Read {
    pub root: usize,
    pub stream: [u8; STREAM],
    pub sequence: u64,
    /// which of the chunk's sealed keys, where it is sealed
    pub sealed_key: Option<usize>,
    content: [u8; HASH],
}

/// What a record brought for others of its stream.
#[derive(Debug)]
pub struct Attached {
    pub record: usize,
    pub stream: [u8; STREAM],
    pub time: u64,
    pub certificates: Option<Vec<u8>>,
    pub sealed_key: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
pub struct Chunk {
    pub records: Vec<Result<Read, Refusal>>,
    pub roots: Vec<Root>,
    pub attached: Vec<Attached>,
    /// hashes of the headers that hold the data keys
    pub sealed_keys: Vec<[u8; HASH]>,
}

/// What verification says of a root: the certificate's validity in ms, or the reason's number.
pub type Verdict = Result<(i64, i64), i32>;

/// One record after both steps. `key`, `value`: opened ones, in the buffer; None where they are those that were given.
pub struct Finished {
    pub key: Option<Range<usize>>,
    pub value: Option<Range<usize>>,
    /// members of the audit event: `"content":"<hex>","envelope":"<base64>"`
    pub evidence: Range<usize>,
}

/// First step: everything but the roots' signatures.
pub fn read<'a>(place: &Place, principal: &str, terms: &Terms, records: impl Iterator<Item = Record<'a>>) -> Chunk {
    let mut chunk = Chunk::default();
    let (mut nodes, mut roots, mut keys) = (Nodes::default(), HashMap::new(), HashMap::new());
    for (number, record) in records.enumerate() {
        let read = (|| {
            let brought = brought(principal, record.headers)?;
            let envelope = parse(brought.envelope).ok_or(Refusal::EnvelopeMalformed)?;
            if terms.sealed && envelope.sealed_key.is_none() {
                return Err(Refusal::SealRequired);
            }
            if u64::try_from(record.time).map_or(true, |time| time.abs_diff(envelope.time) > terms.window) {
                return Err(Refusal::EnvelopeStale);
            }
            if brought.certificates.is_some() || brought.sealed_key.is_some() {
                chunk.attached.push(Attached {
                    record: number,
                    stream: *envelope.stream,
                    time: envelope.time,
                    certificates: brought.certificates.map(<[u8]>::to_vec),
                    sealed_key: brought.sealed_key.map(<[u8]>::to_vec),
                });
            }
            let content = content_hash(brought.salt, record.key, record.value, record.headers);
            let hash = nodes.root(place.leaf(&envelope, &content), envelope.index, envelope.size, envelope.path);
            Ok(Read {
                root: root_of(&envelope, hash, &mut chunk.roots, &mut roots),
                stream: *envelope.stream,
                sequence: envelope.sequence,
                sealed_key: envelope.sealed_key.map(|key| {
                    *keys.entry(*key).or_insert_with(|| {
                        chunk.sealed_keys.push(*key);
                        chunk.sealed_keys.len() - 1
                    })
                }),
                content,
            })
        })();
        chunk.records.push(read);
    }
    chunk
}

fn root_of(
    envelope: &Envelope<'_>,
    hash: [u8; HASH],
    roots: &mut Vec<Root>,
    known: &mut HashMap<Root, usize>,
) -> usize {
    let same = |root: &Root| {
        root.root == hash
            && root.signature == envelope.signature
            && root.certificate == *envelope.certificate
            && (root.size, root.algorithm) == (envelope.size, envelope.algorithm)
    };
    if roots.last().is_some_and(same) {
        return roots.len() - 1; // most records follow one of their batch
    }
    let root = Root {
        certificate: *envelope.certificate,
        algorithm: envelope.algorithm,
        size: envelope.size,
        root: hash,
        signature: envelope.signature.to_vec(),
    };
    *known.entry(root).or_insert_with_key(|root| {
        roots.push(root.clone());
        roots.len() - 1
    })
}

/// Second step: `verdicts` of the roots, `keys` in the order of `sealed_keys`, or the reason's number for one that
/// nobody has. What is opened and the evidence go into `room`.
pub fn finish(
    place: &Place,
    record: &Record<'_>,
    read: &Read,
    verdicts: &[Verdict],
    keys: &[Result<DataKey, i32>],
    room: &mut Vec<u8>,
) -> Result<Finished, i32> {
    let (from, until) = verdicts[read.root]?;
    if !(from..=until).contains(&record.time) {
        return Err(Refusal::CertificateExpired as i32);
    }
    let Some(raw) = record.headers.iter().find(|(name, _)| *name == "panlock-envelope").and_then(|(_, raw)| *raw)
    else {
        return Err(Refusal::EnvelopeMissing as i32);
    };
    let (mut key, mut value) = (None, None);
    if let Some(number) = read.sealed_key {
        let data_key = keys[number].as_ref().map_err(|reason| *reason)?;
        let Some(envelope) = parse(raw) else { return Err(Refusal::EnvelopeMalformed as i32) };
        let associated_data = place.associated_data(envelope.head);
        for (part, sealed, opened) in [(Part::Key, record.key, &mut key), (Part::Value, record.value, &mut value)] {
            let Some(sealed) = sealed else { continue };
            let start = room.len();
            if !data_key.open(part, place.partition, read.sequence, &associated_data, sealed, room) {
                return Err(Refusal::SealInvalid as i32);
            }
            *opened = Some(start..room.len());
        }
    }
    Ok(Finished { key, value, evidence: evidence(raw, &read.content, room) })
}

fn evidence(envelope: &[u8], content: &[u8; HASH], room: &mut Vec<u8>) -> Range<usize> {
    let start = room.len();
    room.extend(b"\"content\":\"");
    room.extend(crate::digest::hex(content));
    room.extend(b"\",\"envelope\":\"");
    let at = room.len();
    let length = base64::encoded_len(envelope.len(), true).unwrap_or(0);
    room.resize(at + length, b'A');
    let written = STANDARD.encode_slice(envelope, &mut room[at..]).unwrap_or(0);
    room.truncate(at + written);
    room.push(b'"');
    start..room.len()
}
