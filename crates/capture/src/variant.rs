//! Dialects of pcap that have the usual magic number but longer record headers.
//!
//! They cannot be told by their first bytes, only by where the second record starts. Then they are refused by name and
//! not read on: that would be a guess. The first record has been handed out by then, with some bytes too many in front:
//! a live stream cannot wait for its second packet.
//!
//! Source: the record headers in Wireshark's `wiretap/libpcap.h`.

use crate::order::ByteOrder;

/// Most that a record of these dialects holds.
const LENGTH_MAX: u32 = 262_144;
/// Seconds between two neighbouring records, at most.
const DISTANCE_MAX: u32 = 7 * 86_400;
/// Files with capture times near 1970 look like anything.
const SECONDS_MIN: u32 = 100_000_000;

/// Bytes of the second record that tell.
pub(crate) const TELLING_BYTES: usize = 24;

/// Whether a file whose first record was taken at `seconds` can be taken as usual: the header `second` of its second
/// record is one, or no header would look like one.
pub(crate) fn looks_usual(seconds: u32, second: [u32; 4]) -> bool {
    seconds < SECONDS_MIN || is_plausible(second, seconds)
}

/// The dialect of a file whose first record was taken at `seconds`, where `after` is what follows that record if its
/// header had the usual length. `None` when the second record is nowhere.
pub(crate) fn longer_headers(order: ByteOrder, modified: bool, seconds: u32, after: &[u8]) -> Option<&'static str> {
    const USUAL: &[(usize, &str)] = &[
        (4, "Nokia's variant of pcap (20-byte record headers)"),
        (8, "the ss990417 variant of pcap (24-byte record headers)"),
    ];
    const MODIFIED: &[(usize, &str)] = &[(4, "the ss990915 variant of pcap (28-byte record headers)")];
    let plausible = |skip: usize| {
        after.get(skip..).and_then(|bytes| order.words::<4>(bytes)).is_some_and(|header| is_plausible(header, seconds))
    };
    let variants = if modified { MODIFIED } else { USUAL };
    variants.iter().find(|(more, _)| plausible(*more)).map(|(_, name)| *name)
}

fn is_plausible([at, fraction, captured, original]: [u32; 4], seconds: u32) -> bool {
    at.abs_diff(seconds) <= DISTANCE_MAX
        && fraction < 1_000_000_000
        && (1..=LENGTH_MAX).contains(&captured)
        && (captured..=LENGTH_MAX).contains(&original)
}

#[cfg(test)]
mod tests {
    use super::{longer_headers, looks_usual};
    use crate::order::ByteOrder::Little;

    #[test]
    fn the_second_record_tells() {
        const SECONDS: u32 = 1_700_000_000;
        let header: Vec<u8> = [SECONDS + 1, 5, 60, 60].iter().flat_map(|n| n.to_le_bytes()).collect();
        let shifted = |by: usize| [vec![9; by], header.clone()].concat();
        assert!(looks_usual(SECONDS, [SECONDS + 1, 5, 60, 60]));
        assert!(looks_usual(5, [0; 4]));
        assert!(!looks_usual(SECONDS, [0, SECONDS, 5, 60]));
        assert!(longer_headers(Little, false, SECONDS, &shifted(4)).is_some_and(|n| n.starts_with("Nokia")));
        assert!(longer_headers(Little, false, SECONDS, &shifted(8)).is_some_and(|n| n.contains("ss990417")));
        assert!(longer_headers(Little, true, SECONDS, &shifted(4)).is_some_and(|n| n.contains("ss990915")));
        assert_eq!(longer_headers(Little, false, SECONDS, &shifted(5)), None);
        assert_eq!(longer_headers(Little, false, SECONDS, &[]), None);
    }
}
