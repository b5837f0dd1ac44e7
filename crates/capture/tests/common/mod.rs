//! What the integration tests share.
#![allow(dead_code, clippy::unwrap_used, clippy::cast_possible_truncation)]

pub mod make;

use std::io::{Cursor, Read};
use std::path::PathBuf;

use arachne_capture::{CaptureError, CaptureReader, FileSummary, Packet, PacketSource, ReadOptions};

/// What reading a whole file came to.
#[derive(Debug)]
pub struct Outcome {
    pub packets: u64,
    pub bad_timestamps: u64,
    pub error: Option<String>,
    pub offset: Option<u64>,
    pub summary: Option<FileSummary>,
    pub held_bytes: usize,
}

/// A folder of shared test data, where it is present.
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ARACHNE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    Some(root.join(name)).filter(|path| path.is_dir())
}

/// Reads all packets of `bytes`.
pub fn read_all(bytes: Vec<u8>) -> Outcome {
    let mut outcome =
        Outcome { packets: 0, bad_timestamps: 0, error: None, offset: None, summary: None, held_bytes: 0 };
    let mut reader = match CaptureReader::new(Cursor::new(bytes), &ReadOptions::default()) {
        Ok(reader) => reader,
        Err(error) => {
            outcome.error = Some(error.to_string());
            outcome.offset = error.position().map(|at| at.offset);
            return outcome;
        }
    };
    loop {
        match reader.next_packet() {
            Ok(Some(packet)) => {
                outcome.packets += 1;
                outcome.bad_timestamps += u64::from(packet.bad_timestamp);
            }
            Ok(None) => break,
            Err(error) => {
                assert!(outcome.error.is_none(), "one error only");
                outcome.error = Some(error.to_string());
                outcome.offset = error.position().map(|at| at.offset);
            }
        }
    }
    assert_eq!(reader.summary().packets, outcome.packets);
    outcome.summary = Some(reader.summary().clone());
    outcome.held_bytes = reader.held_bytes();
    outcome
}

/// A packet that owns its bytes; its time in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    pub at: i64,
    pub bad: bool,
    pub link: u32,
    pub original: u32,
    pub data: Vec<u8>,
}

impl From<Packet<'_>> for Owned {
    fn from(packet: Packet<'_>) -> Self {
        Self {
            at: packet.timestamp.0,
            bad: packet.bad_timestamp,
            link: packet.link_type.0,
            original: packet.original_length,
            data: packet.data.to_vec(),
        }
    }
}

/// The packets of `source`, and its first error.
pub fn packets_of(source: &mut impl PacketSource) -> (Vec<Owned>, Option<CaptureError>) {
    let (mut packets, mut fault) = (Vec::new(), None);
    loop {
        match source.next_packet() {
            Ok(Some(packet)) => packets.push(packet.into()),
            Ok(None) => return (packets, fault),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
}

/// The packets of an input, and its error, also that of the start.
pub fn read_from(input: impl Read + Send + 'static, options: &ReadOptions) -> (Vec<Owned>, Option<String>) {
    match CaptureReader::new(input, options) {
        Err(error) => (Vec::new(), Some(error.to_string())),
        Ok(mut reader) => {
            let (packets, fault) = packets_of(&mut reader);
            (packets, fault.map(|error| error.to_string()))
        }
    }
}
