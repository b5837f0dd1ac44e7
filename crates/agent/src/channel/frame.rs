//! Frames: u32 length of the payload, u32 CRC-32C of kind and payload, u8 kind, payload; numbers little endian.

use std::io::{self, Read, Write};

/// Bytes of a payload. Policy: a writer makes smaller ones, a reader refuses.
pub const FRAME_BYTES_MAX: usize = 32 << 20;

/// Length, checksum, kind.
const HEAD: usize = 9;

/// Why nothing more can be said.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The socket.
    #[error("the channel between supervisor and capture process broke")]
    Io(#[from] io::Error),
    /// A length that cannot be.
    #[error("a frame of {bytes} bytes, at most {FRAME_BYTES_MAX} are allowed")]
    Length {
        /// What it says.
        bytes: usize,
    },
    /// The end in the middle of a frame.
    #[error("the channel ends in the middle of a frame")]
    Cut,
    /// A wrong checksum.
    #[error("a frame whose checksum is wrong")]
    Checksum,
    /// A kind that does not exist, or not in this direction.
    #[error("a frame of kind {0}, which does not belong here")]
    Kind(u8),
    /// Not the JSON that belongs here.
    #[error("a frame whose JSON cannot be read")]
    Json(#[source] serde_json::Error),
    /// Not the message that belongs here.
    #[error("a frame whose message cannot be read")]
    Protobuf(#[source] prost::DecodeError),
}

/// Writes a frame.
///
/// # Errors
/// [`ChannelError::Length`], and what the socket says.
pub fn write(into: &mut impl Write, kind: u8, payload: &[u8]) -> Result<(), ChannelError> {
    let too_long = ChannelError::Length { bytes: payload.len() };
    let length = u32::try_from(payload.len()).ok().filter(|length| *length as usize <= FRAME_BYTES_MAX);
    let length = length.ok_or(too_long)?;
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..8].copy_from_slice(&sum(kind, payload).to_le_bytes());
    head[8] = kind;
    into.write_all(&head)?;
    into.write_all(payload)?;
    Ok(into.flush()?)
}

fn sum(kind: u8, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload)
}

/// Reads frames. Memory grows with what has come, not with what a length says.
pub struct Reader<R> {
    inner: R,
    payload: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Reads from `inner`.
    pub const fn new(inner: R) -> Self {
        Self { inner, payload: Vec::new() }
    }

    /// Kind and payload of the next frame; `None` at the end.
    ///
    /// # Errors
    /// See [`ChannelError`]. Nothing can be read afterwards.
    #[expect(clippy::should_implement_trait, reason = "what it gives is borrowed or may fail: no iterator")]
    pub fn next(&mut self) -> Result<Option<(u8, &[u8])>, ChannelError> {
        let mut head = [0; HEAD];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let word = |at: usize| head[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let bytes = word(0) as usize;
        if bytes > FRAME_BYTES_MAX {
            return Err(ChannelError::Length { bytes });
        }
        self.payload.clear();
        self.payload.shrink_to(1 << 20);
        let read = self.inner.by_ref().take(bytes as u64).read_to_end(&mut self.payload)?;
        if read < bytes {
            return Err(ChannelError::Cut);
        }
        if sum(head[8], &self.payload) != word(4) {
            return Err(ChannelError::Checksum);
        }
        Ok(Some((head[8], &self.payload)))
    }

    /// Fills `head`; `false` when the end comes before its first byte.
    fn fill(&mut self, head: &mut [u8]) -> Result<bool, ChannelError> {
        let mut filled = 0;
        while filled < head.len() {
            match self.inner.read(&mut head[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(ChannelError::Cut),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A process that was killed with unread orders resets its end.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset && filled == 0 => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ChannelError, FRAME_BYTES_MAX, Reader, write};

    fn frames(list: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, payload) in list {
            write(&mut bytes, *kind, payload).expect("a vector takes all");
        }
        bytes
    }

    #[test]
    fn what_is_wrong_is_named() {
        let whole = frames(&[(1, b"abc".to_vec())]);
        let error = |bytes: &[u8]| Reader::new(bytes).next().map(|_| ()).expect_err("damaged");
        for end in 1..whole.len() {
            assert!(matches!(error(&whole[..end]), ChannelError::Cut), "{end}");
        }
        for at in 4..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(matches!(error(&flipped), ChannelError::Checksum), "{at}");
        }
        let lie = [&[0xff; 4][..], &whole[4..]].concat();
        assert!(matches!(error(&lie), ChannelError::Length { bytes: 0xffff_ffff }));
        let mut sink = std::io::sink();
        assert!(write(&mut sink, 1, &vec![0; FRAME_BYTES_MAX + 1]).is_err());
    }

    proptest! {
        #[test]
        fn frames_come_back(list in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..8)) {
            let bytes = frames(&list);
            let mut reader = Reader::new(bytes.as_slice());
            for (kind, payload) in &list {
                let (found, bytes) = reader.next().expect("sound").expect("one more");
                prop_assert_eq!((found, bytes), (*kind, payload.as_slice()));
            }
            prop_assert!(reader.next().expect("sound").is_none());
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(bytes.as_slice());
            while let Ok(Some(_)) = reader.next() {}
        }
    }
}
