//! What a file turned out to hold beside its packets.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use arachne_model::LinkType;

use crate::order::ByteOrder;
use crate::pcapng::Resolution;
use crate::unpack::Compression;

/// Different block types that are counted one by one.
const SKIPPED_TYPES_MAX: usize = 64;
/// Warnings that are kept. Each has a kind of its own, so there are fewer in fact.
const WARNINGS_MAX: usize = 64;

/// The format of a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// pcap.
    Pcap {
        /// Byte order of all numbers.
        order: ByteOrder,
        /// Version, 2.4 as a rule.
        version: (u16, u16),
        /// Kuznetzov's variant.
        modified: bool,
    },
    /// pcapng.
    Pcapng {
        /// Byte order of the first section.
        order: ByteOrder,
    },
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcap { order, version: (major, minor), modified } => {
                let name = if *modified { "modified pcap" } else { "pcap" };
                write!(f, "{name} {major}.{minor}, {order}")
            }
            Self::Pcapng { order } => write!(f, "pcapng, {order}"),
        }
    }
}

/// What the capturing side reported in statistics blocks, over all interfaces. Its counters are totals since the start
/// of the capture; the last of each interface counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Blocks.
    pub blocks: u64,
    /// Packets that the interfaces received.
    pub received: u64,
    /// Packets that the interfaces dropped.
    pub dropped_by_interface: u64,
    /// Packets that passed the capture filter.
    pub accepted: u64,
    /// Packets that the operating system dropped.
    pub dropped_by_system: u64,
    /// Packets that reached the capturing program.
    pub delivered: u64,
}

impl Statistics {
    /// Packets that the capture says it lost.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped_by_interface.saturating_add(self.dropped_by_system)
    }
}

/// pcapng blocks of one type that were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkippedBlocks {
    /// The block type; `None` for all types beyond the first 64.
    pub kind: Option<u32>,
    /// How many.
    pub count: u64,
}

impl SkippedBlocks {
    /// The name of the block type, where it has one.
    ///
    /// Source: draft-ietf-opsawg-pcapng, section 11.1.
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        Some(match self.kind {
            Some(0x0000_0009) => "systemd journal",
            Some(0x0000_0bad | 0x4000_0bad) => "custom",
            Some(0x0000_0007) => "IRIG timestamp",
            Some(0x0000_0008) => "ARINC 429",
            Some(0x0000_000b..=0x0000_000d) => "Hone project",
            Some(0x0000_0201..=0x0000_0229) => "Sysdig",
            _ => return None,
        })
    }
}

/// What a file turned out to hold beside its packets. Bounded whatever the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSummary {
    /// The format.
    pub format: Format,
    /// The time resolution: of a pcap file, or of the first interface of a pcapng file.
    pub resolution: Option<Resolution>,
    /// What is around it.
    pub compression: Compression,
    /// Sections of a pcapng file; 1 for pcap.
    pub sections: u64,
    /// Interfaces of all sections; 1 for pcap.
    pub interfaces: u64,
    /// The different link types, in the order in which they came.
    pub link_types: Vec<LinkType>,
    /// Packets handed out.
    pub packets: u64,
    /// Bytes of these packets.
    pub packet_bytes: u64,
    /// Packets whose time cannot be, or is not given.
    pub bad_timestamps: u64,
    /// Packets that the capture lost in front of others, as packet blocks say.
    pub dropped_between: u64,
    /// What statistics blocks say.
    pub statistics: Statistics,
    /// Blocks without use here.
    pub skipped: Vec<SkippedBlocks>,
    /// Records in name resolution blocks.
    pub name_records: u64,
    /// Names of addresses in these records, each once, up to `host_names_max` of the limits.
    pub names: BTreeSet<(IpAddr, String)>,
    /// Blocks with secrets for decryption.
    pub secrets_blocks: u64,
    /// Comments, which are not read.
    pub comments: u64,
    /// What was odd but harmless; each kind once.
    pub warnings: Vec<String>,
    warned: u32,
}

/// The kinds of warnings.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Warning {
    OverSnaplen,
    TimeZone,
    CheckSequence,
    OldLengths,
    OptionLength,
    OptionValue,
    NoTime,
    UnknownInterface,
    SecretsLength,
    SecretsLimit,
    NameLength,
}

impl FileSummary {
    pub(crate) const fn new(format: Format, compression: Compression) -> Self {
        Self {
            format,
            resolution: None,
            compression,
            sections: 0,
            interfaces: 0,
            link_types: Vec::new(),
            packets: 0,
            packet_bytes: 0,
            bad_timestamps: 0,
            dropped_between: 0,
            statistics: Statistics {
                blocks: 0,
                received: 0,
                dropped_by_interface: 0,
                accepted: 0,
                dropped_by_system: 0,
                delivered: 0,
            },
            skipped: Vec::new(),
            name_records: 0,
            names: BTreeSet::new(),
            secrets_blocks: 0,
            comments: 0,
            warnings: Vec::new(),
            warned: 0,
        }
    }

    pub(crate) fn add_interface(&mut self, link_type: LinkType, resolution: Resolution) {
        self.interfaces += 1;
        self.resolution.get_or_insert(resolution);
        // Only types that exist come here, a few hundred at most.
        if !self.link_types.contains(&link_type) {
            self.link_types.push(link_type);
        }
    }

    pub(crate) fn add_skipped(&mut self, kind: u32) {
        let full = self.skipped.len() >= SKIPPED_TYPES_MAX;
        let at = self.skipped.iter().position(|s| s.kind == Some(kind) || s.kind.is_none());
        match at {
            Some(at) => self.skipped[at].count += 1,
            None => self.skipped.push(SkippedBlocks { kind: (!full).then_some(kind), count: 1 }),
        }
    }

    /// Notes an oddity, each kind once.
    pub(crate) fn warn(&mut self, warning: Warning, text: impl FnOnce() -> String) {
        let bit = 1 << warning as u8;
        if self.warned & bit == 0 && self.warnings.len() < WARNINGS_MAX {
            self.warned |= bit;
            self.warnings.push(text());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FileSummary, Format, SKIPPED_TYPES_MAX, Warning};
    use crate::order::ByteOrder;
    use crate::unpack::Compression;

    fn summary() -> FileSummary {
        FileSummary::new(Format::Pcapng { order: ByteOrder::Little }, Compression::None)
    }

    #[test]
    fn skipped_types_are_bounded_and_nothing_is_lost() {
        let mut summary = summary();
        for kind in 0..1000 {
            summary.add_skipped(kind);
            summary.add_skipped(kind);
        }
        assert_eq!(summary.skipped.len(), SKIPPED_TYPES_MAX + 1);
        assert_eq!(summary.skipped.iter().map(|s| s.count).sum::<u64>(), 2000);
        assert_eq!(summary.skipped[SKIPPED_TYPES_MAX].kind, None);
    }

    #[test]
    fn each_kind_of_warning_comes_once() {
        let mut summary = summary();
        summary.warn(Warning::NoTime, || "first".to_owned());
        summary.warn(Warning::NoTime, || "second".to_owned());
        assert_eq!(summary.warnings, ["first"]);
    }

    #[test]
    fn formats_read_well() {
        let pcap = Format::Pcap { order: ByteOrder::Big, version: (2, 4), modified: true };
        assert_eq!(pcap.to_string(), "modified pcap 2.4, big-endian");
    }
}
