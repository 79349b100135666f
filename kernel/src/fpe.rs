//! Format-preserving encryption of card numbers: FF1 (NIST SP 800-38G) with AES-256 over the digits between the first
//! six and the check digit.
//!
//! key = HMAC-SHA-256(key, "panlock-fpe-v1\0"), tweak = "panlock-fpe-v1\0" ‖ first six ‖ "\0" ‖ class ‖ "\0" ‖ domain.
//! The check digit is the right one plus one, modulo ten: two numbers never become one, and none becomes a card number.

use aes::Aes256;
use fpe::ff1::{FlexibleNumeralString, FF1};
use hmac::Mac;

use crate::config::Class;
use crate::iin::LONGEST;
use crate::keyring::Keyring;
use crate::luhn;

const PURPOSE: &[u8] = b"panlock-fpe-v1\0";
const BIN: usize = 6;
/// Six digits to encrypt, for FF1 takes no domain below 10^6 (SP 800-38G r1), beside the first six and the check digit.
const SHORTEST: usize = BIN + 6 + 1;

pub struct Fpe {
    ff1: FF1<Aes256>,
    /// what follows the first six digits in the tweak
    binding: String,
}

impl Fpe {
    pub fn new(keyring: &Keyring, id: &str, domain: &str, class: Class) -> Result<Self, String> {
        let key = keyring.mac(id, PURPOSE)?.finalize().into_bytes();
        let ff1 = FF1::new(&key, 10).map_err(|_| "FF1 takes radix 10".to_owned())?;
        Ok(Self { ff1, binding: format!("\0{}\0{domain}", class.name()) })
    }

    /// `digits` in ASCII. None for what is no card number by length and check digit.
    pub fn encrypt(&self, digits: &[u8]) -> Option<String> {
        let fits = (SHORTEST..=LONGEST).contains(&digits.len()) && luhn::is_valid(&values(digits));
        fits.then(|| self.middle(digits, true)).flatten().map(|number| with_check_digit(number, 1))
    }

    #[cfg(test)] // a number has no key id, so nobody can say that what comes out was once the number
    /// The card number that became `digits`; None where they have not the form.
    pub fn decrypt(&self, digits: &[u8]) -> Option<String> {
        is_encrypted(digits).then(|| self.middle(digits, false)).flatten().map(|number| with_check_digit(number, 0))
    }

    /// The first six digits and those between them and the check digit, transformed.
    fn middle(&self, digits: &[u8], forward: bool) -> Option<Vec<u8>> {
        let (bin, middle) = (&digits[..BIN], &digits[BIN..digits.len() - 1]);
        let tweak = [PURPOSE, bin, self.binding.as_bytes()].concat();
        let numerals = FlexibleNumeralString::from(middle.iter().map(|c| u16::from(c - b'0')).collect::<Vec<_>>());
        let changed = match forward {
            true => self.ff1.encrypt(&tweak, &numerals),
            false => self.ff1.decrypt(&tweak, &numerals),
        };
        let numerals: Vec<u16> = changed.ok()?.into();
        Some(bin.iter().copied().chain(numerals.iter().map(|&value| value as u8 + b'0')).collect())
    }
}

/// Whether `text` is in the form that `encrypt` gives: the check digit is one too high.
pub fn is_encrypted(text: &[u8]) -> bool {
    (SHORTEST..=LONGEST).contains(&text.len())
        && text.iter().all(u8::is_ascii_digit)
        && (check_digit(&text[..text.len() - 1]) + 1) % 10 == i32::from(text[text.len() - 1] - b'0')
}

fn with_check_digit(mut number: Vec<u8>, more: i32) -> String {
    let check = (check_digit(&number) + more) % 10;
    number.push(b'0' + check as u8);
    number.into_iter().map(char::from).collect()
}

/// The digit that makes `payload` a valid number.
fn check_digit(payload: &[u8]) -> i32 {
    let sum: i32 = payload
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (i32::from(digit - b'0'), place % 2) {
            (value, 0) => value * 2 / 10 + value * 2 % 10,
            (value, _) => value,
        })
        .sum();
    (10 - sum % 10) % 10
}

