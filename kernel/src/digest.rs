//! The hash of a record, as `pipeline.record.record_sha256` defines it.

use sha2::{Digest, Sha256};

const DOMAIN: &[u8] = b"panlock-record-v1";
const NULL: [u8; 4] = [0xff; 4];

/// One header: its name and value.
pub type Header<'a> = (&'a str, Option<&'a [u8]>);

/// Headers that Panlock alone may set: never passed on from a producer and no part of the hash.
pub fn is_own(name: &str) -> bool {
    name.starts_with("panlock-")
}

/// SHA-256 of a record.
pub fn record_sha256<'a>(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl Iterator<Item = Header<'a>>,
) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(DOMAIN);
    update(&mut digest, key);
    update(&mut digest, value);
    for (name, content) in headers {
        if !is_own(name) {
            update(&mut digest, Some(name.as_bytes()));
            update(&mut digest, content);
        }
    }
    digest.finalize().into()
}

/// One part: its length, or that it is null, and its bytes.
pub fn update(digest: &mut Sha256, part: Option<&[u8]>) {
    match part {
        None => digest.update(NULL),
        Some(bytes) => {
            // a record of 4 GiB cannot exist: Kafka's sizes are i32
            digest.update((bytes.len() as u32).to_be_bytes());
            digest.update(bytes);
        }
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        (pair[0], pair[1]) = (byte >> 4, byte & 15);
    }
    text.map(|digit| digit + if digit < 10 { b'0' } else { b'a' - 10 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(digest: [u8; 32]) -> String {
        String::from_utf8(hex(&digest).to_vec()).unwrap()
    }

    // the digests are those of pipeline.record.record_sha256
    #[test]
    fn the_hash_tells_null_from_empty_and_leaves_our_own_headers_out() {
        let null = text(record_sha256(None, None, [].into_iter()));
        let empty = text(record_sha256(Some(b""), Some(b""), [].into_iter()));
        assert_eq!(null, "b402ce4d9873412283eb435e117c1388939aa7530d8cfc30bc4814a778dd27c3");
        assert_eq!(empty, "aafd35811b277023570d99af34cc62e9c883dd3717e09691dbf04c63c5da1798");
        let headers = [("a", Some(&b"1"[..])), ("panlock-policy", Some(b"x")), ("a", None)];
        assert_eq!(
            text(record_sha256(Some(b"k"), Some(b"{}"), headers.into_iter())),
            "e1e69883246d19e59edd8dfb7910ef5e07f50b8d53b9c91f83e96f27011f4b46"
        );
    }
}
