//! JSON lines. Values are slices of the line; numbers are read from their text, so nothing is rounded on the way.

use std::collections::BTreeMap;

use super::format::Field;
use super::split::set;
use super::stamp::Stamps;
use super::{Escaping, Record, Refusal};
use crate::json::{Json, walk};

/// Reads lines with these keys.
#[derive(Clone, Debug)]
pub(super) struct JsonLines {
    /// In the order of the first line that was read, so that the next lines need one comparison per key.
    names: Vec<(Box<[u8]>, Field)>,
    stamps: Stamps,
}

impl JsonLines {
    pub(super) fn new(names: BTreeMap<Box<[u8]>, Field>) -> Self {
        Self { names: names.into_iter().collect(), stamps: Stamps::default() }
    }

    pub(super) fn read<'a>(&mut self, line: &'a [u8]) -> Result<Record<'a>, Refusal> {
        // A service's name may stand in front, as docker compose puts it there.
        let start = memchr::memchr(b'{', line).ok_or(Refusal::NoJson)?;
        let mut record = Record { escaping: Escaping::Json, ..Record::default() };
        let (mut known, mut wrong, mut next) = (0, None, 0);
        let walked = walk(&line[start..], &mut |path, value| {
            let Some(field) = self.field(path, &mut next) else { return };
            let text = if value == Json::Bare(b"null") { b"" } else { value.raw() };
            if text.is_empty() {
                known += 1;
                return;
            }
            // Where a time is there twice, the more exact one is read first or last.
            if matches!(field, Field::TimeIso | Field::TimeLocal | Field::TimeAny) && record.at.is_some() {
                return;
            }
            if set(&mut record, field, text, &mut self.stamps).is_some() {
                known += 1;
            } else {
                wrong = wrong.or(Some(field));
            }
        });
        match (walked, wrong, known) {
            (None, ..) => Err(Refusal::NoJson),
            (_, Some(field), _) => Err(Refusal::Shape(field)),
            (_, _, 0) => Err(Refusal::Foreign),
            _ if record.status.is_none() && record.request.target.is_none() => Err(Refusal::Foreign),
            _ => Ok(record),
        }
    }

    /// The field of a path. Paths come in the same order on each line: what is found is moved to where it is looked for.
    fn field(&mut self, path: &[u8], next: &mut usize) -> Option<Field> {
        let at = match self.names.get(*next) {
            Some((name, _)) if name.as_ref() == path => *next,
            _ => self.names.iter().position(|(name, _)| name.as_ref() == path)?,
        };
        if *next < self.names.len() && at > *next {
            self.names.swap(at, *next);
            *next += 1;
            return Some(self.names[*next - 1].1);
        }
        *next = at + 1;
        Some(self.names[at].1)
    }
}
