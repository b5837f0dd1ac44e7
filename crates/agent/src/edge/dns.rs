//! Names of addresses from answers of the domain name system that pass by. Source: RFC 1035, section 4; RFC 3596.
//!
//! The datagram is anybody's: lengths are checked at each step, pointers go backwards only, and work is bounded by the
//! limits below. What is no sound answer gives nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Records of an answer that are looked at.
const RECORDS_MAX: usize = 64;
/// Pointers of a name.
const POINTERS_MAX: usize = 16;
/// Characters of a name.
const NAME_MAX: usize = 253;

const A: u16 = 1;
const CNAME: u16 = 5;
const PTR: u16 = 12;
const AAAA: u16 = 28;

/// Addresses with the name that was asked for, from the payload of a datagram that came from port 53.
#[must_use]
pub fn names(payload: &[u8]) -> Vec<(IpAddr, String)> {
    answers(payload).unwrap_or_default()
}

fn answers(payload: &[u8]) -> Option<Vec<(IpAddr, String)>> {
    let flags = word(payload, 2)?;
    let (questions, count) = (word(payload, 4)?, word(payload, 6)?);
    // An answer, whole, to a standard query, without an error.
    let sound = flags & 0x8000 != 0 && flags & 0x7a0f == 0;
    if !sound || questions != 1 {
        return None;
    }
    let mut at = 12;
    let asked = name(payload, &mut at)?;
    at = at.checked_add(4)?;
    let mut found = Vec::new();
    for _ in 0..usize::from(count).min(RECORDS_MAX) {
        let Some(record) = record(payload, &mut at) else { break };
        match (record.kind, record.data) {
            (A, [a, b, c, d]) => found.push((Ipv4Addr::new(*a, *b, *c, *d).into(), asked.clone())),
            (AAAA, data) => {
                let address: [u8; 16] = data.try_into().ok()?;
                found.push((Ipv6Addr::from(address).to_canonical(), asked.clone()));
            }
            (PTR, _) => {
                let address = reversed(&asked)?;
                let mut inside = record.data_at;
                found.push((address, name(payload, &mut inside)?));
            }
            // An alias: what comes is still what was asked for.
            (CNAME, _) => {}
            _ => {}
        }
    }
    Some(found)
}

struct Record<'a> {
    kind: u16,
    data: &'a [u8],
    data_at: usize,
}

fn record<'a>(payload: &'a [u8], at: &mut usize) -> Option<Record<'a>> {
    skip_name(payload, at)?;
    let kind = word(payload, *at)?;
    let length = usize::from(word(payload, at.checked_add(8)?)?);
    let data_at = at.checked_add(10)?;
    let data = payload.get(data_at..data_at.checked_add(length)?)?;
    *at = data_at + length;
    Some(Record { kind, data, data_at })
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
}

