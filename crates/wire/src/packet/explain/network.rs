//! IPv4, IPv6, and what carries packets inside packets. Sources: those of [`super::super::ip`] and of the tunnels.

use super::Described;
use super::fields::Fields;
use super::link::whole;

fn protocol(number: u64) -> &'static str {
    match number {
        0 => "hop-by-hop options",
        1 => "ICMP",
        4 => "IPv4 inside",
        6 => "TCP",
        17 => "UDP",
        41 => "IPv6 inside",
        43 => "routing header",
        44 => "fragment header",
        47 => "GRE",
        50 => "ESP",
        51 => "authentication header",
        58 => "ICMPv6",
        60 => "destination options",
        132 => "SCTP",
        137 => "MPLS",
        _ => "",
    }
}

/// IPv4 or IPv6 by the first nibble.
pub fn ip(header: Fields<'_>) -> Described<'_> {
    if header.value(0, 1) >> 4 == 4 { v4(header) } else { v6(header) }
}

fn v4(mut header: Fields<'_>) -> Described<'_> {
    let (first, service, place) = (header.value(0, 1), header.value(1, 1), header.value(6, 2));
    let length = usize::try_from(first & 15).unwrap_or(0) * 4;
    header.text("version", 0, 1, "4");
    header.text("header length", 0, 1, length.to_string());
    header.text("differentiated services", 1, 1, (service >> 2).to_string());
    header.text("congestion notification", 1, 1, (service & 3).to_string());
    header.number("total length", 2, 2);
    header.hex("identification", 4, 2);
    let flags = [(0x4000, "don't fragment"), (0x2000, "more fragments")];
    let set: Vec<_> = flags.iter().filter(|(bit, _)| place & bit != 0).map(|(_, name)| *name).collect();
    header.text("flags", 6, 1, if set.is_empty() { "none".to_owned() } else { set.join(", ") });
    header.text("fragment offset", 6, 2, ((place & 0x1fff) * 8).to_string());
    header.number("time to live", 8, 1);
    header.named("protocol", 9, 1, protocol(header.value(9, 1)));
    header.hex("header checksum", 10, 2);
    let (source, target) = (header.v4(12), header.v4(16));
    header.text("source", 12, 4, &*source);
    header.text("destination", 16, 4, &*target);
    if length > 20 {
        header.raw("options", 20, length - 20);
    }
    ("IPv4", format!("{source} to {target}"), header)
}

fn v6(mut header: Fields<'_>) -> Described<'_> {
    let first = header.value(0, 4);
    header.text("version", 0, 1, (first >> 28).to_string());
    header.text("traffic class", 0, 2, (first >> 20 & 0xff).to_string());
    header.text("flow label", 1, 3, format!("0x{:05x}", first & 0xf_ffff));
    header.number("payload length", 4, 2);
    header.named("next header", 6, 1, protocol(header.value(6, 1)));
    header.number("hop limit", 7, 1);
    let (source, target) = (header.v6(8), header.v6(24));
    header.text("source", 8, 16, &*source);
    header.text("destination", 24, 16, &*target);
    let more = header.bytes().len().saturating_sub(40);
    if more > 0 {
        header.raw("extension headers", 40, more);
    }
    ("IPv6", format!("{source} to {target}"), header)
}

/// The header of what carries another packet.
pub fn tunnel(number: u8, mut header: Fields<'_>) -> Described<'_> {
    match number {
        17 => {
            header.number("source port", 0, 2);
            header.number("destination port", 2, 2);
            header.number("length", 4, 2);
            header.hex("checksum", 6, 2);
            let more = header.bytes().len().saturating_sub(8);
            header.raw("tunnel header", 8, more);
            let network = if matches!(header.value(2, 2), 4789 | 4790 | 8472 | 6081) { header.value(12, 3) } else { 0 };
            let summary = format!("{} to {}, network {network}", header.value(0, 2), header.value(2, 2));
            ("UDP tunnel", summary, header)
        }
        47 => {
            header.hex("flags", 0, 2);
            header.hex("protocol", 2, 2);
            let more = header.bytes().len().saturating_sub(4);
            if more > 0 {
                header.raw("options", 4, more);
            }
            ("GRE", format!("protocol 0x{:04x}", header.value(2, 2)), header)
        }
        0 | 43 | 51 | 60 | 135 | 139 | 140 => {
            header.named("next header", 0, 1, protocol(header.value(0, 1)));
            header.number("length", 1, 1);
            let more = header.bytes().len().saturating_sub(2);
            header.raw("content", 2, more);
            ("Extension header", protocol(number.into()).to_owned(), header)
        }
        _ => whole("Header", header),
    }
}
