//! One captured frame to one TCP segment: link layers, tags, tunnels, IP, fragments, TCP header.
//!
//! Lengths are checked once, here; later code cannot run past an end.

mod datagram;
pub mod explain;
pub mod fragments;
mod ip;
mod link;
mod tcp;
mod tunnel;

use arachne_model::{Anomaly, AnomalySet, DropReason, Limits, LinkType, Stage, UnixNanos};

use crate::flow::{Address, FlowKey, SideIndex};
pub use datagram::{Datagram, datagram};
use fragments::{Fragment, Fragments, Pushed};

/// A captured packet.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its number in the source, from 1.
    pub number: u64,
    /// When it was captured.
    pub at: UnixNanos,
    /// What its first bytes are.
    pub link_type: LinkType,
    /// Its length on the wire; what is captured may be less.
    pub original_length: u32,
    /// The captured bytes.
    pub data: &'a [u8],
}

/// Whether a checksum says that the segment is what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It is right.
    Good,
    /// It is right, and by chance the sum of the pseudo-header too, so that it says nothing of other segments: of a sender
    /// that leaves sums to its network card one segment in 65 536 is like that.
    Either,
    /// It holds the sum of the pseudo-header alone: the sender leaves the rest to its network card.
    Offloaded,
    /// It is wrong.
    Bad,
    /// It cannot be verified: the segment is cut.
    Unknown,
}

/// TCP flags, low byte.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 1;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 2;
    /// Reset the connection.
    pub const RST: u8 = 4;
    /// Hand the data on at once.
    pub const PSH: u8 = 8;
    /// The acknowledgement field counts.
    pub const ACK: u8 = 16;
    /// The urgent pointer counts.
    pub const URG: u8 = 32;
    /// Congestion was met on the way. Source: RFC 3168, section 6.1.
    pub const ECE: u8 = 64;
    /// The sender slowed down for it.
    pub const CWR: u8 = 128;
}

/// A TCP segment. Source: RFC 9293, section 3.1.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Number of the packet that completed it.
    pub number: u64,
    /// When that was captured.
    pub at: UnixNanos,
    /// The connection.
    pub key: FlowKey,
    /// Which side of the connection sent it.
    pub side: SideIndex,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// IPv4 identification; 0 where there is none.
    pub ip_id: u16,
    /// Sequence number of the first byte, of the SYN where that is set.
    pub sequence: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// See [`flag`].
    pub flags: u8,
    /// Announced window, not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// The checksum field as sent, to tell equal packets.
    pub checksum_field: u16,
    /// Whether the checksum holds.
    pub checksum: Checksum,
    /// Option bytes.
    pub options: &'a [u8],
    /// The captured payload.
    pub payload: &'a [u8],
    /// Payload bytes that the snap length cut off behind [`Self::payload`].
    pub cut: u32,
}

impl Segment<'_> {
    /// Whether any of `flags` is set.
    #[inline]
    #[must_use]
    pub const fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// Where the TCP header ends in the bytes of `frame`, from which the segment was decoded; 0 when its header is not in
    /// there, since the segment came in fragments.
    #[must_use]
    pub fn header_end(&self, frame: &Frame<'_>) -> usize {
        // Options end where the header does, also when there are none.
        let (options, frame) = (self.options.as_ptr_range(), frame.data.as_ptr_range());
        let inside = frame.start <= options.start && options.end <= frame.end;
        if inside { options.end as usize - frame.start as usize } else { 0 }
    }

    /// Window scale of a SYN. Source: RFC 7323, section 2.2.
    #[must_use]
    pub fn window_scale(&self) -> Option<u8> {
        tcp::option(self.options, 3).and_then(|v| v.first()).map(|s| (*s).min(14))
    }

    /// The sender's timestamp. Source: RFC 7323, section 3.2.
    #[inline]
    #[must_use]
    pub fn timestamp(&self) -> Option<u32> {
        let value = match self.options {
            // What nearly every stack sends.
            [1, 1, 8, 10, rest @ ..] => rest,
            options => tcp::option(options, 8)?,
        };
        crate::bytes::be32(value, 0)
    }
}

/// What is known while the layers are walked.
#[derive(Clone, Copy)]
struct Outer {
    /// Bytes are missing at the end of the frame, or the frame came through a tunnel that may cut.
    may_be_cut: bool,
    /// VXLAN or Geneve network.
    network: u32,
    /// Headers so far.
    depth: u32,
}

