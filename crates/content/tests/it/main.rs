//! Taps as the wire core uses them: bytes in, facts out.
#![allow(clippy::unwrap_used)]

mod broken;
mod chunking;
mod hostile;
mod limits;
mod sound;
mod support;
