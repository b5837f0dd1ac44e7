//! What a stream is by its first bytes.

use crate::order::ByteOrder;
use crate::unpack::Compression;

/// The first four bytes of a pcapng section, the same in either byte order.
pub(crate) const SECTION_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// What is recognised in the first four bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A pcap file that is read.
    Pcap(PcapMagic),
    /// A pcapng file.
    Pcapng,
    /// A capture of another kind, by name.
    Foreign(&'static str),
    /// No capture: what it seems to be.
    Other(String),
}

/// What the magic number of a pcap file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PcapMagic {
    pub order: ByteOrder,
    /// Fractions are nanoseconds, not microseconds.
    pub nanoseconds: bool,
    /// Kuznetzov's variant with its longer record headers.
    pub modified: bool,
}

/// Says what starts with `first`, which holds all that is there up to at least 64 bytes.
pub(crate) fn start_of(first: &[u8]) -> Start {
    let Some(magic) = first.first_chunk::<4>() else {
        return Start::Other(match first {
            [] => "the file is empty".to_owned(),
            _ => "too short for one".to_owned(),
        });
    };
    if *magic == SECTION_MAGIC {
        return Start::Pcapng;
    }
    [ByteOrder::Little, ByteOrder::Big]
        .into_iter()
        .find_map(|order| pcap_start(order, order.u32(*magic)))
        .unwrap_or_else(|| other_start(first, *magic))
}

/// Source: the magic numbers of libpcap (`sf-pcap.c`) and Wireshark (`wiretap/libpcap.h`).
fn pcap_start(order: ByteOrder, magic: u32) -> Option<Start> {
    let read = |nanoseconds, modified| Start::Pcap(PcapMagic { order, nanoseconds, modified });
    Some(match magic {
        0xa1b2_c3d4 => read(false, false),
        0xa1b2_3c4d => read(true, false),
        0xa1b2_cd34 => read(false, true),
        0xa1b2_34cd => Start::Foreign("Mesquita's variant of pcap"),
        0xa12b_3c4d => Start::Foreign("Navtel's variant of pcap"),
        0xa1b2_c3cb => Start::Foreign("the CBPF variant of pcap"),
        0x1c00_01ac => Start::Foreign("IXIA's hardware variant of pcap (lcap)"),
        0x1c00_01ab => Start::Foreign("IXIA's software variant of pcap (lcap)"),
        _ => return None,
    })
}

fn other_start(first: &[u8], magic: [u8; 4]) -> Start {
    const CAPTURES: &[(&[u8], &str)] = &[
        (b"snoop\0\0\0", "a snoop capture"),
        (b"btsnoop\0", "a btsnoop capture"),
        (b"RTSS", "a Network Monitor 1 capture"),
        (b"GMBU", "a Network Monitor 2 capture"),
        (b"TRSNIFF data", "a Sniffer capture"),
        (b"XCP\0", "a NetXRay capture"),
    ];
    const OTHERS: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "a zip archive, unpack it first"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"\x7fELF", "an ELF executable"),
        (b"MZ", "a Windows executable"),
        (b"\xfd7zXZ", "xz data, unpack them first"),
        (b"BZh", "bzip2 data, unpack them first"),
        (b"\x04\x22\x4d\x18", "lz4 data, unpack them first"),
        (b"7z\xbc\xaf", "a 7z archive, unpack it first"),
        (b"\x1f\x9d", "compress data, unpack them first"),
        (b"%PDF", "a PDF document"),
        (b"SQLite format 3", "an SQLite database"),
        (b"PAR1", "a Parquet file"),
        (b"ARASPOOL", "a spool file of an agent: `arachne import FILE` takes it, each file by itself"),
    ];
    let name = |list: &'static [(&[u8], &str)]| list.iter().find(|(m, _)| first.starts_with(m)).map(|(_, name)| *name);
    if let Some(name) = name(CAPTURES) {
        Start::Foreign(name)
    } else if let Some(name) = name(OTHERS) {
        Start::Other(name.to_owned())
    } else if is_text(first) {
        Start::Other("it is text".to_owned())
    } else {
        let [a, b, c, d] = magic;
        Start::Other(format!("unknown magic number {a:02x} {b:02x} {c:02x} {d:02x}"))
    }
}

/// What follows is packed once more.
pub(crate) fn packed_again(outer: Compression, first: &[u8]) -> Option<String> {
    match Compression::of(first) {
        _ if outer == Compression::None => None,
        Compression::None => None,
        inner => Some(format!("{inner} data inside {outer} data, only one layer is unpacked")),
    }
}

fn is_text(first: &[u8]) -> bool {
    let sample = &first[..first.len().min(64)];
    let printable = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    // The sample may cut a character in two, hence the look at where the fault lies.
    let utf8 = std::str::from_utf8(sample).map_or_else(|e| e.valid_up_to() + 4 > sample.len(), |_| true);
    utf8 && sample.iter().all(printable)
}

#[cfg(test)]
mod tests {
    use super::{PcapMagic, Start, packed_again, start_of};
    use crate::order::ByteOrder;
    use crate::unpack::Compression;

    #[test]
    fn captures_are_told_by_their_magic_numbers() {
        let pcap = |order, nanoseconds, modified| Start::Pcap(PcapMagic { order, nanoseconds, modified });
        let cases: &[(&[u8], Start)] = &[
            (b"\xd4\xc3\xb2\xa1", pcap(ByteOrder::Little, false, false)),
            (b"\xa1\xb2\xc3\xd4", pcap(ByteOrder::Big, false, false)),
            (b"\x4d\x3c\xb2\xa1", pcap(ByteOrder::Little, true, false)),
            (b"\xa1\xb2\x3c\x4d", pcap(ByteOrder::Big, true, false)),
            (b"\x34\xcd\xb2\xa1", pcap(ByteOrder::Little, false, true)),
            (b"\x0a\x0d\x0d\x0a", Start::Pcapng),
            (b"\xa1\x2b\x3c\x4d", Start::Foreign("Navtel's variant of pcap")),
            (b"\xac\x01\x00\x1c", Start::Foreign("IXIA's hardware variant of pcap (lcap)")),
            (b"snoop\0\0\0", Start::Foreign("a snoop capture")),
        ];
        for (bytes, expected) in cases {
            assert_eq!(start_of(bytes), *expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn what_is_no_capture_is_named() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "the file is empty"),
            (b"abc", "too short for one"),
            (b"PK\x03\x04...", "a zip archive, unpack it first"),
            (b"\x7fELF\x02", "an ELF executable"),
            (b"GET / HTTP/1.1\r\n", "it is text"),
            ("na\u{ef}ve \u{20ac}".as_bytes(), "it is text"),
            (b"\xde\xad\xbe\xef\0\0", "unknown magic number de ad be ef"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(start_of(bytes), Start::Other((*expected).to_owned()), "{bytes:02x?}");
        }
    }

    #[test]
    fn only_a_second_layer_is_too_much() {
        let gzip = b"\x1f\x8b\x08\x00";
        assert_eq!(packed_again(Compression::None, gzip), None);
        assert!(packed_again(Compression::Zstd, gzip).is_some_and(|t| t.starts_with("gzip data inside zstd")));
        assert_eq!(packed_again(Compression::Gzip, b"\xd4\xc3\xb2\xa1"), None);
    }
}
