//! How far delivery is, durably.
//!
//! The file `cursor` has two slots of 512 bytes, written in turn and in place: a write that is torn leaves the other slot,
//! and a full disk does not keep a cursor from moving.

use std::io;

use super::frame::{Fields, sealed};
use super::{Class, Folder};

/// The name of the file.
pub(super) const NAME: &str = "cursor";
const MAGIC: [u8; 8] = *b"ARACURS1";
const SLOT: u64 = 512;

/// What outlives a process beside the batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    pub generation: u64,
    pub epoch: u64,
    /// By lane: all sequences up to this one are settled.
    pub settled: [u64; 2],
    /// By lane: sequences below this one may have been given away.
    pub reserved: [u64; 2],
    /// By lane and class: files with a number up to this one were dropped.
    pub floors: [[u64; Class::ALL.len()]; 2],
    /// By class: records dropped for lack of room since the spool was made.
    pub dropped: [u64; Class::ALL.len()],
    /// By class: records that a server refused since then.
    pub refused: [u64; Class::ALL.len()],
}

impl Cursor {
    fn numbers(&mut self) -> impl Iterator<Item = &mut u64> {
        [&mut self.generation, &mut self.epoch]
            .into_iter()
            .chain(&mut self.settled)
            .chain(&mut self.reserved)
            .chain(self.floors.iter_mut().flatten())
            .chain(&mut self.dropped)
            .chain(&mut self.refused)
    }

    fn bytes(mut self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        self.numbers().for_each(|number| out.extend(number.to_le_bytes()));
        sealed(out)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Self::default();
        let length = cursor.bytes().len();
        let mut fields = Fields::opened(bytes.get(..length)?)?;
        if fields.take::<8>()? != MAGIC {
            return None;
        }
        for number in cursor.numbers() {
            *number = fields.u64()?;
        }
        Some(cursor)
    }

    /// The newest whole slot; `None` when there is none.
    pub fn load(folder: &mut dyn Folder) -> io::Result<Option<Self>> {
        match folder.read_at(NAME, 0, 2 * usize::try_from(SLOT).unwrap_or(512)) {
            Ok(bytes) => {
                let slots = bytes.chunks(usize::try_from(SLOT).unwrap_or(512)).filter_map(Self::read);
                Ok(slots.max_by_key(|cursor| cursor.generation))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes it durable as the next generation.
    pub fn store(&mut self, folder: &mut dyn Folder) -> io::Result<()> {
        let next = Self { generation: self.generation + 1, ..*self };
        let mut slot = next.bytes();
        slot.resize(usize::try_from(SLOT).unwrap_or(512), 0);
        if self.generation == 0 {
            match folder.create(NAME) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => folder.write_at(NAME, 0, &vec![0; slot.len() * 2])?,
            }
        }
        folder.write_at(NAME, next.generation % 2 * SLOT, &slot)?;
        folder.sync(NAME)?;
        if self.generation == 0 {
            folder.sync_names()?;
        }
        // Only now: after an error the same slot is written again, never the one that is whole.
        self.generation = next.generation;
        Ok(())
    }
}
