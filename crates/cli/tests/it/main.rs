//! The command line from outside: records to rows, the read loop, and the real binary over real and hostile captures.
#![allow(clippy::unwrap_used, clippy::panic)]

mod agents;
mod codes;
mod config;
mod golden;
mod hostile;
mod import;
mod ledger;
mod live;
mod marks;
mod ndjson;
mod outputs;
mod read_loop;
mod reload;
mod scene;
mod secrets;
#[cfg(target_os = "linux")]
#[allow(clippy::print_stderr, reason = "it says why it skips")]
mod site;
mod spool;
mod store;
mod streams;
mod support;
