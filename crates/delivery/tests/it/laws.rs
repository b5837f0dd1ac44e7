//! What holds for any bytes that claim to be a batch or a spool file. Called by the property here and by the fuzz target
//! `batch`.

use arachne_delivery::codec::{Head, Packer, address, decode, unpack};
use arachne_delivery::proto::{Batch, Lane};
use arachne_delivery::spool::read_file;
use prost::Message as _;

/// Bytes of a sender are a batch or an error; a batch that is taken is the same after another journey. A spool file is
/// read to its end.
///
/// # Panics
/// When they do not.
pub fn any_bytes(bytes: &[u8]) {
    if let Ok(batch) = unpack(bytes) {
        journey(batch);
    }
    // The fuzzer does not find checksums of zstd: what is behind them gets the bytes too.
    let packed = zstd::bulk::compress(bytes, 1).unwrap_or_default();
    if let Ok(batch) = unpack(&packed) {
        journey(batch);
    }
    if let Ok(batch) = Batch::decode(bytes) {
        journey(batch);
    }
    spool_file(bytes);
}

fn journey(batch: Batch) {
    let Ok(rows) = decode(batch.tables, &mut 0) else { return };
    let head = Head { epoch: batch.epoch, lane: Lane::Live, sequence: batch.sequence, closed: batch.closed };
    let Ok(packed) = Packer::new().and_then(|mut packer| packer.pack_rows(&rows)) else { return };
    let sent = address(&head, &packed).and_then(|bytes| unpack(&bytes)).expect("what was packed here is taken");
    let mut unknown = 0;
    assert_eq!(decode(sent.tables, &mut unknown).expect("what was encoded here fits"), rows);
    assert_eq!(unknown, 0);
}

fn spool_file(bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().expect("there is a place for tests");
    std::fs::write(file.path(), bytes).expect("there is room");
    let Ok(mut spool) = read_file(file.path()) else { return };
    let mut frames = 0_usize;
    while let Some(batch) = spool.next_batch().expect("the file can be read") {
        frames += 1;
        drop(batch);
    }
    assert!(frames <= bytes.len() / 76, "a frame has bytes of its own");
    assert!(spool.findings().iter().all(|f| f.offset + f.bytes <= bytes.len().max(36) as u64));
}
