//! Bytes as an HTTP conversation.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| arachne_fuzz::bodies::http(data));
