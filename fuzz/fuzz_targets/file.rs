//! Bytes as a capture file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| arachne_fuzz::bodies::file(data));
