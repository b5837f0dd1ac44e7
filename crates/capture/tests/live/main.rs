//! Live capture of real packets between network namespaces that the tests make themselves. They need root, and say so
//! where they skip.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod exchanges;
mod net;
mod packets;
