//! Bytes as a batch of an agent and as a file of its spool. The body is a law that `crates/delivery/tests/it` checks on
//! stable Rust too.
#![no_main]

#[path = "../../crates/delivery/tests/it/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::any_bytes(data));
