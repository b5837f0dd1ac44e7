//! The real program on real packets, between network namespaces that the tests make themselves. They need root, and say
//! so where they skip.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod agent;
mod databases;
mod delivery;
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
