//! Bytes on the channels between the processes of an agent. The body is a law that `crates/agent/tests/it` checks on stable Rust too.
#![no_main]

#[path = "../../crates/agent/tests/it/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::any_bytes(data));
