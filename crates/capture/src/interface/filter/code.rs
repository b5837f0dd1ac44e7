//! What a filter comes down to: comparisons of numbers in packets, joined by and, or, not.

use std::net::IpAddr;

/// How parts are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Both.
    And,
    /// Either.
    Or,
}

/// Where a number is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// A byte behind the start of the network header.
    Byte(u32),
    /// Two bytes.
    Half(u32),
    /// Four bytes.
    Word(u32),
    /// Two bytes behind an IPv4 header.
    Behind(u32),
    /// The length of the packet from the network header on.
    Length,
    /// The EtherType of what the packet is, a VLAN tag looked through.
    Protocol,
    /// What the kernel knows beside the packet.
    Beside(Ancillary),
}

/// What the kernel knows of a packet: offsets from `SKF_AD_OFF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Ancillary {
    /// EtherType.
    Protocol = 0,
    /// `PACKET_` number: to whom it goes.
    Kind = 4,
    /// Index of the interface.
    Interface = 8,
    /// Hardware type of the interface.
    Hardware = 28,
    /// Control word of a VLAN tag that was taken off.
    Tag = 44,
    /// 1 where a tag was taken off.
    Tagged = 48,
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// It is the same.
    Equal,
    /// It is larger.
    Greater,
    /// It is as large or larger.
    AtLeast,
    /// They have a bit in common.
    AnyBit,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is compared.
    pub load: Load,
    /// Bits of it that count.
    pub mask: Option<u32>,
    /// How.
    pub compare: Compare,
    /// With what.
    pub value: u32,
}

/// A filter or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A comparison.
    Check(Check),
    /// The opposite.
    Not(Box<Code>),
    /// Parts from left to right, each joined with all before it; how the first is joined says nothing. None at all
    /// hold always.
    Chain(Vec<(Join, Code)>),
}

/// All of `parts`.
pub fn all(parts: impl IntoIterator<Item = Code>) -> Code {
    Code::Chain(parts.into_iter().map(|part| (Join::And, part)).collect())
}

/// Any of `parts`.
pub fn any(parts: impl IntoIterator<Item = Code>) -> Code {
    Code::Chain(parts.into_iter().map(|part| (Join::Or, part)).collect())
}

/// Not `part`.
pub fn not(part: Code) -> Code {
    Code::Not(Box::new(part))
}

/// Whether the number at `load` is `value`.
pub const fn is(load: Load, value: u32) -> Code {
    Code::Check(Check { load, mask: None, compare: Compare::Equal, value })
}

/// Whether the number at `load` is within `first..=last`.
pub fn within(load: Load, first: u32, last: u32) -> Code {
    if first == last {
        return is(load, first);
    }
    let compare = |compare, value| Code::Check(Check { load, mask: None, compare, value });
    all([compare(Compare::AtLeast, first), not(compare(Compare::Greater, last))])
}

/// EtherTypes.
pub mod ether_type {
    /// IPv4.
    pub const IP: u32 = 0x0800;
    /// ARP.
    pub const ARP: u32 = 0x0806;
    /// Reverse ARP.
    pub const RARP: u32 = 0x8035;
    /// IPv6.
    pub const IP6: u32 = 0x86dd;
}

/// Whether the packet is of an EtherType.
pub const fn protocol(ether_type: u32) -> Code {
    is(Load::Protocol, ether_type)
}

/// IPv4, and not a fragment beyond the first: what stands behind the header is a transport header.
pub fn first_fragment() -> Code {
    not(Code::Check(Check { load: Load::Half(6), mask: None, compare: Compare::AnyBit, value: 0x1fff }))
}

/// Whether the first `bits` of the address at `offset` are those of `address`.
pub fn address_at(offset: u32, address: IpAddr, bits: u32) -> Code {
    let words: Vec<u32> = match address {
        IpAddr::V4(address) => vec![address.to_bits()],
        IpAddr::V6(address) => (0..4).map(|n| word(address.to_bits(), n)).collect(),
    };
    let mut parts = Vec::new();
    for (number, value) in (0_u32..).zip(words) {
        let mask = mask(bits.saturating_sub(32 * number).min(32));
        if mask != 0 {
            let kept = (mask != u32::MAX).then_some(mask);
            let load = Load::Word(offset + 4 * number);
            parts.push(Code::Check(Check { load, mask: kept, compare: Compare::Equal, value: value & mask }));
        }
    }
    all(parts)
}

#[expect(clippy::cast_possible_truncation, reason = "32 bits are wanted")]
const fn word(address: u128, number: u32) -> u32 {
    (address >> (96 - 32 * number)) as u32
}

/// The first `bits` of 32.
pub const fn mask(bits: u32) -> u32 {
    match 32_u32.checked_sub(bits) {
        Some(32) => 0,
        Some(clear) => u32::MAX << clear,
        None => u32::MAX,
    }
}
