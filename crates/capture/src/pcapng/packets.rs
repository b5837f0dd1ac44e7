//! The three kinds of packet blocks.
//!
//! Source: sections 4.3 and 4.4, appendix A for the obsolete one.

use arachne_model::UnixNanos;

use super::block::Block;
use super::interface::Interface;
use super::{Fault, Pcapng, options};
use crate::order::ByteOrder;
use crate::packet::Found;
use crate::summary::{FileSummary, Warning};

/// Where the packet starts in the body of an enhanced packet block and of an obsolete packet block.
const ENHANCED_BYTES: usize = 20;
/// Where it starts in a simple packet block.
const SIMPLE_BYTES: usize = 4;

/// The fields in front of the packet.
struct Head {
    interface: u32,
    ticks: u64,
    captured: u32,
    original: u32,
}

impl Pcapng {
    /// Enhanced packet block (4.3).
    #[inline]
    pub(super) fn enhanced_packet(
        &mut self,
        block: &Block,
        body: &[u8],
        summary: &mut FileSummary,
    ) -> Result<Found, Fault> {
        let [interface, high, low, captured, original] =
            self.framing.order.words::<5>(body).ok_or("a packet block needs 32 bytes")?;
        let ticks = u64::from(high) << 32 | u64::from(low);
        self.timed_packet(block, body, &Head { interface, ticks, captured, original }, summary)
    }

    /// Obsolete packet block (appendix A): like the enhanced one, with 16 bits of interface and 16 bits of drops.
    pub(super) fn obsolete_packet(
        &mut self,
        block: &Block,
        body: &[u8],
        summary: &mut FileSummary,
    ) -> Result<Found, Fault> {
        const UNKNOWN: u16 = u16::MAX;
        let order = self.framing.order;
        let [first, high, low, captured, original] = order.words::<5>(body).ok_or("a packet block needs 32 bytes")?;
        let (interface, drops) = order.halves(first);
        let ticks = u64::from(high) << 32 | u64::from(low);
        let head = Head { interface: u32::from(interface), ticks, captured, original };
        let found = self.timed_packet(block, body, &head, summary)?;
        if drops != UNKNOWN {
            summary.dropped_between = summary.dropped_between.saturating_add(u64::from(drops));
        }
        Ok(found)
    }

    #[inline]
    fn timed_packet(
        &mut self,
        block: &Block,
        body: &[u8],
        head: &Head,
        summary: &mut FileSummary,
    ) -> Result<Found, Fault> {
        let interface = lookup(&self.interfaces, head.interface)?;
        let length = head.captured as usize;
        let room = body.len() - ENHANCED_BYTES;
        if length > room {
            return Err(over_block(head.captured, room));
        }
        let (timestamp, bad_timestamp) = interface.clock.instant(head.ticks);
        let options = body.get(ENHANCED_BYTES + length.next_multiple_of(4)..).unwrap_or_default();
        if !options.is_empty() {
            packet_options(self.framing.order, options, summary);
        }
        self.last = timestamp;
        let start = block.start + ENHANCED_BYTES;
        let link_type = interface.link_type;
        Ok(Found { timestamp, bad_timestamp, link_type, original_length: head.original, start, length })
    }

    /// Simple packet block (4.4): of the first interface, cut by its snap length, without a time.
    pub(super) fn simple_packet(
        &mut self,
        block: &Block,
        body: &[u8],
        summary: &mut FileSummary,
    ) -> Result<Found, Fault> {
        let [original] = self.framing.order.words::<1>(body).ok_or("a simple packet block needs 16 bytes")?;
        let interface = lookup(&self.interfaces, 0)?;
        let captured = if interface.snaplen == 0 { original } else { original.min(interface.snaplen) };
        let (length, room) = (captured as usize, body.len() - SIMPLE_BYTES);
        if length > room {
            return Err(over_block(captured, room));
        }
        summary.warn(Warning::NoTime, || {
            "simple packet blocks have no capture time, they get that of the packet before".to_owned()
        });
        let (timestamp, link_type): (UnixNanos, _) = (self.last, interface.link_type);
        let start = block.start + SIMPLE_BYTES;
        Ok(Found { timestamp, bad_timestamp: true, link_type, original_length: original, start, length })
    }
}

#[inline]
fn lookup(interfaces: &[Interface], number: u32) -> Result<&Interface, Fault> {
    interfaces.get(number as usize).ok_or_else(|| {
        Fault::Damaged(match interfaces.len() {
            0 => "a packet before any interface description".to_owned(),
            count => format!("a packet of interface {number}, but the section has {count}, numbered from 0"),
        })
    })
}

#[cold]
fn over_block(captured: u32, room: usize) -> Fault {
    Fault::Damaged(format!("it claims {captured} bytes of packet but has room for {room}"))
}

/// Of the options only the count of lost packets is of use.
#[inline(never)]
fn packet_options(order: ByteOrder, rest: &[u8], summary: &mut FileSummary) {
    const DROPCOUNT: u16 = 4;
    options::for_each(order, rest, summary, |summary, code, value| {
        if code == DROPCOUNT
            && let Ok(bytes) = value.try_into()
        {
            summary.dropped_between = summary.dropped_between.saturating_add(order.u64(bytes));
        }
    });
}