/// What one step over a header finds.
#[derive(Clone, Copy)]
enum Layer<'a> {
    /// An Ethernet frame.
    Ethernet(&'a [u8]),
    /// What an EtherType announces.
    EtherType(u16, &'a [u8]),
    /// What a PPP protocol number announces.
    Ppp(&'a [u8]),
    /// MPLS labels and what is behind.
    Mpls(&'a [u8]),
    /// IPv4 or IPv6 by its first nibble.
    Ip(&'a [u8]),
    /// What an IP protocol number announces, with the packet's header facts.
    Transport(u8, ip::Header, &'a [u8]),
}

impl<'a> Layer<'a> {
    /// The bytes from its header on.
    const fn data(&self) -> &'a [u8] {
        match self {
            Self::Ethernet(data)
            | Self::EtherType(_, data)
            | Self::Ppp(data)
            | Self::Mpls(data)
            | Self::Ip(data)
            | Self::Transport(_, _, data) => data,
        }
    }
}

/// What lies behind a header.
enum Step<'a> {
    Inner(Layer<'a>),
    Segment(tcp::Header<'a>, ip::Header),
    Fragment(Fragment<'a>),
}

/// The end of a walk.
enum Walk<'a> {
    Segment(tcp::Header<'a>, ip::Header, Outer),
    Fragment(Fragment<'a>, Outer),
}

/// Decodes frames and puts fragments together. Counts the `packets` stage.
pub struct Decoder {
    limits: Limits,
    fragments: Fragments,
    assembled: Vec<u8>,
    /// The count of packets.
    pub packets: Stage,
    /// Oddities found in packets that belong to no session.
    pub anomalies: AnomalySet,
}

impl Decoder {
    /// A decoder within `limits`.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            fragments: Fragments::new(limits),
            assembled: Vec::new(),
            packets: Stage::default(),
            anomalies: AnomalySet::EMPTY,
        }
    }

    /// The TCP segment in `frame`, or `None` when there is none (yet): the reason is counted.
    #[inline]
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Option<Segment<'a>> {
        self.packets.input += 1;
        if let Some(segment) = plain(frame) {
            self.packets.output += 1;
            if segment.cut > 0 {
                self.anomalies.insert(Anomaly::Truncated);
            }
            return Some(segment);
        }
        self.walk(frame)
    }

    /// Whatever is not plain.
    fn walk<'a>(&'a mut self, frame: &Frame<'a>) -> Option<Segment<'a>> {
        let outer = Outer { may_be_cut: frame.original_length as usize > frame.data.len(), network: 0, depth: 0 };
        match start(frame).and_then(|layer| walk(layer, outer, self.limits.nesting_max)) {
            Ok(Walk::Segment(header, ip, outer)) => {
                self.packets.output += 1;
                if header.cut > 0 {
                    self.anomalies.insert(Anomaly::Truncated);
                }
                Some(segment(frame, &header, &ip, outer))
            }
            Ok(Walk::Fragment(fragment, outer)) => self.fragment(frame, &fragment, outer),
            Err(reason) => {
                self.note(frame, reason);
                None
            }
        }
    }

    /// Packets that wait as fragments, and bytes held for them.
    #[must_use]
    pub fn held(&self) -> (u64, usize) {
        (self.fragments.packets(), self.fragments.bytes())
    }

    /// Gives up what still waits; the stage balances afterwards without anything in flight.
    pub fn finish(&mut self) {
        self.fragments.clear(&mut self.packets);
        self.packets.in_flight = 0;
    }

    fn note(&mut self, frame: &Frame<'_>, reason: DropReason) {
        self.packets.drop(reason, 1);
        let cut = frame.original_length as usize > frame.data.len();
        if cut && matches!(reason, DropReason::MalformedLink | DropReason::MalformedIp | DropReason::MalformedTcp) {
            self.anomalies.insert(Anomaly::Truncated);
        }
    }

    #[cold]
    fn fragment<'a>(&'a mut self, frame: &Frame<'a>, first: &Fragment<'_>, mut outer: Outer) -> Option<Segment<'a>> {
        let mut whole = self.fragments.push(first, frame.at, &mut self.packets);
        // A datagram put together may hold a fragment of an inner one: a tunnel over fragments. Each turn goes deeper,
        // up to the limit of nesting.
        loop {
            match whole {
                Pushed::Waiting => break,
                Pushed::Refused { overlap } => {
                    if overlap {
                        self.anomalies.insert(Anomaly::FragmentOverlap);
                    }
                    break;
                }
                Pushed::Whole { header, bytes, packets } => {
                    self.assembled = bytes;
                    let layer = Layer::Transport(header.protocol, header, &self.assembled);
                    match walk(layer, outer, self.limits.nesting_max) {
                        Ok(Walk::Segment(..)) => {
                            self.packets.output += packets;
                            self.packets.in_flight = self.fragments.packets();
                            let layer = Layer::Transport(header.protocol, header, &self.assembled);
                            let Ok(Walk::Segment(tcp, ip, outer)) = walk(layer, outer, self.limits.nesting_max) else {
                                return None;
                            };
                            return Some(segment(frame, &tcp, &ip, outer));
                        }
                        Ok(Walk::Fragment(inner, deeper)) => {
                            outer = deeper;
                            whole = self.fragments.push_from(&inner, frame.at, packets, &mut self.packets);
                        }
                        Err(reason) => {
                            self.packets.drop(reason, packets);
                            break;
                        }
                    }
                }
            }
        }
        self.packets.in_flight = self.fragments.packets();
        None
    }
}

/// TCP over IPv4 over Ethernet, without anything between: nearly all packets of nearly all captures. The same steps as
/// [`walk`], without its loop; `None` leaves the frame to that.
#[inline(always)]
fn plain<'a>(frame: &Frame<'a>) -> Option<Segment<'a>> {
    if frame.link_type != LinkType::ETHERNET || crate::bytes::be16(frame.data, 12) != Some(0x0800) {
        return None;
    }
    let outer = Outer { may_be_cut: frame.original_length as usize > frame.data.len(), network: 0, depth: 0 };
    let Ok(ip::Packet::Whole(header, payload)) = ip::v4(&frame.data[14..], outer.may_be_cut) else { return None };
    if header.protocol != ip::TCP {
        return None;
    }
    let tcp = tcp::header(payload, &header).ok()?;
    Some(segment(frame, &tcp, &header, outer))
}

