//! What stands behind the keywords: addresses, networks, ports, protocols, made into comparisons.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::code::{
    Ancillary, Check, Code, Compare, Load, address_at, all, any, ether_type, first_fragment, is, mask, not, protocol,
    within,
};
use super::error::FilterError;

/// A word that names a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    /// An EtherType: IPv4, ARP, RARP.
    Link(u32),
    /// IPv6.
    Ip6,
    /// An IP protocol over IPv4, over IPv6, or both.
    Over { number: u32, four: bool, six: bool },
}

/// Which ends of a packet are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dir {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
    /// Either.
    Either,
    /// Both.
    Both,
}

/// What the word behind the keywords is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An address.
    Host,
    /// A network.
    Net,
    /// A port.
    Port,
    /// Ports from one to another.
    PortRange,
    /// Number or name of a protocol.
    Proto,
}

/// The keywords before a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Qualifiers {
    /// The protocol, with the word for it.
    pub proto: Option<(Proto, &'static str)>,
    /// The ends.
    pub dir: Option<Dir>,
    /// The kind.
    pub kind: Option<Kind>,
}

/// A word and its place.
#[derive(Clone, Debug)]
pub struct Word<'a> {
    /// The word.
    pub text: &'a str,
    /// Where it is.
    pub span: Range<usize>,
}

type Made = Result<Code, FilterError>;

/// Protocols by name.
pub const PROTOCOLS: [(&str, Proto); 16] = [
    ("ip", Proto::Link(ether_type::IP)),
    ("ip6", Proto::Ip6),
    ("arp", Proto::Link(ether_type::ARP)),
    ("rarp", Proto::Link(ether_type::RARP)),
    ("tcp", over(6, true, true)),
    ("udp", over(17, true, true)),
    ("sctp", over(132, true, true)),
    ("icmp", over(1, true, false)),
    ("icmp6", over(58, false, true)),
    ("igmp", over(2, true, false)),
    ("pim", over(103, true, true)),
    ("ah", over(51, true, true)),
    ("esp", over(50, true, true)),
    ("vrrp", over(112, true, false)),
    ("carp", over(112, true, false)),
    ("igrp", over(9, true, false)),
];

/// Ports by name, the frequent ones.
const SERVICES: [(&str, u32); 24] = [
    ("domain", 53),
    ("ftp", 21),
    ("ftp-data", 20),
    ("http", 80),
    ("http-alt", 8080),
    ("https", 443),
    ("imap", 143),
    ("imap2", 143),
    ("imaps", 993),
    ("ldap", 389),
    ("ldaps", 636),
    ("mysql", 3306),
    ("nntp", 119),
    ("ntp", 123),
    ("pop3", 110),
    ("pop3s", 995),
    ("postgresql", 5432),
    ("redis", 6379),
    ("smtp", 25),
    ("snmp", 161),
    ("ssh", 22),
    ("submission", 587),
    ("syslog", 514),
    ("telnet", 23),
];

const fn over(number: u32, four: bool, six: bool) -> Proto {
    Proto::Over { number, four, six }
}

/// A protocol alone.
pub fn of_protocol(proto: Proto) -> Code {
    match proto {
        Proto::Link(kind) => protocol(kind),
        Proto::Ip6 => protocol(ether_type::IP6),
        Proto::Over { number, four, six } => over_ip(number, four, six),
    }
}

fn over_ip(number: u32, four: bool, six: bool) -> Code {
    let in_four = || all([protocol(ether_type::IP), is(Load::Byte(9), number)]);
    // A fragment header may stand before it.
    let fragment = || all([is(Load::Byte(6), 44), is(Load::Byte(40), number)]);
    let in_six = || all([protocol(ether_type::IP6), any([is(Load::Byte(6), number), fragment()])]);
    match (four, six) {
        (true, true) => any([in_four(), in_six()]),
        (true, false) => in_four(),
        (false, _) => in_six(),
    }
}

/// The comparisons that `word` means behind its keywords.
pub fn operand(keywords: Qualifiers, word: &Word<'_>) -> Made {
    let guessed = if word.text.contains('/') { Kind::Net } else { Kind::Host };
    match keywords.kind.unwrap_or(guessed) {
        Kind::Host => host(keywords, word),
        Kind::Net => net(keywords, word, None),
        Kind::Port => {
            let number = port(word, keywords)?;
            ports(keywords, word, (number, number))
        }
        Kind::PortRange => range(keywords, word),
        Kind::Proto => numbered(keywords, word),
    }
}

fn host(keywords: Qualifiers, word: &Word<'_>) -> Made {
    let address = word.text.parse::<IpAddr>().map_err(|_| no_address(keywords, word))?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    ends(keywords, word, address, bits)
}

