//! How much memory a message will need, told from its bytes before any is taken: in protobuf an empty column is two bytes,
//! in memory two hundred.

use super::CodecError;
use crate::{BATCH_UNPACKED_MAX, proto};

/// What a batch may need in memory as [`proto::Batch`]. Honest ones are mostly text, which needs what it is long.
pub(super) const MEMORY_MAX: usize = 2 * BATCH_UNPACKED_MAX;

/// Which message is read.
#[derive(Clone, Copy)]
enum Level {
    Batch,
    Table,
    Column,
}

/// Checks that the message `bytes` needs no more than [`MEMORY_MAX`].
pub(super) fn check(bytes: &[u8]) -> Result<(), CodecError> {
    let mut cost = 0_usize;
    walk(&mut Cursor { bytes, at: 0, end: bytes.len() }, Level::Batch, &mut cost)
}

fn walk(cursor: &mut Cursor<'_>, level: Level, cost: &mut usize) -> Result<(), CodecError> {
    while cursor.at < cursor.end {
        let key = cursor.varint()?;
        let field = key >> 3;
        match key & 7 {
            0 => {
                cursor.varint()?;
                *cost += entry(level, field);
            }
            1 => cursor.skip(8)?,
            5 => cursor.skip(4)?,
            2 => {
                let length = cursor.varint()?;
                let inside = cursor.inside(length)?;
                cursor.at = inside.end;
                *cost += length_delimited(inside, level, field, cost)?;
            }
            _ => return Err(cursor.cut()),
        }
        if *cost > MEMORY_MAX {
            return Err(CodecError::Unpacked { max: MEMORY_MAX });
        }
    }
    Ok(())
}

/// What a field with a length needs; messages inside are walked.
fn length_delimited(mut inside: Cursor<'_>, level: Level, field: u64, cost: &mut usize) -> Result<usize, CodecError> {
    let length = inside.end - inside.at;
    let own = match (level, field) {
        (Level::Batch, 6) => {
            walk(&mut inside, Level::Table, cost)?;
            size_of::<proto::Table>()
        }
        (Level::Table, 3) => {
            walk(&mut inside, Level::Column, cost)?;
            size_of::<proto::Column>()
        }
        // Packed numbers: each ends with a byte without the top bit.
        (Level::Column, 3 | 4 | 6) => {
            let numbers = inside.bytes[inside.at..inside.end].iter().filter(|byte| **byte < 0x80).count();
            numbers * entry(level, field)
        }
        (Level::Column, 5 | 7) => length + size_of::<String>(),
        _ => length,
    };
    Ok(own)
}

/// What one number of a list needs.
const fn entry(level: Level, field: u64) -> usize {
    match (level, field) {
        (Level::Column, 3) => size_of::<i64>(),
        (Level::Column, 4) => size_of::<bool>(),
        (Level::Column, 6) => size_of::<u32>(),
        _ => 0,
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes[..self.end].get(self.at).ok_or_else(|| self.cut())?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.cut())
    }

    fn skip(&mut self, length: u64) -> Result<(), CodecError> {
        self.at = self.inside(length)?.end;
        Ok(())
    }

    fn inside(&self, length: u64) -> Result<Cursor<'a>, CodecError> {
        let left = (self.end - self.at) as u64;
        if length > left {
            return Err(self.cut());
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Cursor { bytes: self.bytes, at: self.at, end: self.at.saturating_add(length) })
    }

    const fn cut(&self) -> CodecError {
        CodecError::Cut { offset: self.at, bytes: self.bytes.len() }
    }
}
