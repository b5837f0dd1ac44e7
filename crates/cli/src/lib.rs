//! The command line of Arachne: arguments, formats of output, exit codes. Parsing happens elsewhere; this crate turns
//! records into bytes on standard output and everything else into lines on standard error.

pub mod agents;
pub mod args;
pub mod ask;
pub mod configure;
pub mod exit;
#[doc(hidden)]
pub mod fixtures;
pub mod http;
pub mod import;
pub mod interrupt;
pub mod local_agent;
pub mod mark;
pub mod output;
pub mod progress;
pub mod read;
pub mod reload;
pub mod sample;
pub mod serve;
pub mod store;
pub mod stream_files;
pub mod stream_hashes;
pub mod visible;