/// A network: `10`, `192.168`, `10.0.0.0/8`, `fd00::/8`; with a mask behind it where `mask` is given.
pub fn net(keywords: Qualifiers, word: &Word<'_>, masked: Option<Ipv4Addr>) -> Made {
    let (text, length) = match word.text.split_once('/') {
        Some((text, length)) => (text, Some(length)),
        None => (word.text, None),
    };
    let (address, told) = match text.parse::<Ipv6Addr>() {
        Ok(address) => (IpAddr::V6(address), 128),
        Err(_) => short(text).ok_or_else(|| no_network(word))?,
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match (length, masked) {
        (None, None) => told,
        (None, Some(masked)) if most == 32 && masked.to_bits() == mask(masked.to_bits().leading_ones()) => {
            masked.to_bits().leading_ones()
        }
        (_, Some(_)) => {
            return Err(FilterError::new("a mask is written behind an IPv4 network, without gaps", span(word)));
        }
        (Some(length), None) => length.parse().ok().filter(|bits| *bits <= most).ok_or_else(|| {
            FilterError::new(format!("a network of this kind has a length of 0 to {most} bits"), span(word))
        })?,
    };
    let start = first_of(address, bits);
    if start != address {
        let message = format!("{address} is no network of {bits} bits: bits behind them are set");
        return Err(FilterError::fixed(message, span(word), format!("{start}/{bits}")));
    }
    ends(keywords, word, address, bits)
}

/// An IPv4 network of one to four numbers, and its bits.
fn short(text: &str) -> Option<(IpAddr, u32)> {
    let mut bytes = [0; 4];
    let mut bits = 0;
    for part in text.split('.') {
        let digits = !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
        *bytes.get_mut(bits / 8).filter(|_| digits)? = part.parse().ok()?;
        bits += 8;
    }
    Some((IpAddr::from(bytes), u32::try_from(bits).ok()?))
}

fn first_of(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(four) => IpAddr::from((four.to_bits() & mask(bits)).to_be_bytes()),
        IpAddr::V6(six) => {
            let kept = 128_u32.checked_sub(bits).filter(|clear| *clear < 128).map_or(0, |clear| u128::MAX << clear);
            IpAddr::from((six.to_bits() & kept).to_be_bytes())
        }
    }
}

/// An address or network at the ends that are meant.
fn ends(keywords: Qualifiers, word: &Word<'_>, address: IpAddr, bits: u32) -> Made {
    let at = |kind, source, destination| {
        let end = |at| address_at(at, address, bits);
        all([protocol(kind), directed(keywords.dir, end(source), end(destination))])
    };
    let four = || at(ether_type::IP, 12, 16);
    let arp = |kind| at(kind, 14, 24);
    let six = || at(ether_type::IP6, 8, 24);
    match (keywords.proto, address) {
        (None, IpAddr::V4(_)) => Ok(any([four(), arp(ether_type::ARP), arp(ether_type::RARP)])),
        (None | Some((Proto::Ip6, _)), IpAddr::V6(_)) => Ok(six()),
        (Some((Proto::Link(ether_type::IP), _)), IpAddr::V4(_)) => Ok(four()),
        (Some((Proto::Link(kind), _)), IpAddr::V4(_)) => Ok(arp(kind)),
        (Some((Proto::Over { .. }, name)), _) => {
            let message = format!("`{name}` does not go with an address: join them with `and`");
            Err(FilterError::fixed(message, span(word), format!("and {}", word.text)))
        }
        (Some((_, name)), _) => Err(FilterError::new(format!("{} is no address of `{name}`", word.text), span(word))),
    }
}

fn directed(dir: Option<Dir>, source: Code, destination: Code) -> Code {
    match dir {
        Some(Dir::Source) => source,
        Some(Dir::Destination) => destination,
        Some(Dir::Both) => all([source, destination]),
        Some(Dir::Either) | None => any([source, destination]),
    }
}

fn port(word: &Word<'_>, keywords: Qualifiers) -> Result<u32, FilterError> {
    if let Some(number) = port_number(word.text) {
        return Ok(number);
    }
    if keywords.kind == Some(Kind::Port) && word.text.split_once('-').is_some_and(|(a, b)| both_numbers(a, b)) {
        let message = format!("{} is a range of ports", word.text);
        return Err(FilterError::fixed(message, span(word), format!("range {}", word.text)));
    }
    Err(FilterError::new(
        format!("{:?} is no port: a port is a number to 65535, or a name such as https", word.text),
        span(word),
    ))
}

fn both_numbers(first: &str, last: &str) -> bool {
    port_number(first).is_some() && port_number(last).is_some()
}

fn port_number(text: &str) -> Option<u32> {
    let named = SERVICES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    named.or_else(|| text.parse::<u16>().ok().filter(|_| !text.starts_with('+')).map(u32::from))
}

