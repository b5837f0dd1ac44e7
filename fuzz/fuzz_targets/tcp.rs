//! Operations on TCP connections, from bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| arachne_fuzz::bodies::tcp(data));
