//! Opening what a producer sealed: AES-256-GCM under the stream's data key of the hour.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};

const TAG: usize = 16;
const MAX_PARTITION: u32 = (1 << 24) - 1;

/// Which part of a record; the nonce begins with it.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Key = 0,
    Value = 1,
}

/// A data key, its schedule done.
pub struct DataKey(Aes256Gcm);

impl DataKey {
    /// None for another length than 32 bytes.
    pub fn new(key: &[u8]) -> Option<Self> {
        Aes256Gcm::new_from_slice(key).ok().map(Self)
    }

    /// The text of `sealed`, appended to `room`; false, and nothing appended, where it does not open.
    pub fn open(
        &self,
        part: Part,
        partition: u32,
        sequence: u64,
        associated_data: &[u8],
        sealed: &[u8],
        room: &mut Vec<u8>,
    ) -> bool {
        let Some((text, tag)) = sealed.split_last_chunk::<TAG>() else { return false };
        if partition > MAX_PARTITION {
            return false;
        }
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&partition.to_be_bytes());
        nonce[0] = part as u8;
        nonce[4..].copy_from_slice(&sequence.to_be_bytes());
        let start = room.len();
        room.extend_from_slice(text);
        let opened = self.0.decrypt_inout_detached(
            &Nonce::from(nonce),
            associated_data,
            (&mut room[start..]).into(),
            &Tag::from(*tag),
        );
        if opened.is_err() {
            room.truncate(start);
        }
        opened.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(part: u8, partition: u8, sequence: u8, text: &[u8]) -> Vec<u8> {
        let mut nonce = [0; 12];
        (nonce[0], nonce[3], nonce[11]) = (part, partition, sequence);
        let mut bytes = text.to_vec();
        let cipher = Aes256Gcm::new_from_slice(&[7; 32]).unwrap();
        let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), b"aad", (&mut bytes[..]).into()).unwrap();
        bytes.extend(tag);
        bytes
    }

    #[test]
    fn it_opens_in_its_place_and_in_no_other() {
        let key = DataKey::new(&[7; 32]).unwrap();
        let made = sealed(1, 3, 9, b"text");
        let mut room = b"before ".to_vec();
        assert!(key.open(Part::Value, 3, 9, b"aad", &made, &mut room));
        assert_eq!(room, b"before text");
        for (part, partition, sequence, aad) in [
            (Part::Key, 3, 9, &b"aad"[..]),
            (Part::Value, 4, 9, b"aad"),
            (Part::Value, 3, 8, b"aad"),
            (Part::Value, 3, 9, b"other"),
            (Part::Value, 0x0100_0003, 9, b"aad"),
        ] {
            assert!(!key.open(part, partition, sequence, aad, &made, &mut room));
        }
        for cut in 0..made.len() {
            assert!(!key.open(Part::Value, 3, 9, b"aad", &made[..cut], &mut room));
        }
        assert_eq!(room, b"before text");
        assert!(!DataKey::new(&[8; 32]).unwrap().open(Part::Value, 3, 9, b"aad", &made, &mut room));
        assert!(DataKey::new(&[7; 31]).is_none());
    }
}
