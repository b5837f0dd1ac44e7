//! The shared hostile captures with secrets, at the level of payloads: heads and bodies found by the blank line.
//!
//! The way through the wire core into a store is tested where `import` is.

use std::path::PathBuf;

use super::{kept, redactor};

/// The folder with the captures: `ARACHNE_SHARED`, else `../shared` beside the workspace.
fn folder() -> Option<PathBuf> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("ARACHNE_SHARED").map_or_else(|| workspace.join("../shared"), PathBuf::from);
    let folder = shared.join("hostile/secret");
    folder.is_dir().then_some(folder)
}

/// The payloads of one side of a little-endian Ethernet pcap in order; the client's when `client`.
fn stream(pcap: &[u8], client: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = &pcap[24..];
    while rest.len() >= 16 {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (packet, tail) = rest[16..].split_at(length);
        rest = tail;
        let ip = &packet[14..];
        let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        let tcp = &ip[usize::from(ip[0] & 15) * 4..total];
        if (tcp[..2] == [0, 80]) != client {
            out.extend_from_slice(&tcp[usize::from(tcp[12] >> 4) * 4..]);
        }
    }
    out
}

/// A message as it would be stored: target, headers and body redacted.
fn stored(message: &[u8]) -> Vec<u8> {
    let redactor = redactor();
    let end = message.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let mut out = Vec::new();
    let mut content_type = None;
    for (number, line) in message[..end].split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if number == 0 {
            for word in line.split(|&byte| byte == b' ') {
                out.extend(redactor.target(word).unwrap_or_else(|| word.to_vec()));
                out.push(b' ');
            }
            continue;
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap();
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-type") {
            content_type = Some(value);
        }
        out.extend_from_slice(name);
        out.extend(redactor.header(name, value).unwrap_or_else(|| value.to_vec()));
    }
    out.extend(kept(redactor.body(content_type, &message[end + 4..], true)));
    out
}

#[test]
fn no_marker_leaves_and_no_decoy_is_eaten() {
    let Some(folder) = folder() else {
        println!("skipped: no shared captures; set ARACHNE_SHARED");
        return;
    };
    // The markers of `must_not_leave_host` and `must_keep` in cases.json, without their common parts.
    let table: [(&str, &[&str], &[&str]); 5] = [
        ("authorization", &["S3CR3T", "UzNDUjNU"], &["Bearer ", "Basic ", "sid=", "theme=", "HttpOnly", "a.test"]),
        ("form", &["S3CR3T"], &["username=ann", "next=%2F", "password="]),
        ("json", &["S3CR3T", "4111 1111"], &["4111111111111112", "\"user\":\"ann\""]),
        ("query", &["S3CR3T"], &["/cb?access_token=", "&x=1", "/home#id_token="]),
        ("split", &["S3CR3T"], &["Bearer "]),
    ];
    for (case, secrets, decoys) in table {
        let pcap = std::fs::read(folder.join(format!("{case}.pcap"))).unwrap();
        let both = [stored(&stream(&pcap, true)), stored(&stream(&pcap, false))].concat();
        let shown = String::from_utf8_lossy(&both);
        for secret in secrets {
            assert!(!shown.contains(secret), "{case}: {secret} in {shown}");
        }
        for decoy in decoys {
            assert!(shown.contains(decoy), "{case}: {decoy} not in {shown}");
        }
    }
}
