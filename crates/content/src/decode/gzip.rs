//! `gzip`: members with header, deflated content and checksum, behind each other.
//!
//! The framing is read here and not by the inflate library, so that a new member costs a reset and not an allocation,
//! and so that what follows the last member can be judged.
//!
//! Source: RFC 1952.

use flate2::{Crc, Decompress};

use super::inflate::{HELD_BYTES, inflate};
use super::{Decode, Emit, Stop};

/// Header flag: a CRC of the header follows.
const FHCRC: u8 = 1 << 1;
/// Header flag: extra fields follow.
const FEXTRA: u8 = 1 << 2;
/// Header flag: a file name follows.
const FNAME: u8 = 1 << 3;
/// Header flag: a comment follows.
const FCOMMENT: u8 = 1 << 4;
/// Flags without a meaning: must be zero.
const RESERVED: u8 = 0b1110_0000;

/// Where in a member the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Byte of the ten that every header has.
    Fixed(u8),
    /// Low byte of the length of the extra fields.
    ExtraLow,
    /// High byte of it; the low byte was this.
    ExtraHigh(u8),
    /// So many bytes of extra fields are left.
    Extra(u16),
    /// The file name, to its NUL.
    Name,
    /// The comment, to its NUL.
    Comment,
    /// So many bytes of the header's CRC are left.
    HeaderCrc(u8),
    /// Deflated content.
    Body,
    /// Byte of the eight that hold CRC and size.
    Trailer(u8),
    /// Behind a member: the end, or another one.
    Between,
}

/// Undoes `gzip`.
pub(crate) struct Gzip {
    place: Place,
    flags: u8,
    trailer: [u8; 8],
    crc: Crc,
    inflate: Decompress,
}

impl Gzip {
    pub(crate) fn new() -> Self {
        Self { place: Place::Fixed(0), flags: 0, trailer: [0; 8], crc: Crc::new(), inflate: Decompress::new(false) }
    }

    /// The place of the first optional part that `flags` announces.
    const fn optional(flags: u8) -> Place {
        match flags {
            f if f & FEXTRA != 0 => Place::ExtraLow,
            f if f & FNAME != 0 => Place::Name,
            f if f & FCOMMENT != 0 => Place::Comment,
            f if f & FHCRC != 0 => Place::HeaderCrc(2),
            _ => Place::Body,
        }
    }

    /// The place behind the optional part `flag`.
    const fn after(&mut self, flag: u8) -> Place {
        self.flags &= !flag;
        Self::optional(self.flags)
    }

    fn fixed(&mut self, at: u8, byte: u8) -> Result<Place, Stop> {
        match (at, byte) {
            (0, 0x1f) | (1, 0x8b) | (2, 8) | (4..=8, _) => Ok(Place::Fixed(at + 1)),
            (3, flags) if flags & RESERVED == 0 => {
                self.flags = flags;
                Ok(Place::Fixed(4))
            }
            (9, _) => Ok(Self::optional(self.flags)),
            _ => Err(Stop::Broken),
        }
    }

    fn trailer(&mut self, at: u8, byte: u8) -> Result<Place, Stop> {
        self.trailer[usize::from(at)] = byte;
        if at < 7 {
            return Ok(Place::Trailer(at + 1));
        }
        let [a, b, c, d, size @ ..] = self.trailer;
        // Both count modulo 2^32.
        if u32::from_le_bytes([a, b, c, d]) != self.crc.sum() || u32::from_le_bytes(size) != self.crc.amount() {
            return Err(Stop::Broken);
        }
        self.crc.reset();
        self.inflate.reset(false);
        Ok(Place::Between)
    }

    /// Takes one byte outside the content.
    fn framing(&mut self, byte: u8) -> Result<Place, Stop> {
        Ok(match self.place {
            Place::Between => self.fixed(0, byte)?,
            Place::Fixed(at) => self.fixed(at, byte)?,
            Place::ExtraLow => Place::ExtraHigh(byte),
            Place::ExtraHigh(low) => match u16::from_le_bytes([low, byte]) {
                0 => self.after(FEXTRA),
                length => Place::Extra(length),
            },
            Place::Extra(1) => self.after(FEXTRA),
            Place::Extra(left) => Place::Extra(left - 1),
            Place::Name if byte == 0 => self.after(FNAME),
            Place::Comment if byte == 0 => self.after(FCOMMENT),
            Place::HeaderCrc(1) => Place::Body,
            Place::HeaderCrc(left) => Place::HeaderCrc(left - 1),
            Place::Trailer(at) => self.trailer(at, byte)?,
            place @ (Place::Name | Place::Comment | Place::Body) => place,
        })
    }
}

impl Decode for Gzip {
    fn decode(&mut self, mut input: &[u8], scratch: &mut [u8], emit: &mut Emit<'_>) -> Result<(), Stop> {
        while let Some((&byte, rest)) = input.split_first() {
            if self.place != Place::Body {
                self.place = self.framing(byte)?;
                input = rest;
                continue;
            }
            let crc = &mut self.crc;
            let progress = inflate(&mut self.inflate, input, scratch, &mut |piece| {
                crc.update(piece);
                emit(piece)
            })?;
            input = &input[progress.consumed..];
            if progress.ended {
                self.place = Place::Trailer(0);
            }
        }
        Ok(())
    }

    fn content_ended(&self) -> bool {
        matches!(self.place, Place::Trailer(_) | Place::Between)
    }

    fn ended(&self) -> bool {
        self.place == Place::Between
    }

    fn held_bytes(&self) -> usize {
        size_of::<Self>() + HELD_BYTES
    }
}
