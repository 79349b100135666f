//! The check digit of ISO/IEC 7812-1, annex B.

/// Twice a digit, its own digits added up.
const DOUBLED: [u8; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];

/// Whether the last of `digits` (values 0 to 9) is the check digit of the others.
pub fn is_valid(digits: &[u8]) -> bool {
    let mut sum = 0u32;
    let mut double = false;
    for &digit in digits.iter().rev() {
        sum += u32::from(if double { DOUBLED[usize::from(digit)] } else { digit });
        double = !double;
    }
    sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> bool {
        is_valid(&text.bytes().map(|c| c - b'0').collect::<Vec<_>>())
    }

    // Test numbers that the schemes and payment providers publish.
    #[test]
    fn published_test_numbers_pass() {
        for number in ["4111111111111111", "5555555555554444", "378282246310005", "30569309025904", "6759649826438453"]
        {
            assert!(check(number), "{number}");
        }
    }

    #[test]
    fn every_wrong_last_digit_fails() {
        for last in ["0", "2", "3", "4", "5", "6", "7", "8", "9"] {
            assert!(!check(&format!("411111111111111{last}")));
        }
    }

    #[test]
    fn a_transposition_fails() {
        assert!(!check("4111111111111111".replacen("41", "14", 1).as_str()));
    }
}
