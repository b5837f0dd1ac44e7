//! The bodies of the shared hostile captures, where they are at hand.
//!
//! The captures hold a response in few plain segments; its body is what stands behind the head, so a search for the
//! blank line in each packet is enough here. The whole way through the wire core is tested elsewhere.

use std::path::PathBuf;

use arachne_model::{Anomaly, TapFacts};

use crate::support::{all, tap_for};

/// The folder with the captures: `ARACHNE_SHARED`, else `../shared` beside the workspace.
fn folder() -> Option<PathBuf> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("ARACHNE_SHARED").map_or_else(|| workspace.join("../shared"), PathBuf::from);
    let folder = shared.join("hostile/compress");
    folder.is_dir().then_some(folder)
}

/// TCP payloads from port 80 of a little-endian Ethernet pcap.
fn server_payloads(pcap: &[u8]) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    let mut rest = &pcap[24..];
    while rest.len() >= 16 {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (packet, tail) = rest[16..].split_at(length);
        rest = tail;
        let ip = &packet[14..];
        let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        let tcp = &ip[usize::from(ip[0] & 15) * 4..total];
        if tcp[..2] == [0, 80] {
            payloads.push(&tcp[usize::from(tcp[12] >> 4) * 4..]);
        }
    }
    payloads
}

/// Runs the response body of a capture through a tap for its own `Content-Encoding`.
fn run(pcap: &[u8]) -> TapFacts {
    let stream = server_payloads(pcap).concat();
    let end = stream.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(stream[..end].to_vec()).unwrap();
    let encoding = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-encoding"))
        .map(|(_, value)| value.trim().to_owned())
        .unwrap();
    let mut tap = tap_for(&encoding, &all()).unwrap();
    let mut held_bytes_max = 0;
    for packet in stream[end..].chunks(1460) {
        tap.write(packet);
        held_bytes_max = held_bytes_max.max(tap.held_bytes());
    }
    assert!(held_bytes_max < 12 << 20, "{held_bytes_max} held");
    tap.finish(true)
}

#[test]
fn hostile_bodies_are_flagged() {
    let Some(folder) = folder() else {
        return;
    };
    use Anomaly::{DecompressBomb, DecompressError};
    for (file, flag, decodes) in [
        ("br-1g", DecompressBomb, true),
        ("gzip-256m", DecompressBomb, true),
        ("zstd-1g", DecompressBomb, true),
        ("gzip-bad-crc", DecompressError, true),
        ("gzip-nested-5", DecompressError, false),
        ("gzip-trunc", DecompressError, true),
        ("not-gzip", DecompressError, false),
        ("zstd-window-2g", DecompressError, false),
    ] {
        let pcap = std::fs::read(folder.join(format!("{file}.pcap"))).unwrap();
        let facts = run(&pcap);
        assert!(facts.anomalies.contains(flag), "{file}: {:?}", facts.anomalies);
        assert_eq!(facts.decoded_size.is_some(), decodes, "{file}: {:?}", facts.decoded_size);
    }
}