#[inline(always)]
fn segment<'a>(frame: &Frame<'_>, tcp: &tcp::Header<'a>, ip: &ip::Header, outer: Outer) -> Segment<'a> {
    let (key, side) = FlowKey::new((ip.source, tcp.source_port), (ip.target, tcp.target_port), outer.network);
    Segment {
        number: frame.number,
        at: frame.at,
        key,
        side,
        ttl: ip.ttl,
        ip_id: ip.id,
        sequence: tcp.sequence,
        ack: tcp.ack,
        flags: tcp.flags,
        window: tcp.window,
        urgent: tcp.urgent,
        checksum_field: tcp.checksum_field,
        checksum: if ip.bad_checksum { Checksum::Bad } else { tcp.checksum },
        options: tcp.options,
        payload: tcp.payload,
        cut: tcp.cut,
    }
}

fn start<'a>(frame: &Frame<'a>) -> Result<Layer<'a>, DropReason> {
    if frame.data.is_empty() {
        return Err(DropReason::Empty);
    }
    link::start(frame.link_type, frame.data)
}

#[inline]
fn walk<'a>(mut layer: Layer<'a>, mut outer: Outer, nesting_max: u32) -> Result<Walk<'a>, DropReason> {
    loop {
        outer.depth += 1;
        if outer.depth > nesting_max {
            return Err(DropReason::NestingLimit);
        }
        layer = match step(layer, &mut outer)? {
            Step::Inner(inner) => inner,
            Step::Segment(header, ip) => return Ok(Walk::Segment(header, ip, outer)),
            Step::Fragment(fragment) => return Ok(Walk::Fragment(fragment, outer)),
        }
    }
}

/// Over one header.
#[inline]
fn step<'a>(layer: Layer<'a>, outer: &mut Outer) -> Result<Step<'a>, DropReason> {
    Ok(Step::Inner(match layer {
        Layer::Ethernet(data) => link::ethernet(data)?,
        Layer::EtherType(kind, data) => link::ether_type(kind, data)?,
        Layer::Ppp(data) => link::ppp(data)?,
        Layer::Mpls(data) => link::mpls(data)?,
        Layer::Ip(data) => match ip::packet(data, outer.may_be_cut)? {
            ip::Packet::Whole(header, payload) => Layer::Transport(header.protocol, header, payload),
            ip::Packet::Fragment(fragment) => return Ok(Step::Fragment(fragment)),
        },
        Layer::Transport(ip::TCP, header, data) => return Ok(Step::Segment(tcp::header(data, &header)?, header)),
        Layer::Transport(protocol, header, data) => {
            outer.may_be_cut = true;
            tunnel::enter(protocol, &header, data, &mut outer.network)?
        }
    }))
}

/// An address from the front of `bytes`.
fn address<const N: usize>(bytes: &[u8]) -> Option<Address> {
    match N {
        4 => bytes.first_chunk().map(|b| Address::v4(*b)),
        _ => bytes.first_chunk().map(|b| Address::v6(*b)),
    }
}
