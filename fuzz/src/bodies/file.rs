//! A capture file: any bytes give packets and at most one error, the same for any chunking.

use std::io::{self, Cursor, Read};

use arachne_capture::{CaptureReader, ReadOptions};
use arachne_wire::{Engine, Frame};

use super::{Checked, audit, end, small_limits};

/// Packets are compared and played up to here: packed files may hold more than there is time for.
const PACKETS_MAX: usize = 2000;

/// Gives a few bytes at a time.
struct Slow(Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.1.min(into.len());
        self.0.read(&mut into[..size])
    }
}

/// Time, link type, original length and captured length of each packet, and the error that ended it.
type Outcome = (Vec<(i64, u32, u32, usize)>, Option<String>);

fn read(input: impl Read + Send + 'static, mut each: impl FnMut(&Frame<'_>)) -> Outcome {
    let options = ReadOptions { limits: small_limits(), keep_secrets: true };
    let mut reader = match CaptureReader::new(input, &options) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let mut packets = Vec::new();
    loop {
        match reader.next_packet() {
            Ok(None) => break (packets, None),
            Err(error) => break (packets, Some(error.to_string())),
            Ok(Some(packet)) => {
                packets.push((packet.timestamp.0, packet.link_type.0, packet.original_length, packet.data.len()));
                each(&Frame {
                    number: packets.len() as u64,
                    at: packet.timestamp,
                    link_type: packet.link_type,
                    original_length: packet.original_length,
                    data: packet.data,
                });
                if packets.len() >= PACKETS_MAX {
                    break (packets, None);
                }
            }
        }
    }
}

/// Reads the bytes as a file, plays its packets, and reads it again in small pieces.
pub fn file(data: &[u8]) {
    let (mut engine, mut sink) = (Engine::new(&small_limits(), 1, true), Checked::default());
    let whole = read(Cursor::new(data.to_vec()), |frame| {
        engine.packet(frame, &mut sink);
        audit(&engine);
    });
    end(engine, sink);
    let slow = read(Slow(Cursor::new(data.to_vec()), 1 + data.len() % 7), |_| {});
    assert_eq!(whole.0, slow.0, "chunking changes nothing");
    if whole.0.is_empty() {
        // Damaged packing around what is no capture file either: which of the two is told depends on the pieces.
        assert_eq!(whole.1.is_some(), slow.1.is_some());
    } else {
        assert_eq!(whole.1, slow.1);
    }
}