fn values(digits: &[u8]) -> Vec<u8> {
    digits.iter().map(|digit| digit - b'0').collect()
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit};
    use aes::{Aes128, Aes192};

    use super::*;

    fn fpe(domain: &str) -> Fpe {
        let keyring = Keyring::new(vec![("k1".into(), vec![7; 32])], "k1").unwrap();
        Fpe::new(&keyring, "k1", domain, Class::Pan).unwrap()
    }

    #[test]
    fn a_number_keeps_length_and_bin_and_fails_the_check_digit() {
        for number in ["4111111111111111", "378282246310005", "6205500000000000004", "4222222222222", "30569309025904"]
        {
            let masked = fpe("cards").encrypt(number.as_bytes()).unwrap();
            assert_eq!((masked.len(), &masked[..6]), (number.len(), &number[..6]));
            assert!(!luhn::is_valid(&values(masked.as_bytes())), "{masked}");
            assert!(is_encrypted(masked.as_bytes()) && !is_encrypted(number.as_bytes()));
            assert_eq!(fpe("cards").decrypt(masked.as_bytes()).unwrap(), number);
            assert_ne!(fpe("loyalty").encrypt(number.as_bytes()).unwrap(), masked);
        }
    }

    #[test]
    fn what_is_no_card_number_or_too_short_to_hide_is_refused() {
        assert!(luhn::is_valid(&values(b"501800000009")));
        for number in ["", "4111111111111112", "501800000009", "41111111111111111111"] {
            assert_eq!(fpe("cards").encrypt(number.as_bytes()), None, "{number}");
        }
    }

    #[test]
    fn different_numbers_stay_different() {
        let all: std::collections::BTreeSet<_> = (0..2000)
            .map(|index| with_check_digit(format!("411111{index:09}").into_bytes(), 0))
            .map(|number| fpe("cards").encrypt(number.as_bytes()).unwrap())
            .collect();
        assert_eq!(all.len(), 2000);
    }

    fn sample<C>(key: &str, radix: u32, tweak: &str, plain: &str) -> String
    where
        C: BlockSizeUser<BlockSize = aes::cipher::consts::U16>
            + BlockCipherEncrypt
            + BlockCipherDecrypt
            + KeyInit
            + Clone,
    {
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let numerals: Vec<u16> = plain.chars().map(|c| c.to_digit(radix).unwrap() as u16).collect();
        let cipher = FF1::<C>::new(&bytes(key), radix).unwrap();
        let masked: Vec<u16> = cipher.encrypt(&bytes(tweak), &FlexibleNumeralString::from(numerals)).unwrap().into();
        masked.iter().map(|&value| char::from_digit(u32::from(value), radix).unwrap()).collect()
    }

    // NIST SP 800-38G, FF1 samples 1 to 9
    #[test]
    fn the_samples_of_sp_800_38g_hold() {
        let key = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94";
        let (none, ten, eleven) = ("", "39383736353433323130", "3737373770717273373737");
        let (digits, letters) = ("0123456789", "0123456789abcdefghi");
        assert_eq!(sample::<Aes128>(&key[..32], 10, none, digits), "2433477484");
        assert_eq!(sample::<Aes128>(&key[..32], 10, ten, digits), "6124200773");
        assert_eq!(sample::<Aes128>(&key[..32], 36, eleven, letters), "a9tv40mll9kdu509eum");
        assert_eq!(sample::<Aes192>(&key[..48], 10, none, digits), "2830668132");
        assert_eq!(sample::<Aes192>(&key[..48], 10, ten, digits), "2496655549");
        assert_eq!(sample::<Aes192>(&key[..48], 36, eleven, letters), "xbj3kv35jrawxv32ysr");
        assert_eq!(sample::<Aes256>(key, 10, none, digits), "6657667009");
        assert_eq!(sample::<Aes256>(key, 10, ten, digits), "1001623463");
        assert_eq!(sample::<Aes256>(key, 36, eleven, letters), "xs8a0azh2avyalyzuwd");
    }
}
