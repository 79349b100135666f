//! What a member's name tells of its value.

use std::sync::atomic::{AtomicU64, Ordering};

use super::words::{self, CARD, CVV, NUMBER, OTHER, PAN, PIN, QUANTITY, TRACK};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// holds card numbers, whatever they look like
    Pan,
    Cvv,
    Pin,
    Track,
    Raised,
    Neutral,
    Lowered,
}

/// A name by itself: one that says no more than "a number", or nothing, is told by the object around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    Says(Name),
    Number,
    Nothing,
    /// "id" alone: of a card's data it may be the number
    Id,
}

impl Name {
    /// How many there are.
    pub const COUNT: usize = Name::Lowered as usize + 1;
}

const ALL: [Own; 10] = [
    Own::Says(Name::Pan),
    Own::Says(Name::Cvv),
    Own::Says(Name::Pin),
    Own::Says(Name::Track),
    Own::Says(Name::Raised),
    Own::Says(Name::Neutral),
    Own::Says(Name::Lowered),
    Own::Number,
    Own::Nothing,
    Own::Id,
];

const SLOTS: usize = 4096;
/// Bits of a slot that say which of ALL, plus one; the rest are of the name's hash.
const CODE: u64 = 0xff;

/// Names seen before: most records repeat them. Two names of one hash would share an entry: to lower the bar for a
/// number, naming it `id` is easier than finding such a pair.
static SEEN: [AtomicU64; SLOTS] = [const { AtomicU64::new(0) }; SLOTS];

impl Name {
    /// Of a member `name`, whose hash is `hash`, of an object that itself has the name `outer`.
    #[inline]
    pub fn of(hash: u64, name: &[u8], outer: Name) -> Name {
        let slot = &SEEN[(hash >> 32) as usize % SLOTS];
        let seen = slot.load(Ordering::Relaxed);
        let own = if seen & !CODE == hash & !CODE && seen & CODE != 0 {
            ALL[(seen & CODE) as usize - 1]
        } else {
            Own::learn(hash, name, slot)
        };
        own.within(outer)
    }
}

impl Own {
    #[cold]
    fn learn(hash: u64, name: &[u8], slot: &AtomicU64) -> Own {
        let own = Own::of(&String::from_utf8_lossy(name));
        let code = ALL.iter().position(|each| *each == own).map_or(0, |at| at as u64 + 1);
        slot.store(hash & !CODE | code, Ordering::Relaxed);
        own
    }

    fn within(self, outer: Name) -> Name {
        match (self, outer) {
            (Own::Number, Name::Raised) => Name::Pan,
            (Own::Number | Own::Nothing, outer) => outer,
            (Own::Says(Name::Neutral) | Own::Id, Name::Raised) => Name::Raised,
            (Own::Id, _) => Name::Lowered,
            (Own::Says(name), _) => name,
        }
    }

    fn of(name: &str) -> Own {
        let marks: Vec<char> = name.chars().collect();
        let (mut all, mut every, mut last, mut joined) = (0, NUMBER, 0, String::new());
        let (mut pan, mut card, mut counting) = (false, false, false);
        let masked = words::masked(&marks);
        words::each(&marks, true, |start, _, word| {
            if words::is_inside(&masked, start) {
                return;
            }
            let kinds = words::kinds(word);
            (all, every, last) = (all | kinds, every & kinds, kinds);
            pan |= word == "pan" || kinds == PAN;
            card |= word == "card" || word == "cc";
            counting |= kinds & NUMBER != 0 && !matches!(word, "code" | "text" | "data");
            joined.push_str(word);
        });
        let whole = words::kinds(&joined);
        let other = all & (OTHER | QUANTITY) != 0;
        if whole & PAN != 0 || !other && (pan || card && counting) {
            return Own::Says(Name::Pan);
        }
        for (kind, name) in [(CVV, Name::Cvv), (PIN, Name::Pin), (TRACK, Name::Track)] {
            if (whole | last) & kind != 0 {
                return Own::Says(name);
            }
        }
        match ((all | whole) & CARD != 0, other) {
            _ if joined.is_empty() => Own::Nothing,
            _ if joined == "id" => Own::Id,
            (true, false) => Own::Says(Name::Raised),
            (false, true) => Own::Says(Name::Lowered),
            _ if every & NUMBER != 0 => Own::Number,
            _ => Own::Says(Name::Neutral),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::hash;

    fn name(name: &str, outer: Name) -> Name {
        Name::of(hash(name.as_bytes()), name.as_bytes(), outer)
    }

    #[test]
    fn names_tell_what_they_hold() {
        let told = [
            (
                Name::Pan,
                "pan PAN card_number cardNumber CardNo primaryAccountNumber ccnum creditCard PANNumber card-nr",
            ),
            (Name::Cvv, "cvv CVV2 cardCvv card_security_code cvc cid"),
            (Name::Pin, "pin pinBlock encrypted_pin_block"),
            (Name::Track, "track2 Track2Data magstripe"),
            (Name::Raised, "card acct payment_card visa"),
            (Name::Neutral, "note memo card_id cardTimestamp payload"),
            (Name::Lowered, "order_id traceId timestamp imei2 gtin14 RRN tracking_number id"),
        ];
        for (expected, names) in told {
            for each in names.split(' ') {
                assert_eq!(name(each, Name::Neutral), expected, "{each}");
                assert_eq!(name(each, Name::Neutral), expected, "{each}, seen before");
            }
        }
    }

    #[test]
    fn a_name_that_says_number_is_told_by_its_object() {
        assert_eq!(name("number", Name::Raised), Name::Pan);
        assert_eq!(name("no", Name::Lowered), Name::Lowered);
        assert_eq!(name("note", Name::Raised), Name::Raised);
        assert_eq!(name("note", Name::Lowered), Name::Neutral);
        assert_eq!(name("id", Name::Raised), Name::Raised);
        assert_eq!(name("id", Name::Neutral), Name::Lowered);
        assert_eq!(name("a [REDACTED:PAN]", Name::Neutral), Name::Neutral);
    }
}
