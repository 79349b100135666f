//! The headers that a signed record brings for Panlock.

use crate::signed::content::Pairs;
use crate::signed::refusal::Refusal;

pub const OWN: &str = "panlock-";
pub const IDENTITY: &str = "panlock-identity";
const ENVELOPE: &str = "panlock-envelope";
const SALT: &str = "panlock-salt";
const CERTIFICATES: &str = "panlock-certificates";
const SEALED_KEY: &str = "panlock-sealed-key";
pub const SALT_BYTES: usize = 16;

/// Each once at most, which of them somebody reads would else be a matter of luck.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Brought<'a> {
    pub envelope: &'a [u8],
    pub salt: &'a [u8],
    pub certificates: Option<&'a [u8]>,
    pub sealed_key: Option<&'a [u8]>,
}

pub fn brought<'a>(principal: &str, headers: Pairs<'a>) -> Result<Brought<'a>, Refusal> {
    let mut found = [None; 4];
    let mut identity = None;
    for (name, content) in headers {
        if !name.starts_with(OWN) {
            continue;
        }
        let (place, twice) = match *name {
            ENVELOPE => (&mut found[0], Refusal::EnvelopeDuplicate),
            SALT => (&mut found[1], Refusal::EnvelopeDuplicate),
            CERTIFICATES => (&mut found[2], Refusal::EnvelopeDuplicate),
            SEALED_KEY => (&mut found[3], Refusal::EnvelopeDuplicate),
            IDENTITY => (&mut identity, Refusal::IdentityDuplicate),
            _ => continue,
        };
        if place.replace(*content).is_some() {
            return Err(twice);
        }
    }
    if identity.is_some_and(|named| named != Some(principal.as_bytes())) {
        return Err(Refusal::IdentityMismatch);
    }
    let [envelope, salt, certificates, sealed_key] = found;
    let envelope = envelope.ok_or(Refusal::EnvelopeMissing)?.ok_or(Refusal::EnvelopeMalformed)?;
    let salt = salt.flatten().filter(|salt| salt.len() == SALT_BYTES).ok_or(Refusal::EnvelopeMalformed)?;
    Ok(Brought { envelope, salt, certificates: certificates.flatten(), sealed_key: sealed_key.flatten() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, Option<&[u8]>); 2] = [(ENVELOPE, Some(b"e")), (SALT, Some(&[0; 16]))];

    fn refused(headers: Pairs<'_>) -> Option<Refusal> {
        brought("checkout", headers).err()
    }

    #[test]
    fn an_envelope_and_its_salt_are_needed_once_each() {
        assert_eq!(refused(&GOOD), None);
        assert_eq!(refused(&[]), Some(Refusal::EnvelopeMissing));
        assert_eq!(refused(&GOOD[1..]), Some(Refusal::EnvelopeMissing));
        assert_eq!(refused(&GOOD[..1]), Some(Refusal::EnvelopeMalformed));
        assert_eq!(refused(&[GOOD[0], (SALT, Some(&[0; 15]))]), Some(Refusal::EnvelopeMalformed));
        assert_eq!(refused(&[(ENVELOPE, None), GOOD[1]]), Some(Refusal::EnvelopeMalformed));
        for twice in GOOD {
            assert_eq!(refused(&[GOOD[0], GOOD[1], twice]), Some(Refusal::EnvelopeDuplicate));
        }
        let keys = [GOOD[0], GOOD[1], (SEALED_KEY, None), (SEALED_KEY, None)];
        assert_eq!(refused(&keys), Some(Refusal::EnvelopeDuplicate));
    }

    #[test]
    fn an_identity_that_is_there_is_the_owners_once() {
        let named = |name: &'static [u8]| (IDENTITY, Some(name));
        assert_eq!(refused(&[GOOD[0], GOOD[1], named(b"checkout")]), None);
        assert_eq!(refused(&[GOOD[0], GOOD[1], named(b"refunds")]), Some(Refusal::IdentityMismatch));
        assert_eq!(refused(&[GOOD[0], GOOD[1], (IDENTITY, None)]), Some(Refusal::IdentityMismatch));
        let twice = [GOOD[0], GOOD[1], named(b"checkout"), named(b"checkout")];
        assert_eq!(refused(&twice), Some(Refusal::IdentityDuplicate));
    }
}
