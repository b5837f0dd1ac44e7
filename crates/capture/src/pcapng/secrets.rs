//! Secrets for decryption, such as TLS key logs. Skipped and counted, kept only on demand, never printed (law 8).
//!
//! Source: section 4.7.

use std::fmt;

use super::{Fault, options};
use crate::order::ByteOrder;
use crate::summary::{FileSummary, Warning};

/// The secrets of one block. Its `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// The kind, 0x544c534b for a TLS key log.
    pub kind: u32,
    /// The secrets as they stand in the file.
    pub data: Vec<u8>,
}

impl Secret {
    /// A key log as of `SSLKEYLOGFILE`.
    pub const TLS_KEY_LOG: u32 = 0x544c_534b;
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret {{ kind: {:#x}, {} bytes }}", self.kind, self.data.len())
    }
}

/// What is kept of a file's secrets.
pub(crate) struct Secrets {
    keep: bool,
    /// Bytes that may still be kept.
    room: usize,
    pub kept: Vec<Secret>,
}

impl Secrets {
    pub const fn new(keep: bool, bytes_max: usize) -> Self {
        Self { keep, room: bytes_max, kept: Vec::new() }
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        let entries = self.kept.capacity() * size_of::<Secret>();
        entries + self.kept.iter().map(|secret| secret.data.capacity()).sum::<usize>()
    }

    /// Counts the secrets in the body of a block, and keeps them where that is wanted.
    pub fn take(&mut self, order: ByteOrder, body: &[u8], summary: &mut FileSummary) -> Result<(), Fault> {
        let [kind, length] = order.words::<2>(body).ok_or("a secrets block needs 20 bytes")?;
        summary.secrets_blocks += 1;
        let length = length as usize;
        let Some(data) = body.get(8..8 + length) else {
            summary.warn(Warning::SecretsLength, || {
                "a secrets block claims more bytes than it has, it is skipped".to_owned()
            });
            return Ok(());
        };
        let rest = body.get(8 + length.next_multiple_of(4)..).unwrap_or_default();
        options::count_comments(order, rest, summary);
        if self.keep {
            self.keep(kind, data, summary);
        }
        Ok(())
    }

    fn keep(&mut self, kind: u32, data: &[u8], summary: &mut FileSummary) {
        // An entry costs memory even when it is empty.
        let cost = data.len() + size_of::<Secret>();
        match self.room.checked_sub(cost) {
            Some(room) => {
                self.room = room;
                self.kept.push(Secret { kind, data: data.to_vec() });
            }
            None => {
                summary.warn(Warning::SecretsLimit, || "more secrets than the limit, the rest is skipped".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret { kind: Secret::TLS_KEY_LOG, data: b"CLIENT_RANDOM".to_vec() };
        assert_eq!(format!("{secret:?}"), "Secret { kind: 0x544c534b, 13 bytes }");
    }
}
