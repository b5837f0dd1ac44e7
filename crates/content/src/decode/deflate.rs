//! `deflate`: the zlib format, or raw deflate as some servers send it.
//!
//! Sources: RFC 9110 section 8.4.1.2, RFC 1950, RFC 1951.

use flate2::Decompress;

use super::inflate::{HELD_BYTES, inflate};
use super::{Decode, Emit, Stop};

/// What is known of the stream.
enum State {
    /// Nothing.
    Start,
    /// One byte, which does not tell zlib from raw deflate.
    FirstByte(u8),
    /// The format is known.
    Body(Decompress),
    /// It has ended.
    End,
}

/// Undoes `deflate`.
pub(crate) struct Deflate(State);

impl Deflate {
    pub(crate) const fn new() -> Self {
        Self(State::Start)
    }

    fn body(&mut self, input: &[u8], scratch: &mut [u8], emit: &mut Emit<'_>) -> Result<usize, Stop> {
        let State::Body(state) = &mut self.0 else { return Err(Stop::Broken) };
        let progress = inflate(state, input, scratch, emit)?;
        if progress.ended {
            self.0 = State::End;
        }
        Ok(progress.consumed)
    }
}

/// Whether two first bytes are a zlib header: method 8, window of up to 32 KiB, check bits. Raw deflate that an encoder
/// writes never looks so: it would be a stored block with padding that is not zero.
const fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && (first as u16 * 256 + second as u16).is_multiple_of(31)
}

impl Decode for Deflate {
    fn decode(&mut self, mut input: &[u8], scratch: &mut [u8], emit: &mut Emit<'_>) -> Result<(), Stop> {
        while let Some((&byte, rest)) = input.split_first() {
            match self.0 {
                State::Start => {
                    self.0 = State::FirstByte(byte);
                    input = rest;
                }
                State::FirstByte(first) => {
                    self.0 = State::Body(Decompress::new(is_zlib(first, byte)));
                    self.body(&[first], scratch, emit)?;
                }
                State::Body(_) => input = &input[self.body(input, scratch, emit)?..],
                State::End => return Err(Stop::Broken),
            }
        }
        Ok(())
    }

    fn content_ended(&self) -> bool {
        matches!(self.0, State::End)
    }

    fn held_bytes(&self) -> usize {
        size_of::<Self>() + if matches!(self.0, State::Body(_)) { HELD_BYTES } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::is_zlib;

    #[test]
    fn headers_of_usual_encoders_are_told_apart() {
        for second in [0x01, 0x5e, 0x9c, 0xda] {
            assert!(is_zlib(0x78, second));
        }
        assert!(!is_zlib(0x78, 0x00));
        assert!(!is_zlib(0x88, 0x1c), "a window of 64 KiB does not exist");
        assert!(!is_zlib(0x4b, 0x4c), "raw deflate with fixed codes");
    }
}
