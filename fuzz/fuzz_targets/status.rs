//! Bytes as the status of an agent and as a server's instructions. The body is a law that `crates/delivery/tests/it` checks on stable
//! Rust too.
#![no_main]

#[path = "../../crates/delivery/tests/it/told.rs"]
mod told;

libfuzzer_sys::fuzz_target!(|data: &[u8]| told::any_bytes(data));
