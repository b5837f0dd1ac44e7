//! Bytes as frames of a link type.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| arachne_fuzz::bodies::packet(data));
