//! Bodies through the taps of content decoding.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| arachne_fuzz::bodies::content(data));