fn range(keywords: Qualifiers, word: &Word<'_>) -> Made {
    // A name may have a hyphen itself.
    let wrong = || FilterError::new(format!("{:?} is no range of ports, such as 6000-6008", word.text), span(word));
    let ends = match port_number(word.text) {
        Some(one) => (one, one),
        None => {
            let (first, last) = word.text.split_once('-').ok_or_else(wrong)?;
            (port_number(first).ok_or_else(wrong)?, port_number(last).ok_or_else(wrong)?)
        }
    };
    ports(keywords, word, (ends.0.min(ends.1), ends.0.max(ends.1)))
}

fn ports(keywords: Qualifiers, word: &Word<'_>, (first, last): (u32, u32)) -> Made {
    let (numbers, four, six): (&[u32], _, _) = match keywords.proto {
        None => (&[6, 17, 132], true, true),
        Some((Proto::Over { number: 6, .. }, _)) => (&[6], true, true),
        Some((Proto::Over { number: 17, .. }, _)) => (&[17], true, true),
        Some((Proto::Over { number: 132, .. }, _)) => (&[132], true, true),
        Some((Proto::Link(ether_type::IP), _)) => (&[6, 17, 132], true, false),
        Some((Proto::Ip6, _)) => (&[6, 17, 132], false, true),
        Some((_, name)) => return Err(FilterError::new(format!("`{name}` has no ports"), span(word))),
    };
    let protocols = |load| any(numbers.iter().map(|number| is(load, *number)));
    let end = |load| within(load, first, last);
    let in_four = || {
        let ports = directed(keywords.dir, end(Load::Behind(0)), end(Load::Behind(2)));
        all([protocol(ether_type::IP), protocols(Load::Byte(9)), first_fragment(), ports])
    };
    let in_six = || {
        let ports = directed(keywords.dir, end(Load::Half(40)), end(Load::Half(42)));
        all([protocol(ether_type::IP6), protocols(Load::Byte(6)), ports])
    };
    Ok(match (four, six) {
        (true, true) => any([in_four(), in_six()]),
        (true, false) => in_four(),
        (false, _) => in_six(),
    })
}

/// `ip proto 6`, `proto tcp`.
fn numbered(keywords: Qualifiers, word: &Word<'_>) -> Made {
    let name = word.text.trim_start_matches('\\');
    let known = PROTOCOLS.iter().find_map(|(known, proto)| match proto {
        Proto::Over { number, .. } if name.eq_ignore_ascii_case(known) => Some(*number),
        _ => None,
    });
    let number = known.or_else(|| name.parse::<u8>().ok().map(u32::from)).ok_or_else(|| {
        FilterError::new(
            format!("{name:?} is no IP protocol: it is a number to 255, or a name such as tcp"),
            span(word),
        )
    })?;
    match keywords.proto {
        None => Ok(over_ip(number, true, true)),
        Some((Proto::Link(ether_type::IP), _)) => Ok(over_ip(number, true, false)),
        Some((Proto::Ip6, _)) => Ok(over_ip(number, false, true)),
        Some((_, name)) => Err(FilterError::new(format!("`{name}` carries no IP protocol"), span(word))),
    }
}

/// `greater`: frames of so many bytes or more. An Ethernet header counts where there was one.
pub fn at_least(bytes: u32) -> Code {
    let hardware = |number| is(Load::Beside(Ancillary::Hardware), number);
    let ethernet = || any([hardware(1), hardware(772)]);
    let check = |value| Code::Check(Check { load: Load::Length, mask: None, compare: Compare::AtLeast, value });
    any([all([ethernet(), check(bytes.saturating_sub(14))]), all([not(ethernet()), check(bytes)])])
}

/// `less`: frames of so many bytes or less.
pub fn at_most(bytes: u32) -> Code {
    bytes.checked_add(1).map_or_else(|| at_least(0), |more| not(at_least(more)))
}

fn no_address(keywords: Qualifiers, word: &Word<'_>) -> FilterError {
    let text = word.text;
    if text.eq_ignore_ascii_case("localhost") {
        return FilterError::fixed("names of hosts are not looked up", span(word), "127.0.0.1 or ::1");
    }
    if text.contains('/') {
        return FilterError::fixed(format!("{text} is a network, not a host"), span(word), format!("net {text}"));
    }
    if text.parse::<u16>().is_ok() && keywords.kind.is_none() {
        return FilterError::fixed(format!("it is not said what {text} is"), span(word), format!("port {text}"));
    }
    let numbers = text.split('.').all(|part| part.parse::<u32>().is_ok());
    if numbers && short(text).is_some() {
        return FilterError::fixed(format!("{text} is no whole address"), span(word), format!("net {text}"));
    }
    if numbers || text.contains(':') {
        return FilterError::new(format!("{text:?} is no IP address"), span(word));
    }
    FilterError::new(format!("{text:?} is no address: names of hosts are not looked up"), span(word))
}

fn no_network(word: &Word<'_>) -> FilterError {
    let example = "such as 10.0.0.0/8, 192.168 or fd00::/8";
    FilterError::new(format!("{:?} is no network, {example}", word.text), span(word))
}

fn span(word: &Word<'_>) -> Range<usize> {
    word.span.clone()
}
