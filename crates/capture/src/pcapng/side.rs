//! Blocks beside the packets: interface statistics and names.
//!
//! Source: sections 4.5 and 4.6.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::interface::Interface;
use super::{Fault, options};
use crate::order::ByteOrder;
use crate::summary::{FileSummary, Warning};

/// `isb_ifrecv`, the first of five counters: received, dropped by the interface, accepted by the filter, dropped by
/// the system, delivered.
const FIRST_COUNTER: u16 = 4;

/// The longest name that DNS allows.
const NAME_BYTES_MAX: usize = 255;

/// Interface statistics (4.6). The counters are totals, so the change since the block before is added.
pub(super) fn statistics(
    order: ByteOrder,
    interfaces: &mut [Interface],
    body: &[u8],
    summary: &mut FileSummary,
) -> Result<(), Fault> {
    let [number, _, _] = order.words::<3>(body).ok_or("a statistics block needs 24 bytes")?;
    summary.statistics.blocks += 1;
    let Some(interface) = interfaces.get_mut(number as usize) else {
        summary.warn(Warning::UnknownInterface, || {
            format!("statistics of interface {number}, which is not described, are ignored")
        });
        return Ok(());
    };
    options::for_each(order, &body[12..], summary, |summary, code, value| {
        let slot = usize::from(code.wrapping_sub(FIRST_COUNTER));
        if let (Some(counter), Ok(bytes)) = (interface.counters.get_mut(slot), value.try_into()) {
            let value = order.u64(bytes);
            let before = std::mem::replace(counter, value);
            add(summary, slot, before, value);
        }
    });
    Ok(())
}

fn add(summary: &mut FileSummary, slot: usize, before: u64, now: u64) {
    let statistics = &mut summary.statistics;
    let total = match slot {
        0 => &mut statistics.received,
        1 => &mut statistics.dropped_by_interface,
        2 => &mut statistics.accepted,
        3 => &mut statistics.dropped_by_system,
        _ => &mut statistics.delivered,
    };
    *total = total.saturating_sub(before).saturating_add(now);
}

/// Name resolution (4.5): records of a type, a length and a value, then options. At most `names_max` names are kept.
pub(super) fn names(order: ByteOrder, body: &[u8], names_max: usize, summary: &mut FileSummary) {
    // Records are framed like options and end like them.
    let mut records = options::Options::new(order, body);
    let mut used = 0;
    for (kind, value) in records.by_ref() {
        summary.name_records += 1;
        record(kind, value, names_max, &mut summary.names);
        used += 4 + value.len().next_multiple_of(4);
    }
    if records.lied {
        summary.warn(Warning::NameLength, || "a name record claims more bytes than its block has".to_owned());
        return;
    }
    // Four bytes of end mark, then the options.
    options::count_comments(order, body.get(used + 4..).unwrap_or_default(), summary);
}

/// Records of an address (`nrb_record_ipv4`, `nrb_record_ipv6`) with its names, each ended by a zero byte.
fn record(kind: u16, value: &[u8], names_max: usize, names: &mut BTreeSet<(IpAddr, String)>) {
    let (address, rest) = match kind {
        1 => match value.split_first_chunk::<4>() {
            Some((bytes, rest)) => (IpAddr::from(*bytes), rest),
            None => return,
        },
        2 => match value.split_first_chunk::<16>() {
            Some((bytes, rest)) => (IpAddr::from(*bytes).to_canonical(), rest),
            None => return,
        },
        _ => return,
    };
    for name in rest.split(|byte| *byte == 0).filter(|name| (1..=NAME_BYTES_MAX).contains(&name.len())) {
        if names.len() < names_max {
            names.insert((address, String::from_utf8_lossy(name).into_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::record;

    #[test]
    fn names_of_both_families_up_to_the_limit() {
        let mut names = BTreeSet::new();
        record(1, b"\x0a\x00\x00\x01one\0two\0", 3, &mut names);
        record(1, b"\x0a\x00", 3, &mut names);
        record(9, b"\x0a\x00\x00\x01nine\0", 3, &mut names);
        record(2, b"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x02three", 3, &mut names);
        record(1, b"\x0a\x00\x00\x03four\0", 3, &mut names);
        let shown: Vec<_> = names.iter().map(|(address, name)| format!("{address} {name}")).collect();
        assert_eq!(shown, ["10.0.0.1 one", "10.0.0.1 two", "10.0.0.2 three"]);
    }
}
