//! Stored rows in the formats of others: pcapng for Wireshark, HAR for browsers' developer tools, CSV for spreadsheets,
//! ndjson for programs, cURL for a shell.
//!
//! Captured text is only text (law 7): a cell never becomes a formula, a word never becomes an option of a shell.

pub mod csv;
pub mod curl;
pub mod har;
pub mod json;
pub mod pcapng;
pub mod stream;
mod url;

pub use url::absolute as absolute_url;
