//! What the integration tests share.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::Cursor;
use std::path::PathBuf;

use arachne_capture::{CaptureReader, FileSummary, ReadOptions};

/// What reading a whole file came to.
#[derive(Debug)]
pub struct Outcome {
    pub packets: u64,
    pub bad_timestamps: u64,
    pub error: Option<String>,
    pub offset: Option<u64>,
    pub summary: Option<FileSummary>,
}

/// A folder of shared test data, where it is present.
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ARACHNE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    Some(root.join(name)).filter(|path| path.is_dir())
}

/// Reads all packets of `bytes`.
pub fn read_all(bytes: Vec<u8>) -> Outcome {
    let mut outcome = Outcome { packets: 0, bad_timestamps: 0, error: None, offset: None, summary: None };
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
    outcome
}
