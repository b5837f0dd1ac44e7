//! How Arachne speaks about itself: log codes, log output, counts per code.
//!
//! Each event of level info and above has a code from the one table in [`codes`]. [`emit!`] counts it and hands it to
//! `tracing`; [`init`] makes the output that writes to stderr, for people or as JSON, with a rate limit per code. The
//! limit touches the output only, never the counts.
//!
//! What it never does: write to stdout, or pass control characters of captured text on to a terminal.
//!
//! ```
//! use arachne_telemetry::{codes, emit};
//! emit!(codes::READ_NET_002, packets = 3_u64, file = "trace.pcap");
//! assert_eq!(arachne_telemetry::count_of(&codes::READ_NET_002), 1);
//! ```

mod clock;
mod code;
pub mod codes;
mod counts;
mod emit;
mod output;
mod page;
mod rate;
pub mod sources;
mod text;

pub use clock::now;
pub use code::{Level, LogCode};
pub use counts::{count, count_of, counts};
pub use emit::{Chain, chain};
pub use output::{Flood, Format, Guard, InitError, LogLayer, Verbosity, init};
pub use page::render_markdown;
pub use text::visible;

/// For [`emit!`], so that its users need no dependency of their own.
#[doc(hidden)]
pub use tracing;
