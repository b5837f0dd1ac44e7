//! Records as text: one [`Output`] per format, all writing into a buffer that the read loop flushes.

pub mod grid;
pub mod har;
mod har_message;
mod har_url;
pub mod human;
pub mod json;
pub mod layout;
pub mod ndjson;
pub mod notes;
pub mod sessions;
pub mod stats;
pub mod summary;
pub mod table;
pub mod time;

pub use arachne_wire::target;

use arachne_model::{Exchange, TcpSession};

/// Turns records into bytes of standard output. Nothing is written elsewhere, and nothing is kept but what the format
/// needs to go on; each call appends whole lines or whole JSON values.
pub trait Output: Send {
    /// The records of another source follow. Called before the first record of each.
    fn begin_source(&mut self, _source: &SourceLabel<'_>, _out: &mut Vec<u8>) {}

    /// One exchange.
    fn exchange(&mut self, _exchange: &Exchange, _out: &mut Vec<u8>) {}

    /// One session.
    fn session(&mut self, _session: &TcpSession, _out: &mut Vec<u8>) {}

    /// No record follows. Called once, also when none came.
    fn finish(&mut self, _out: &mut Vec<u8>) {}
}

/// Which source the next records come from.
#[derive(Clone, Copy, Debug)]
pub struct SourceLabel<'a> {
    /// The path as given, or `-`.
    pub name: &'a [u8],
    /// Its number on the command line, from 1.
    pub number: usize,
    /// Whether there are others, so that rows must say where they come from.
    pub among_many: bool,
}
