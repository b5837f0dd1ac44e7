//! Bytes as a tcpdump filter and a frame that it looks at.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| arachne_fuzz::bodies::bpf(data));
