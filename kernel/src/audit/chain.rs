//! A lane's chain: how far do records continue it as they should?

use sha2::{Digest, Sha256};

use crate::audit::canonical::{read, Event};
use crate::audit::tree::{leaf, Hash};
use crate::digest::hex;

/// A record of the audit topic: key and value.
pub type Record<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// `head`: hash of the last event that is as it should be; `signed`: which of them have a signature.
pub struct Replayed {
    pub count: usize,
    pub head: Hash,
    pub leaves: Vec<Hash>,
    pub signed: Vec<usize>,
}

/// Records from the first on, until one is not event `due` of the lane behind `head`, in canonical form under its key.
pub fn replay<'a>(lane: u32, mut due: u64, head: Hash, records: impl Iterator<Item = Record<'a>>) -> Replayed {
    let mut replayed = Replayed { count: 0, head, leaves: Vec::new(), signed: Vec::new() };
    for (key, value) in records {
        let Some((value, event)) = value.and_then(|value| Some((value, read(value)?))) else { break };
        if !continues(&event, key, lane, due, &replayed.head) {
            break;
        }
        if event.signed {
            replayed.signed.push(replayed.count);
        }
        replayed.head = Sha256::digest(value).into();
        replayed.leaves.push(leaf(value));
        replayed.count += 1;
        due += 1;
    }
    replayed
}

fn continues(event: &Event<'_>, key: Option<&[u8]>, lane: u32, due: u64, head: &Hash) -> bool {
    let name = format!("{lane}/{due}");
    let Some((lane, seq)) = name.split_once('/') else { return false };
    event.version == Some(b"1")
        && key == Some(name.as_bytes())
        && event.id.and_then(unquoted) == Some(name.as_bytes())
        && event.lane == Some(lane.as_bytes())
        && event.seq == Some(seq.as_bytes())
        && event.kind.and_then(unquoted).is_some()
        && event.prev.and_then(unquoted) == Some(&hex(head))
}

fn unquoted(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(lane: u32, seq: u64, prev: &Hash, more: &str) -> (Vec<u8>, Vec<u8>) {
        let prev = String::from_utf8(hex(prev).to_vec()).unwrap();
        let value = format!(
            r#"{{"id":"{lane}/{seq}","lane":{lane},"prev":"{prev}","seq":{seq},{more}"type":"lane.opened","v":1}}"#
        );
        (format!("{lane}/{seq}").into_bytes(), value.into_bytes())
    }

    fn chain(count: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut head = [0; 32];
        (0..count)
            .map(|seq| {
                let made = event(3, seq, &head, if seq % 3 == 2 { r#""signature":{},"# } else { "" });
                head = Sha256::digest(&made.1).into();
                made
            })
            .collect()
    }

    fn run(records: &[(Vec<u8>, Vec<u8>)], due: u64, head: Hash) -> Replayed {
        replay(3, due, head, records.iter().map(|(key, value)| (Some(&key[..]), Some(&value[..]))))
    }

    #[test]
    fn an_untouched_chain_is_replayed_to_its_end() {
        let records = chain(10);
        let all = run(&records, 0, [0; 32]);
        assert_eq!((all.count, all.signed, all.leaves.len()), (10, vec![2, 5, 8], 10));
        assert_eq!(all.head, <Hash>::from(Sha256::digest(&records[9].1)));
        assert_eq!(all.leaves[4], leaf(&records[4].1));
        let head = Sha256::digest(&records[3].1).into();
        assert_eq!(run(&records[4..], 4, head).count, 6);
    }

    #[test]
    fn it_stops_at_whatever_does_not_continue_it() {
        let good = chain(4);
        assert_eq!(run(&good, 1, [0; 32]).count, 0);
        assert_eq!(run(&good, 0, [1; 32]).count, 0);
        for (at, with) in [
            (2, event(3, 3, &Sha256::digest(&good[1].1).into(), "")),
            (2, event(2, 2, &Sha256::digest(&good[1].1).into(), "")),
            (2, event(3, 2, &[0; 32], "")),
            (2, (b"3/1".to_vec(), good[2].1.clone())),
            (2, (good[2].0.clone(), [&good[2].1[..], b" "].concat())),
        ] {
            let mut records = good.clone();
            records[at] = with;
            assert_eq!(run(&records, 0, [0; 32]).count, at);
        }
        let tombstone = good[..2].iter().map(|(k, v)| (Some(&k[..]), Some(&v[..]))).chain([(Some(&b"3/2"[..]), None)]);
        assert_eq!(replay(3, 0, [0; 32], tombstone).count, 2);
    }
}
