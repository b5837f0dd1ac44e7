//! Bytes as a filter. The body is a law that `crates/filter/tests/it` checks on stable Rust too.
#![no_main]

#[path = "../../crates/filter/tests/it/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::any_bytes(data));
