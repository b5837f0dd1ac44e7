//! Bytes as log lines. The body is a law that `crates/aggregate/tests/it` checks on stable Rust too.
#![no_main]

#[path = "../../crates/aggregate/tests/it/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::any_bytes(data));
