//! pcapng: sections of blocks, each with its type and length.
//!
//! Source: draft-ietf-opsawg-pcapng, section numbers in the comments are those of draft-tuexen-opsawg-pcapng-05.

mod block;
mod interface;
mod options;
mod packets;
mod secrets;
mod side;

use arachne_model::{Limits, UnixNanos};

pub use interface::Resolution;
pub use secrets::Secret;

use crate::buffer::Buffer;
use crate::error::{CaptureError, Unit};
use crate::packet::Found;
use crate::summary::{FileSummary, Format};
use block::{Block, Framing, kind};
use interface::Interface;
use secrets::Secrets;

/// Reads the blocks of one file.
pub(crate) struct Pcapng {
    framing: Framing,
    interfaces: Vec<Interface>,
    interfaces_max: usize,
    names_max: usize,
    /// Time of the packet before, for packets that have none.
    last: UnixNanos,
    pub secrets: Secrets,
}

/// What is wrong with a block.
pub(crate) enum Fault {
    /// It cannot be right.
    Damaged(String),
    /// It is right, but refused.
    Refused(String),
}

impl Fault {
    #[cold]
    fn at(self, block: &Block) -> CaptureError {
        match self {
            Self::Damaged(reason) => {
                CaptureError::Damaged { unit: Unit::Block(Some(block.kind)), at: block.at, reason }
            }
            Self::Refused(what) => CaptureError::Unsupported { what, at: block.at },
        }
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Damaged(reason.to_owned())
    }
}

impl Pcapng {
    /// Takes the first section header.
    ///
    /// # Errors
    /// It is cut, damaged or of another version.
    pub fn new(buffer: &mut Buffer, limits: &Limits, keep_secrets: bool) -> Result<(Self, FileSummary), CaptureError> {
        let framing = Framing::new(limits.record_bytes_max);
        let mut pcapng = Self {
            framing,
            interfaces: Vec::new(),
            interfaces_max: limits.interfaces_max,
            names_max: limits.host_names_max,
            last: UnixNanos::default(),
            secrets: Secrets::new(keep_secrets, limits.record_bytes_max),
        };
        let compression = buffer.position().compression;
        let format = Format::Pcapng { order: pcapng.framing.order };
        let mut summary = FileSummary::new(format, compression);
        if let Some(block) = pcapng.framing.next(buffer)? {
            pcapng.take_block(&block, buffer, &mut summary)?;
        }
        summary.format = Format::Pcapng { order: pcapng.framing.order };
        Ok((pcapng, summary))
    }

    /// The next packet, or `None` at the end.
    ///
    /// # Errors
    /// A block is damaged or cut, or describes what is refused.
    #[inline]
    pub fn next(&mut self, buffer: &mut Buffer, summary: &mut FileSummary) -> Result<Option<Found>, CaptureError> {
        while let Some(block) = self.framing.next(buffer)? {
            // Nearly all blocks are of this type: a short way, without copies of results.
            if block.kind == kind::ENHANCED_PACKET {
                let body = buffer.at(block.start, block.length);
                let found = self.enhanced_packet(&block, body, summary);
                return found.map(Some).map_err(|fault| fault.at(&block));
            }
            if let Some(found) = self.take_block(&block, buffer, summary)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Whether the next block is whole in the buffer.
    pub fn is_ready(&self, ready: &[u8]) -> bool {
        self.framing.is_ready(ready)
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.interfaces.capacity() * size_of::<Interface>() + self.secrets.held_bytes()
    }

    #[inline(never)]
    fn take_block(
        &mut self,
        block: &Block,
        buffer: &Buffer,
        summary: &mut FileSummary,
    ) -> Result<Option<Found>, CaptureError> {
        let body = buffer.at(block.start, block.length);
        self.dispatch(block, body, summary).map_err(|fault| fault.at(block))
    }

    fn dispatch(&mut self, block: &Block, body: &[u8], summary: &mut FileSummary) -> Result<Option<Found>, Fault> {
        match block.kind {
            kind::SIMPLE_PACKET => return self.simple_packet(block, body, summary).map(Some),
            kind::PACKET => return self.obsolete_packet(block, body, summary).map(Some),
            kind::SECTION => self.section(body, summary)?,
            kind::INTERFACE => self.interface(body, summary)?,
            kind::STATISTICS => side::statistics(self.framing.order, &mut self.interfaces, body, summary)?,
            kind::NAMES => side::names(self.framing.order, body, self.names_max, summary),
            kind::SECRETS => self.secrets.take(self.framing.order, body, summary)?,
            other => summary.add_skipped(other),
        }
        Ok(None)
    }

    /// Section header (4.1): the framing has taken its byte order already.
    fn section(&mut self, body: &[u8], summary: &mut FileSummary) -> Result<(), Fault> {
        let order = self.framing.order;
        let [_, version, _, _] = order.words::<4>(body).ok_or("a section header needs 28 bytes")?;
        // 1.2 was written by some and is defined to be read like 1.0.
        let (major, minor) = order.halves(version);
        if !matches!((major, minor), (1, 0 | 2)) {
            return Err(Fault::Refused(format!("pcapng version {major}.{minor} is not read, 1.0 was expected")));
        }
        options::count_comments(order, &body[16..], summary);
        self.interfaces.clear();
        summary.sections += 1;
        Ok(())
    }

    /// Interface description (4.2).
    fn interface(&mut self, body: &[u8], summary: &mut FileSummary) -> Result<(), Fault> {
        if self.interfaces.len() >= self.interfaces_max {
            let reason = format!("more interfaces than the limit of {}", self.interfaces_max);
            return Err(Fault::Refused(reason));
        }
        let interface = Interface::read(self.framing.order, body, summary)?;
        summary.add_interface(interface.link_type, interface.clock.resolution);
        self.interfaces.push(interface);
        Ok(())
    }
}
