//! Rows to the bytes of tables of columns.
//!
//! Written straight as protobuf, in the numbers of [`proto::Table`] and [`proto::Column`]: most values are texts, which the
//! structs of a message would each copy into memory of its own. That those structs read what is written here, is a property
//! of the tests.

use std::collections::HashMap;

use arachne_model::table::{Column, Row, Rows, Value};
use foldhash::fast::RandomState;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::List;
use super::pack::Tables;
use crate::proto;

/// The rows by column; tables without rows and columns without values are left out. For who looks at them or changes them:
/// what is only sent is packed by [`super::Packer::pack_rows`].
#[must_use]
pub fn encode(rows: &Rows) -> Vec<proto::Table> {
    let mut message = Vec::new();
    Encoder::default().encode(rows, &mut message);
    Tables::decode(&message[..]).expect("it was written by these numbers").tables
}

/// Appends rows to messages. Keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    /// [`proto::Column::places`] of the column in work, encoded.
    places: Vec<u8>,
    /// [`proto::Column::present`] of the column in work.
    present: Vec<u8>,
}

impl Encoder {
    /// Appends the rows as [`proto::Batch::tables`].
    ///
    /// Of rows of one agent, which are alike, a row costs about a microsecond.
    pub(super) fn encode(&mut self, rows: &Rows, out: &mut Vec<u8>) {
        self.table(&rows.exchanges, out);
        self.table(&rows.sessions, out);
        self.table(&rows.packets, out);
        self.table(&rows.bodies, out);
        self.table(&rows.quality, out);
        self.table(&rows.hosts, out);
        self.table(&rows.points, out);
        self.table(&rows.logs, out);
    }

    fn table<R: Row>(&mut self, rows: &[R], out: &mut Vec<u8>) {
        if rows.is_empty() {
            return;
        }
        let (mut texts, mut blobs) = (Distinct::default(), Distinct::default());
        inside(6, out, |out| {
            bytes(1, R::TABLE.name.as_bytes(), out);
            encode_key(2, WireType::Varint, out);
            encode_varint(rows.len() as u64, out);
            for (index, column) in R::TABLE.columns.iter().enumerate() {
                let before = out.len();
                let count = inside(3, out, |out| self.column(rows, index, column, [&mut texts, &mut blobs], out));
                if count == 0 && column.nullable {
                    out.truncate(before);
                }
            }
        });
    }

    /// Appends what a column has; gives how many of its values are not null.
    fn column<'a, R: Row>(
        &mut self,
        rows: &'a [R],
        index: usize,
        column: &Column,
        [texts, blobs]: [&mut Distinct<'a>; 2],
        out: &mut Vec<u8>,
    ) -> usize {
        self.places.clear();
        self.present.clear();
        bytes(1, column.name.as_bytes(), out);
        let values = rows.iter().map(|row| row.value(index));
        let count = match List::of(column.kind) {
            List::Integers => {
                let mut before = 0;
                inside(3, out, |out| self.each(values, |_, value| integer(value, &mut before, out)))
            }
            List::Flags => inside(4, out, |out| self.each(values, |_, value| flag(value, out))),
            List::Texts => self.each(values, |places, value| {
                let Value::Text(text) = value else { return false };
                texts.put(text.as_bytes(), 5, places, out);
                true
            }),
            // Bodies, of which many are what others got too.
            List::Bytes => self.each(values, |places, value| {
                let Value::Bytes(blob) = value else { return false };
                blobs.put(blob, 7, places, out);
                true
            }),
        };
        let each_its_own = texts.take_count().max(blobs.take_count()) as usize == count;
        if !each_its_own && !self.places.is_empty() {
            bytes(6, &self.places, out);
        }
        if count < rows.len() {
            self.present.resize(rows.len().div_ceil(8), 0);
            bytes(2, &self.present, out);
        }
        count
    }

    /// Gives each value to `put`, which says whether it is one, and marks those that are.
    fn each<'a>(
        &mut self,
        values: impl Iterator<Item = Value<'a>>,
        mut put: impl FnMut(&mut Vec<u8>, Value<'a>) -> bool,
    ) -> usize {
        let mut count = 0;
        for (at, value) in values.enumerate() {
            if at % 8 == 0 {
                self.present.push(0);
            }
            let is_there = put(&mut self.places, value);
            self.present[at / 8] |= u8::from(is_there) << (at % 8);
            count += usize::from(is_there);
        }
        count
    }
}

fn integer(value: Value<'_>, before: &mut i64, out: &mut Vec<u8>) -> bool {
    let Value::Int(number) = value else { return false };
    let difference = number.wrapping_sub(*before);
    *before = number;
    // Zigzag, as sint64 has it.
    encode_varint(((difference << 1) ^ (difference >> 63)).cast_unsigned(), out);
    true
}

fn flag(value: Value<'_>, out: &mut Vec<u8>) -> bool {
    let Value::Bool(flag) = value else { return false };
    out.push(u8::from(flag));
    true
}

/// Appends a field with a length.
fn bytes(number: u32, value: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// Bytes of a length that is not known yet: a varint may have more of them than it needs.
const LENGTH_BYTES: usize = 5;

/// Appends a field with a length, which is known only behind what `write` appends.
fn inside<T>(number: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    encode_key(number, WireType::LengthDelimited, out);
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    let given = write(out);
    let length = out.len() - start - LENGTH_BYTES;
    for (at, byte) in out[start..start + LENGTH_BYTES].iter_mut().enumerate() {
        let more = if at + 1 < LENGTH_BYTES { 0x80 } else { 0 };
        *byte = u8::try_from(length >> (7 * at) & 0x7f).unwrap_or(0) | more;
    }
    given
}

/// Values after which it is judged whether looking for them again is worth it.
const TRIED: u32 = 64;

/// Finds values that were there before. Kept from column to column for its memory.
#[derive(Default)]
struct Distinct<'a> {
    seen: HashMap<&'a [u8], u32, RandomState>,
    last: Option<(&'a [u8], u32)>,
    /// Values that were not there before.
    count: u32,
    /// Values.
    all: u32,
}

impl<'a> Distinct<'a> {
    /// Appends a value as field `number` where it was not there before, and its place to `places`.
    fn put(&mut self, value: &'a [u8], number: u32, places: &mut Vec<u8>, out: &mut Vec<u8>) {
        self.all += 1;
        // Of ids nearly each is another: looking for them finds nothing.
        let looks = self.all <= TRIED || self.count <= self.all - self.all / 8;
        let before = match self.last {
            // Most labels are those of the row before, which is cheaper to see than to hash.
            Some((before, place)) if before == value => Some(place),
            _ if looks => self.seen.get(value).copied(),
            _ => None,
        };
        let place = before.unwrap_or(self.count);
        if before.is_none() {
            if looks {
                self.seen.insert(value, place);
            }
            self.count += 1;
            bytes(number, value, out);
        }
        self.last = Some((value, place));
        encode_varint(u64::from(place), places);
    }

    /// How many distinct values there were; forgets them.
    fn take_count(&mut self) -> u32 {
        self.seen.clear();
        (self.last, self.all) = (None, 0);
        std::mem::take(&mut self.count)
    }
}
