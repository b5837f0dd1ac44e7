//! Blocks beside the packets: interface statistics and names.
//!
//! Source: sections 4.5 and 4.6.

use super::interface::Interface;
use super::{Fault, options};
use crate::order::ByteOrder;
use crate::summary::{FileSummary, Warning};

/// `isb_ifrecv`, the first of five counters: received, dropped by the interface, accepted by the filter, dropped by
/// the system, delivered.
const FIRST_COUNTER: u16 = 4;

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

/// Name resolution (4.5): records of a type, a length and a value, then options.
pub(super) fn names(order: ByteOrder, body: &[u8], summary: &mut FileSummary) {
    // Records are framed like options and end like them.
    let mut records = options::Options::new(order, body);
    let mut used = 0;
    for (_, value) in records.by_ref() {
        summary.name_records += 1;
        used += 4 + value.len().next_multiple_of(4);
    }
    if records.lied {
        summary.warn(Warning::NameLength, || "a name record claims more bytes than its block has".to_owned());
        return;
    }
    // Four bytes of end mark, then the options.
    options::count_comments(order, body.get(used + 4..).unwrap_or_default(), summary);
}
