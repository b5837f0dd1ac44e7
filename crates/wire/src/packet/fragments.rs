//! IP fragments to datagrams.
//!
//! Policy: pieces that overlap with other bytes, or reach beyond 64 KiB, refuse the datagram (RFC 5722 for IPv6; for
//! IPv4 systems differ, so a guess would be one). Equal copies are fine. Sources: RFC 815, RFC 8200 section 4.5.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use arachne_model::{DropReason, Limits, Stage, UnixNanos};

use super::ip::Header;
use crate::flow::Address;

/// What fragments of one datagram share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentKey {
    /// Sender.
    pub source: Address,
    /// Receiver.
    pub target: Address,
    /// Identification.
    pub id: u32,
    /// IPv4 protocol; 44 for IPv6.
    pub protocol: u8,
}

/// A piece of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// The datagram.
    pub key: FragmentKey,
    /// Its header facts; those of the first piece count.
    pub header: Header,
    /// Place of the payload in the datagram, bytes.
    pub offset: usize,
    /// Whether more pieces follow.
    pub more: bool,
    /// The captured bytes.
    pub payload: &'a [u8],
    /// Whether the capture cut the piece.
    pub cut: bool,
}

/// What became of a fragment.
pub enum Pushed {
    /// It waits for the others.
    Waiting,
    /// Its datagram is refused.
    Refused {
        /// Because pieces contradict each other.
        overlap: bool,
    },
    /// It completes its datagram.
    Whole {
        /// Header of the first piece.
        header: Header,
        /// The payload.
        bytes: Vec<u8>,
        /// Packets it came in.
        packets: u64,
    },
}

const DATAGRAM_MAX: usize = 65_535;

struct Datagram {
    key: FragmentKey,
    since: UnixNanos,
    header: Option<Header>,
    /// Bytes by offset, never overlapping.
    pieces: BTreeMap<usize, Vec<u8>>,
    end: Option<usize>,
    packets: u64,
    /// Cost of the pieces.
    bytes: usize,
    /// Payload bytes of the pieces.
    covered: usize,
    /// Refused: the rest of its pieces is refused too.
    refused: bool,
}

/// Datagrams in the making, oldest first.
pub struct Fragments {
    datagrams: VecDeque<Datagram>,
    bytes: usize,
    packets: u64,
    datagrams_max: usize,
    bytes_max: usize,
    wait_ns: u64,
}

/// What a piece costs beside its bytes.
const PIECE_COST: usize = 64;

