//! Capture files and network interfaces to packets. Files: pcap and pcapng in all their dialects, with gzip or zstd around
//! them, from a file, a pipe, a file that still grows, or a rotated set read as one. Interfaces: [`interface`], on Linux.
//!
//! [`CaptureReader`] slides one buffer over the input and lends each packet out of it: no copy and no allocation per
//! packet, memory bounded by [`arachne_model::Limits`], any chunking of the input gives the same packets. It never
//! guesses: a damaged file ends with an error that names the offset, what came before stays valid, and a dialect that is
//! not read is refused by its name. Nothing that a file says is interpreted; TLS secrets are counted and skipped unless
//! they are asked for, and are never printed.
//!
//! Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng (the savefile formats of libpcap and Wireshark).

mod buffer;
mod detect;
mod error;
mod follow;
pub mod interface;
mod join;
mod moved;
mod order;
mod packet;
mod pcap;
mod pcapng;
mod pipeline;
mod reader;
pub mod rows;
mod summary;
mod unpack;
mod variant;

pub use error::{CaptureError, Position, Unit};
pub use follow::{Follow, Growing};
pub use join::JoinedReader;
pub use moved::{Moved, latest_time};
pub use order::ByteOrder;
pub use packet::{Packet, PacketSource};
pub use pcapng::{Resolution, Secret};
pub use pipeline::{FrameBytes, Minutes, Outcome, PipelineOptions, PipelineSink, TapFactory, run};
pub use reader::{CaptureReader, ReadOptions, open};
pub use summary::{FileSummary, Format, SkippedBlocks, Statistics};
pub use unpack::Compression;
