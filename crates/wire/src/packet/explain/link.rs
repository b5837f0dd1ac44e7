//! Link headers, tags and labels. Sources: those of [`super::super::link`].

use arachne_model::LinkType;

use super::Described;
use super::fields::Fields;

/// What an EtherType announces, as people call it.
fn ether_type(kind: u64) -> &'static str {
    match kind {
        0x0800 => "IPv4",
        0x0806 => "ARP",
        0x86dd => "IPv6",
        0x8100 => "customer VLAN tag",
        0x88a8 | 0x9100 | 0x9200 | 0x9300 => "service VLAN tag",
        0x8847 | 0x8848 => "MPLS",
        0x8863 => "PPPoE discovery",
        0x8864 => "PPPoE session",
        0x6558 => "bridged Ethernet",
        0x880b => "PPP",
        0..1536 => "length of an 802.3 frame",
        _ => "",
    }
}

fn announce(header: &mut Fields<'_>, name: &'static str, from: usize) {
    header.named(name, from, 2, ether_type(header.value(from, 2)));
}

/// The header in front of the first layer, by the link type of the capture.
pub fn of_link_type(link_type: LinkType, mut header: Fields<'_>) -> Described<'_> {
    match link_type {
        LinkType::LINUX_SLL => {
            header.named("packet type", 0, 2, direction(header.value(0, 2)));
            header.number("address family", 2, 2);
            header.number("address length", 4, 2);
            header.raw("address", 6, 8);
            announce(&mut header, "protocol", 14);
            ("Linux cooked", direction(header.value(0, 2)).to_owned(), header)
        }
        LinkType::LINUX_SLL2 => {
            announce(&mut header, "protocol", 0);
            header.number("interface", 4, 4);
            header.number("address family", 8, 2);
            header.named("packet type", 10, 1, direction(header.value(10, 1)));
            header.number("address length", 11, 1);
            header.raw("address", 12, 8);
            ("Linux cooked 2", direction(header.value(10, 1)).to_owned(), header)
        }
        LinkType::NULL | LinkType::LOOP => {
            header.hex("address family", 0, 4);
            ("Loopback", "the capturing host itself".to_owned(), header)
        }
        LinkType::C_HDLC => {
            header.hex("address", 0, 1);
            header.hex("control", 1, 1);
            announce(&mut header, "protocol", 2);
            ("Cisco HDLC", ether_type(header.value(2, 2)).to_owned(), header)
        }
        LinkType::NFLOG => {
            header.number("family", 0, 1);
            header.number("version", 1, 1);
            header.number("resource", 2, 2);
            let rest = header.bytes().len().saturating_sub(4);
            header.raw("attributes", 4, rest);
            ("NFLOG", "netfilter's log".to_owned(), header)
        }
        _ => whole("Link header", header),
    }
}

/// Who sent a packet of a cooked capture.
fn direction(kind: u64) -> &'static str {
    match kind {
        0 => "to this host",
        1 => "broadcast",
        2 => "multicast",
        3 => "to another host",
        4 => "from this host",
        _ => "",
    }
}

/// A header of which only the bytes are shown.
pub fn whole<'a>(name: &'static str, mut header: Fields<'a>) -> Described<'a> {
    let length = header.bytes().len();
    header.raw("bytes", 0, length);
    (name, format!("{length} bytes"), header)
}

/// Destination, source, EtherType.
pub fn ethernet(mut header: Fields<'_>) -> Described<'_> {
    header.hardware("destination", 0);
    header.hardware("source", 6);
    announce(&mut header, "type", 12);
    ("Ethernet", format!("{} to {}", header.octets(6, 6, ":"), header.octets(0, 6, ":")), header)
}

/// What has a header behind an EtherType: a tag, PPPoE, SNAP.
pub fn behind_ether_type(kind: u16, mut header: Fields<'_>) -> Described<'_> {
    match kind {
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
            let tag = header.value(0, 2);
            header.text("priority", 0, 1, (tag >> 13).to_string());
            header.text("drop eligible", 0, 1, (tag >> 12 & 1).to_string());
            header.text("identifier", 0, 2, (tag & 0xfff).to_string());
            announce(&mut header, "type", 2);
            ("VLAN", format!("VLAN {}", tag & 0xfff), header)
        }
        0x8864 => {
            header.hex("version and type", 0, 1);
            header.number("code", 1, 1);
            header.hex("session", 2, 2);
            header.number("length", 4, 2);
            ("PPPoE", format!("session 0x{:04x}", header.value(2, 2)), header)
        }
        0..1536 => {
            header.hex("destination service", 0, 1);
            header.hex("source service", 1, 1);
            header.hex("control", 2, 1);
            header.hex("organisation", 3, 3);
            announce(&mut header, "type", 6);
            ("802.2 SNAP", ether_type(header.value(6, 2)).to_owned(), header)
        }
        _ => whole("Header", header),
    }
}

/// The protocol number of one or two bytes.
pub fn ppp(mut header: Fields<'_>) -> Described<'_> {
    let length = header.bytes().len().min(2);
    header.hex("protocol", 0, length);
    ("PPP", format!("protocol 0x{:04x}", header.value(0, length)), header)
}

/// A label, and the control word behind the last one where there is one.
pub fn mpls(mut header: Fields<'_>) -> Described<'_> {
    let label = header.value(0, 4);
    header.text("label", 0, 3, (label >> 12).to_string());
    header.text("traffic class", 2, 1, (label >> 9 & 7).to_string());
    header.text("bottom of stack", 2, 1, (label >> 8 & 1).to_string());
    header.text("time to live", 3, 1, (label & 0xff).to_string());
    header.hex("control word", 4, 4);
    ("MPLS", format!("label {}", label >> 12), header)
}
