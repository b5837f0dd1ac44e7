//! The real program on real packets, between network namespaces that the tests make themselves. They need root, and say
//! so where they skip.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod agent;
mod databases;
mod delivery;
mod laws;
mod limits;
mod logs;
#[path = "../../../capture/tests/live/net.rs"]
mod net;
mod reconfigure;
mod recording;
mod sandbox;
mod secrets;
mod server;
mod unit;

use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes_between_processes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        laws::any_bytes(&bytes);
    }
}
