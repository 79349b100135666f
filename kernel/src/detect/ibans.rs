//! IBANs (ISO 13616) in a text.

use super::text::Text;
use super::Finding;
use crate::config::Class;

/// Country and length, of the registry of November 2026.
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 \
    DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 \
    KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 \
    PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 \
    YE30";

/// How many characters an IBAN of the country has.
pub fn length(country: [u8; 2]) -> Option<usize> {
    let entry = LENGTHS.as_bytes().chunks(5).find(|entry| entry[..2] == country)?;
    Some(usize::from(entry[2] - b'0') * 10 + usize::from(entry[3] - b'0'))
}

pub fn find(text: &Text, found: &mut Vec<Finding>) {
    let marks = &text.marks;
    let mut at = 0;
    while at + 4 < marks.len() {
        let starts = at == 0 || !marks[at - 1].is_ascii_alphanumeric();
        match starts.then(|| end(marks, at)).flatten() {
            Some(end) => {
                found.push(Finding::new(Class::Iban, at, end));
                at = end;
            }
            None => at += 1,
        }
    }
}

/// Where the IBAN that begins at `start` ends.
fn end(marks: &[char], start: usize) -> Option<usize> {
    let letter = |at: usize| marks[at].is_ascii_alphabetic().then(|| marks[at].to_ascii_uppercase() as u8);
    let length = length([letter(start)?, letter(start + 1)?])?;
    let mut iban = Vec::with_capacity(length);
    let mut at = start;
    while iban.len() < length {
        match marks.get(at)? {
            mark if mark.is_ascii_alphanumeric() => iban.push(*mark),
            ' ' if iban.len() >= 4 && marks[at - 1] != ' ' => {}
            _ => return None,
        }
        at += 1;
    }
    let glued = marks.get(at).is_some_and(char::is_ascii_alphanumeric);
    let checked = iban[2].is_ascii_digit() && iban[3].is_ascii_digit() && remainder(&iban) == 1;
    (!glued && checked).then_some(at)
}

fn remainder(iban: &[char]) -> u32 {
    let rearranged = iban[4..].iter().chain(&iban[..4]);
    rearranged
        .filter_map(|mark| mark.to_digit(36))
        .fold(0, |rest, value| (rest * if value < 10 { 10 } else { 100 } + value) % 97)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(&Text::plain(text.as_bytes()), &mut found);
        found.iter().map(|each| &text[each.start..each.end]).collect()
    }

    #[test]
    fn ibans_are_found_in_one_piece_and_in_groups() {
        assert_eq!(found("to DE89370400440532013000."), ["DE89370400440532013000"]);
        assert_eq!(found("gb29 NWBK 6016 1331 9268 19 thanks"), ["gb29 NWBK 6016 1331 9268 19"]);
        assert_eq!(found("NO9386011117947"), ["NO9386011117947"]);
    }

    #[test]
    fn a_wrong_check_digit_length_or_country_is_none() {
        for text in
            ["DE88370400440532013000", "DE8937040044053201300", "ZZ89370400440532013000", "xDE89370400440532013000"]
        {
            assert!(found(text).is_empty(), "{text}");
        }
    }
}