fn skip_name(payload: &[u8], at: &mut usize) -> Option<()> {
    loop {
        match *payload.get(*at)? {
            0 => {
                *at += 1;
                return Some(());
            }
            length if length & 0xc0 == 0xc0 => {
                *at += 2;
                return Some(());
            }
            length if length & 0xc0 == 0 => *at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

/// A name in lower case with dots; `None` when it holds more than letters, digits, `-` and `_`.
fn name(payload: &[u8], at: &mut usize) -> Option<String> {
    let mut name = String::new();
    let (mut here, mut pointers) = (*at, 0);
    loop {
        let length = *payload.get(here)?;
        match length {
            0 => break,
            length if length & 0xc0 == 0xc0 => {
                let target = usize::from(word(payload, here)? & 0x3fff);
                pointers += 1;
                // Only backwards, so that there is no way round.
                if pointers > POINTERS_MAX || target >= here {
                    return None;
                }
                here = target;
            }
            length if length & 0xc0 == 0 => {
                let end = here + 1 + usize::from(length);
                let label = payload.get(here + 1..end)?;
                let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
                if !label.iter().all(plain) || name.len() + label.len() + 1 > NAME_MAX {
                    return None;
                }
                if !name.is_empty() {
                    name.push('.');
                }
                name.extend(label.iter().map(|b| char::from(b.to_ascii_lowercase())));
                here = end;
            }
            _ => return None,
        }
    }
    skip_name(payload, at)?;
    (!name.is_empty()).then_some(name)
}

/// The address in a name for reverse look-ups.
fn reversed(name: &str) -> Option<IpAddr> {
    if let Some(front) = name.strip_suffix(".in-addr.arpa") {
        let parts: Vec<&str> = front.rsplit('.').collect();
        return parts.join(".").parse::<Ipv4Addr>().ok().map(IpAddr::from);
    }
    let digits: Vec<&str> = name.strip_suffix(".ip6.arpa")?.rsplit('.').collect();
    if digits.len() != 32 || digits.iter().any(|digit| digit.len() != 1) {
        return None;
    }
    let bits = u128::from_str_radix(&digits.concat(), 16).ok()?;
    Some(Ipv6Addr::from_bits(bits).to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::names;

    /// An answer to `asked` with records of (kind, data).
    fn answer(asked: &[&str], records: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let count = u16::try_from(records.len()).expect("few");
        let mut bytes = vec![0, 1, 0x81, 0x80, 0, 1];
        bytes.extend(count.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(labels(asked));
        bytes.extend([0, 1, 0, 1]);
        for (kind, data) in records {
            bytes.extend([0xc0, 12]);
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 60]);
            bytes.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
            bytes.extend(data);
        }
        bytes
    }

    fn labels(name: &[&str]) -> Vec<u8> {
        let one = |label: &&str| [&[u8::try_from(label.len()).expect("short")], label.as_bytes()].concat();
        [name.iter().flat_map(one).collect(), vec![0]].concat()
    }

    fn shown(payload: &[u8]) -> Vec<String> {
        names(payload).into_iter().map(|(address, name)| format!("{address} {name}")).collect()
    }

    #[test]
    fn addresses_have_the_name_that_was_asked_for() {
        let bytes = answer(
            &["Shop", "example"],
            &[
                (5, vec![0xc0, 12]),
                (1, vec![10, 0, 0, 9]),
                (28, vec![0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]),
            ],
        );
        assert_eq!(shown(&bytes), ["10.0.0.9 shop.example", "2001:db8::7 shop.example"]);
        let back = answer(&["9", "0", "0", "10", "in-addr", "arpa"], &[(12, labels(&["shop", "example"]))]);
        assert_eq!(shown(&back), ["10.0.0.9 shop.example"]);
        let nibbles: Vec<String> = "20010db8000000000000000000000007".chars().rev().map(String::from).collect();
        let mut six: Vec<&str> = nibbles.iter().map(String::as_str).collect();
        six.extend(["ip6", "arpa"]);
        assert_eq!(shown(&answer(&six, &[(12, labels(&["a"]))])), ["2001:db8::7 a"]);
    }

    #[test]
    fn what_is_no_sound_answer_gives_nothing() {
        let good = answer(&["a"], &[(1, vec![1, 2, 3, 4])]);
        assert_eq!(names(&good).len(), 1);
        for (at, value) in [(2, 0x01), (2, 0x83), (3, 0x83), (5, 2), (12, 0x40), (13, b'<')] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(names(&bad), [], "{at}");
        }
        // A name that points at itself, and one that points forwards.
        for target in [12, 20] {
            let mut bad = good[..12].to_vec();
            bad.extend([0xc0, target, 0, 1, 0, 1]);
            bad.extend(&good[19..]);
            assert_eq!(names(&bad), []);
        }
        assert_eq!(names(&answer(&["a"], &[(28, vec![1, 2, 3, 4])])), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = names(&bytes);
        }

        #[test]
        fn any_change_of_an_answer_is_read_without_harm(at in 0_usize..60, value: u8, end in 0_usize..80) {
            let mut bytes = answer(&["shop", "example"], &[(5, vec![0xc0, 12]), (1, vec![1, 2, 3, 4])]);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            bytes.truncate(end);
            prop_assert!(names(&bytes).len() <= 2);
        }
    }
}
