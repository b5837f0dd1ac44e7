//! Taps as the wire core uses them: bytes in, facts out. Redaction: bytes in, no secret out.
#![allow(clippy::unwrap_used)]

mod broken;
mod chunking;
mod hostile;
mod limits;
mod redact;
mod sound;
mod support;
