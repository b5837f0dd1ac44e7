//! The TCP header with its options. Sources: RFC 9293, section 3.1; RFC 7323; RFC 2018 (SACK); the registry of IANA.

use super::super::Checksum;
use super::super::tcp::Header;
use super::Described;
use super::fields::Fields;

const FLAGS: [(u64, &str); 9] = [
    (0x100, "AE"),
    (0x80, "CWR"),
    (0x40, "ECE"),
    (0x20, "URG"),
    (0x10, "ACK"),
    (0x08, "PSH"),
    (0x04, "RST"),
    (0x02, "SYN"),
    (0x01, "FIN"),
];

/// The header, which the decoder read as `read`.
pub fn tcp<'a>(mut header: Fields<'a>, read: &Header<'_>) -> Described<'a> {
    let length = usize::try_from(header.value(12, 1) >> 4).unwrap_or(0) * 4;
    let set: Vec<_> = FLAGS.iter().filter(|(bit, _)| header.value(12, 2) & bit != 0).map(|(_, name)| *name).collect();
    let flags = if set.is_empty() { "none".to_owned() } else { set.join(", ") };
    header.number("source port", 0, 2);
    header.number("destination port", 2, 2);
    header.number("sequence number", 4, 4);
    header.number("acknowledgement number", 8, 4);
    header.text("header length", 12, 1, length.to_string());
    header.text("flags", 12, 2, &*flags);
    header.number("window", 14, 2);
    let checksum = match read.checksum {
        Checksum::Good | Checksum::Either => "right",
        Checksum::Offloaded => "left to the network card",
        Checksum::Bad => "wrong",
        Checksum::Unknown => "not verified: bytes are missing",
    };
    header.named("checksum", 16, 2, checksum);
    header.number("urgent pointer", 18, 2);
    options(&mut header);
    let ports = format!("{} to {}", read.source_port, read.target_port);
    ("TCP", format!("{ports}, {flags}, sequence {}", read.sequence), header)
}

fn options(header: &mut Fields<'_>) {
    let all = header.bytes();
    let mut at = 20;
    while let Some(kind) = all.get(at) {
        let length = match (kind, all.get(at + 1)) {
            (0 | 1, _) => 1,
            (_, Some(length)) => usize::from(*length),
            (_, None) => 0,
        };
        if length == 0 || length > all.len() - at || (*kind > 1 && length < 2) {
            header.raw("option whose length is wrong", at, all.len() - at);
            return;
        }
        option(header, *kind, at, length);
        if *kind == 0 {
            if at + 1 < all.len() {
                header.raw("padding", at + 1, all.len() - at - 1);
            }
            return;
        }
        at += length;
    }
}

fn option(header: &mut Fields<'_>, kind: u8, at: usize, length: usize) {
    let value = at + 2;
    match (kind, length) {
        (0, _) => header.text("option: end", at, 1, ""),
        (1, _) => header.text("option: no operation", at, 1, ""),
        (2, 4) => header.text("option: maximum segment size", at, 4, header.value(value, 2).to_string()),
        (3, 3) => {
            let shift = header.value(value, 1);
            header.text("option: window scale", at, 3, format!("{shift} (times {})", 1_u64 << shift.min(14)));
        }
        (4, 2) => header.text("option: selective acknowledgement permitted", at, 2, ""),
        (5, _) => {
            let blocks = (value..at + length).step_by(8).filter(|from| from + 8 <= at + length);
            let shown = blocks.map(|from| format!("{}-{}", header.value(from, 4), header.value(from + 4, 4)));
            let shown = shown.collect::<Vec<_>>().join(", ");
            header.text("option: selective acknowledgement", at, length, shown);
        }
        (8, 10) => {
            let shown = format!("{}, echo {}", header.value(value, 4), header.value(value + 4, 4));
            header.text("option: timestamps", at, 10, shown);
        }
        (19, _) => header.raw("option: MD5 signature", at, length),
        (29, _) => header.raw("option: authentication", at, length),
        (30, _) => header.raw("option: multipath", at, length),
        (34, _) => header.raw("option: fast open", at, length),
        _ => header.raw("option", at, length),
    }
}