impl Fragments {
    /// Nothing yet, within `limits`.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            datagrams: VecDeque::new(),
            bytes: 0,
            packets: 0,
            datagrams_max: limits.fragment_datagrams_max,
            bytes_max: limits.fragment_bytes_max,
            wait_ns: limits.fragment_ns,
        }
    }

    /// Bytes held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Packets held.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Takes one fragment that came in one packet.
    pub fn push(&mut self, fragment: &Fragment<'_>, at: UnixNanos, stage: &mut Stage) -> Pushed {
        self.push_from(fragment, at, 1, stage)
    }

    /// Takes one fragment that came in `packets` packets.
    pub fn push_from(&mut self, fragment: &Fragment<'_>, at: UnixNanos, packets: u64, stage: &mut Stage) -> Pushed {
        self.expire(at, stage);
        let end = fragment.offset + fragment.payload.len();
        if end > DATAGRAM_MAX || fragment.cut || (fragment.more && !fragment.payload.len().is_multiple_of(8)) {
            stage.drop(DropReason::FragmentLimit, packets);
            return Pushed::Refused { overlap: false };
        }
        let index = match self.datagrams.iter().position(|d| d.key == fragment.key) {
            Some(index) => index,
            None => self.open(fragment.key, at, stage),
        };
        let datagram = &mut self.datagrams[index];
        if datagram.refused {
            stage.drop(DropReason::FragmentOverlap, packets);
            return Pushed::Refused { overlap: true };
        }
        if !datagram.accepts(fragment, end) {
            datagram.refused = true;
            let dropped = std::mem::take(&mut datagram.packets);
            stage.drop(DropReason::FragmentOverlap, dropped + packets);
            self.packets -= dropped;
            self.bytes -= std::mem::take(&mut datagram.bytes);
            datagram.pieces.clear();
            return Pushed::Refused { overlap: true };
        }
        let added = datagram.insert(fragment);
        datagram.packets += packets;
        datagram.bytes += added;
        self.packets += packets;
        self.bytes += added;
        if datagram.is_whole() {
            return self.take(index);
        }
        while self.bytes > self.bytes_max && !self.datagrams.is_empty() {
            self.give_up(0, DropReason::FragmentLimit, stage);
        }
        Pushed::Waiting
    }

    /// Gives up everything that waits.
    pub fn clear(&mut self, stage: &mut Stage) {
        while !self.datagrams.is_empty() {
            self.give_up(0, DropReason::FragmentExpired, stage);
        }
    }

    fn open(&mut self, key: FragmentKey, at: UnixNanos, stage: &mut Stage) -> usize {
        if self.datagrams.len() >= self.datagrams_max {
            self.give_up(0, DropReason::FragmentLimit, stage);
        }
        self.datagrams.push_back(Datagram {
            key,
            since: at,
            header: None,
            pieces: BTreeMap::new(),
            end: None,
            packets: 0,
            bytes: 0,
            covered: 0,
            refused: false,
        });
        self.datagrams.len() - 1
    }

    fn expire(&mut self, now: UnixNanos, stage: &mut Stage) {
        while self.datagrams.front().is_some_and(|d| now.since(d.since) > self.wait_ns) {
            self.give_up(0, DropReason::FragmentExpired, stage);
        }
    }

    fn give_up(&mut self, index: usize, reason: DropReason, stage: &mut Stage) {
        if let Some(datagram) = self.datagrams.remove(index) {
            stage.drop(reason, datagram.packets);
            self.packets -= datagram.packets;
            self.bytes -= datagram.bytes;
        }
    }

    fn take(&mut self, index: usize) -> Pushed {
        let Some(datagram) = self.datagrams.remove(index) else {
            return Pushed::Waiting;
        };
        self.packets -= datagram.packets;
        self.bytes -= datagram.bytes;
        let Some(mut header) = datagram.header else {
            return Pushed::Waiting;
        };
        let mut bytes = Vec::with_capacity(datagram.end.unwrap_or(0));
        for piece in datagram.pieces.values() {
            bytes.extend_from_slice(piece);
        }
        header.payload_length = bytes.len();
        Pushed::Whole { header, bytes, packets: datagram.packets }
    }
}

impl Datagram {
    /// Whether the fragment contradicts nothing that is there.
    fn accepts(&self, fragment: &Fragment<'_>, end: usize) -> bool {
        let last = self.pieces.last_key_value().map_or(0, |(at, piece)| at + piece.len());
        let end_fits = match self.end {
            Some(known) => end <= known && (fragment.more || end == known),
            None => fragment.more || end >= last,
        };
        // Pieces are sorted and apart, so the neighbours decide.
        let before = self.pieces.range(..fragment.offset).next_back();
        let before = before.is_none_or(|(at, piece)| at + piece.len() <= fragment.offset);
        let after = self
            .pieces
            .range(fragment.offset..)
            .next()
            .is_none_or(|(at, piece)| end <= *at || (*at == fragment.offset && piece == fragment.payload));
        end_fits && before && after
    }

    /// Adds the piece unless it is a copy; gives the bytes it costs.
    fn insert(&mut self, fragment: &Fragment<'_>) -> usize {
        if fragment.offset == 0 && self.header.is_none() {
            self.header = Some(fragment.header);
        }
        if !fragment.more {
            self.end = Some(fragment.offset + fragment.payload.len());
        }
        match self.pieces.entry(fragment.offset) {
            Entry::Occupied(_) => 0,
            Entry::Vacant(place) => {
                self.covered += fragment.payload.len();
                place.insert(fragment.payload.to_vec());
                fragment.payload.len() + PIECE_COST
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.end == Some(self.covered) && self.header.is_some()
    }
}
