//! What a leaf covers: the record's content, and whose record it is, and where. By no code that masks anything.

use sha2::{Digest, Sha256};

use crate::digest::update;
use crate::signed::envelope::Envelope;
use crate::signed::headers::{IDENTITY, OWN};
use crate::signed::merkle::HASH;

/// Header names and values.
pub type Pairs<'a> = &'a [(&'a str, Option<&'a [u8]>)];

/// Where a chunk's records were written, and by whom.
pub struct Place {
    /// all of a leaf in front of an envelope's head
    leaf: Vec<u8>,
    pub partition: u32,
}

impl Place {
    /// None where a length does not fit its byte.
    pub fn new(cluster: &str, topic_id: &[u8], partition: u32, principal: &str) -> Option<Self> {
        if topic_id.len() != 16 {
            return None;
        }
        let mut leaf = b"\0panlock-envelope-v1".to_vec();
        leaf.push(u8::try_from(cluster.len()).ok()?);
        leaf.extend(cluster.as_bytes());
        leaf.extend(topic_id);
        leaf.extend(partition.to_be_bytes());
        leaf.push(u8::try_from(principal.len()).ok()?);
        leaf.extend(principal.as_bytes());
        Some(Self { leaf, partition })
    }

    /// What sealing authenticates: a leaf without its content.
    pub fn associated_data(&self, head: &[u8]) -> Vec<u8> {
        [&self.leaf[1..], head].concat()
    }

    pub fn leaf(&self, envelope: &Envelope<'_>, content: &[u8; HASH]) -> [u8; HASH] {
        let mut digest = Sha256::new_with_prefix(&self.leaf);
        digest.update(envelope.head);
        digest.update(content);
        digest.finalize().into()
    }
}

/// The salted hash of key, value and the headers that are the producer's own.
pub fn content_hash(salt: &[u8], key: Option<&[u8]>, value: Option<&[u8]>, headers: Pairs<'_>) -> [u8; HASH] {
    let mut digest = Sha256::new_with_prefix(b"panlock-content-v1");
    digest.update(salt);
    update(&mut digest, key);
    update(&mut digest, value);
    for (name, content) in headers {
        if !name.starts_with(OWN) || *name == IDENTITY {
            update(&mut digest, Some(name.as_bytes()));
            update(&mut digest, *content);
        }
    }
    digest.finalize().into()
}
