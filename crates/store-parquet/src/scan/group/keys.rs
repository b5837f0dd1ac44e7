//! A key of rows as small numbers, which tables of groups are indexed by.

use arachne_filter::{Class, header_values};
use arachne_model::table::Kind;
use arachne_store::{Callers, CountMode, Key, Scalar, Selection};
use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Int32Type};

use super::bucket::Divider;
use super::intern::{IntegerInterner, Interner};
use crate::columns::{cell, data_type};
use crate::scan::frame::{Frame, same_dictionary};

/// Makes numbers of a key. 0 is null where a key can be null.
pub(super) struct Coder {
    key: Key,
    way: Way,
}

enum Way {
    /// A column of integers.
    Integers(IntegerInterner),
    /// A column of labels, or lines of one: a number for each entry of the dictionary seen last, once a row has it.
    Labels(Interner, Known),
    /// The named ones in order; what is known of the dictionaries of client and origin.
    Caller(Vec<Box<str>>, Known, Known),
    /// Text, bytes, header values.
    Values(Interner),
    /// A column of flags.
    Flags,
    Class,
    /// Numbers of buckets, directly where there are few.
    Bucket(Divider, Selection, Option<IntegerInterner>),
    /// First and last buckets, directly where there are few.
    Buckets(Divider, Selection, Option<IntegerInterner>),
}

/// Most numbers that are used directly.
pub(super) const DIRECT_MAX: u64 = 1 << 20;

/// No number yet.
const UNSEEN: u32 = u32::MAX;

impl Coder {
    /// For a key of the rows of a selection.
    pub(super) fn new(key: &Key, selection: &Selection) -> Self {
        let way = match key {
            Key::Column(column) => match selection.table.columns.get(*column).map(|c| data_type(c.kind)) {
                Some(DataType::Int64) => Way::Integers(IntegerInterner::default()),
                Some(DataType::Dictionary(..)) => Way::Labels(Interner::default(), Known::default()),
                Some(DataType::Boolean) => Way::Flags,
                _ => Way::Values(Interner::default()),
            },
            Key::Header(side, _) => {
                match side.columns(selection.table).next().map(|column| selection.table.columns[column].kind) {
                    Some(Kind::Labels) => Way::Labels(Interner::default(), Known::default()),
                    _ => Way::Values(Interner::default()),
                }
            }
            Key::Caller(callers) => {
                Way::Caller(callers.named.iter().cloned().collect(), Known::default(), Known::default())
            }
            Key::Class(_) => Way::Class,
            Key::Bucket(buckets) => {
                let many = u64::from(buckets.count) > DIRECT_MAX;
                Way::Bucket(Divider::new(*buckets), selection.clone(), many.then(IntegerInterner::default))
            }
            Key::Buckets(buckets) => {
                let many = u64::from(buckets.count).pow(2) > DIRECT_MAX;
                Way::Buckets(Divider::new(*buckets), selection.clone(), many.then(IntegerInterner::default))
            }
        };
        Self { key: key.clone(), way }
    }

    /// How many numbers there are, where that is known before.
    pub(super) fn radix(&self) -> Option<u32> {
        match &self.way {
            Way::Flags => Some(3),
            Way::Class => Some(Class::ALL.len() as u32),
            Way::Caller(named, ..) => u32::try_from(named.len() + 1).ok(),
            Way::Bucket(divider, _, None) => Some(divider.count()),
            Way::Buckets(divider, _, None) => Some(divider.count() * divider.count()),
            _ => None,
        }
    }

    /// Values remembered.
    pub(super) const fn remembered(&self) -> usize {
        match &self.way {
            Way::Integers(interner) => interner.len(),
            Way::Bucket(.., Some(interner)) | Way::Buckets(.., Some(interner)) => interner.len(),
            Way::Labels(interner, ..) | Way::Values(interner) => interner.len(),
            _ => 0,
        }
    }

    /// The number of each row.
    pub(super) fn codes(&mut self, frame: Frame<'_>, codes: &mut Vec<u32>) {
        codes.clear();
        match (&mut self.way, &self.key) {
            (Way::Integers(interner), Key::Column(column)) => {
                let numbers = frame.integers(*column);
                let code = |row| numbers.at(row).map_or(0, |number| interner.number(number.cast_unsigned()) + 1);
                codes.extend((0..frame.rows()).map(code));
            }
            (Way::Labels(interner, known), Key::Column(column)) => match frame.column(*column) {
                Some(array) => known.codes(array, codes, |text| interner.text(text) + 1),
                None => codes.resize(frame.rows(), 0),
            },
            (Way::Labels(interner, known), Key::Header(side, name)) => {
                let value = |text: &str| header_values(text, name).next().map_or(0, |value| interner.text(value) + 1);
                match side.columns(frame.table).next().and_then(|column| frame.column(column)) {
                    Some(array) => known.codes(array, codes, value),
                    None => codes.resize(frame.rows(), 0),
                }
            }
            (Way::Caller(named, clients, origins), Key::Caller(callers)) => {
                caller_codes(frame, callers, named, [clients, origins], codes);
            }
            (Way::Values(interner), Key::Column(column)) => match frame.column(*column) {
                Some(array) => codes.extend((0..frame.rows()).map(|row| code(interner, &cell(array, row).into()))),
                None => codes.resize(frame.rows(), 0),
            },
            (Way::Values(interner), Key::Header(side, name)) => {
                let columns: Vec<_> = side.columns(frame.table).collect();
                codes.extend(
                    (0..frame.rows()).map(|row| header(frame, &columns, name, row).map_or(0, |v| interner.text(v) + 1)),
                );
            }
            (Way::Flags, Key::Column(column)) => flags(frame, *column, codes),
            (Way::Class, Key::Class(thresholds)) => {
                codes.extend(frame.classes(*thresholds).into_iter().map(|class| class as u32));
            }
            (Way::Bucket(divider, selection, None), _) => {
                instants(selection, frame, |first, _| codes.push(divider.of(first)));
            }
            (Way::Bucket(divider, selection, Some(interner)), _) => {
                instants(selection, frame, |first, _| codes.push(interner.number(divider.of(first).into())));
            }
            (Way::Buckets(divider, selection, None), _) => {
                let count = divider.count();
                instants(selection, frame, |first, last| codes.push(divider.of(first) * count + divider.of(last)));
            }
            (Way::Buckets(divider, selection, Some(interner)), _) => {
                instants(selection, frame, |first, last| {
                    codes.push(interner.number(both(divider.of(first), divider.of(last))));
                });
            }
            // A way is made of its key: see `new`.
            _ => codes.resize(frame.rows(), 0),
        }
    }

    /// The value of a number.
    pub(super) fn value(&self, code: u32) -> Scalar {
        match &self.way {
            Way::Integers(_) | Way::Labels(..) | Way::Values(_) | Way::Caller(..) if code == 0 => Scalar::Null,
            Way::Caller(named, ..) => {
                named.get(code as usize - 1).map_or(Scalar::Null, |name| Scalar::Text(name.clone()))
            }
            Way::Integers(interner) => Scalar::Int(interner.value(code - 1).cast_signed()),
            Way::Labels(interner, ..) | Way::Values(interner) => interner.value(code - 1),
            Way::Flags => [Scalar::Null, Scalar::Bool(false), Scalar::Bool(true)]
                .get(code as usize)
                .cloned()
                .unwrap_or(Scalar::Null),
            Way::Class => Class::ALL.get(code as usize).map_or(Scalar::Null, |class| Scalar::Text(class.name().into())),
            Way::Bucket(.., None) => Scalar::Int(code.into()),
            Way::Buckets(divider, _, None) => {
                Scalar::Int(both(code / divider.count(), code % divider.count()).cast_signed())
            }
            Way::Bucket(.., Some(interner)) | Way::Buckets(.., Some(interner)) => {
                Scalar::Int(interner.value(code).cast_signed())
            }
        }
    }

    /// The number of a value that [`Self::value`] gave.
    pub(super) fn encode(&mut self, value: &Scalar) -> u32 {
        match (&mut self.way, value) {
            (Way::Integers(interner), Scalar::Int(number)) => interner.number(number.cast_unsigned()) + 1,
            (Way::Labels(interner, ..) | Way::Values(interner), value) => code(interner, value),
            (Way::Caller(named, ..), Scalar::Text(name)) => number_of(named, name),
            (Way::Flags, Scalar::Bool(flag)) => 1 + u32::from(*flag),
            (Way::Class, Scalar::Text(name)) => Class::from_name(name).map_or(0, |class| class as u32),
            (Way::Bucket(.., Some(interner)) | Way::Buckets(.., Some(interner)), Scalar::Int(number)) => {
                interner.number(number.cast_unsigned())
            }
            (Way::Bucket(.., None), Scalar::Int(number)) => *number as u32,
            (Way::Buckets(divider, _, None), Scalar::Int(both)) => {
                (both >> 32) as u32 * divider.count() + (both & 0xffff_ffff) as u32
            }
            _ => 0,
        }
    }
}

fn code(interner: &mut Interner, value: &Scalar) -> u32 {
    match value {
        Scalar::Text(text) => interner.text(text) + 1,
        Scalar::Bytes(bytes) => interner.bytes(bytes) + 1,
        _ => 0,
    }
}

/// The dictionary that was seen last, and a number for each of its entries, once a row has it: labels are looked at once
/// for each entry of a dictionary, not for each row.
#[derive(Default)]
struct Known {
    dictionary: Option<ArrayRef>,
    codes: Vec<u32>,
}

impl Known {
    /// The number of each row; `number` gives that of a text, 0 is null.
    fn codes(&mut self, array: &ArrayRef, codes: &mut Vec<u32>, mut number: impl FnMut(&str) -> u32) {
        let words = array.as_dictionary_opt::<Int32Type>();
        let Some((words, texts)) = words.and_then(|words| Some((words, words.values().as_string_opt::<i32>()?))) else {
            codes.resize(array.len(), 0);
            return;
        };
        if !self.dictionary.as_ref().is_some_and(|last| same_dictionary(last, words.values())) {
            self.dictionary = Some(words.values().clone());
            self.codes.clear();
            self.codes.resize(texts.len(), UNSEEN);
        }
        let mut code = |key: i32| match self.codes.get_mut(key as usize) {
            Some(code) if *code == UNSEEN => {
                *code = if texts.is_null(key as usize) { 0 } else { number(texts.value(key as usize)) };
                *code
            }
            Some(code) => *code,
            None => 0,
        };
        let keys = words.keys();
        match keys.nulls() {
            None => codes.extend(keys.values().iter().map(|key| code(*key))),
            Some(nulls) => {
                codes.extend(keys.values().iter().zip(nulls).map(|(key, valid)| if valid { code(*key) } else { 0 }));
            }
        }
    }
}

/// Who asks, by the numbers of the named: see [`Callers::of`].
fn caller_codes(
    frame: Frame<'_>,
    callers: &Callers,
    named: &[Box<str>],
    [clients, origins]: [&mut Known; 2],
    codes: &mut Vec<u32>,
) {
    // A gateway has a number above that of all others, by which its own can be found.
    let gateway = named.len() as u32 + 1;
    let client = |text: &str| number_of(named, text) + if callers.gateways.contains(text) { gateway } else { 0 };
    match frame.column(callers.client) {
        Some(array) => clients.codes(array, codes, client),
        None => codes.resize(frame.rows(), 0),
    }
    if callers.gateways.is_empty() {
        return;
    }
    let mut behind = Vec::new();
    if let Some(array) = frame.column(callers.origin) {
        // 0 is nobody here, 1 somebody without a name.
        origins.codes(array, &mut behind, |text| number_of(named, text) + 1);
    }
    behind.resize(codes.len(), 0);
    for (code, behind) in codes.iter_mut().zip(behind) {
        *code = match code.checked_sub(gateway) {
            None => *code,
            Some(own) => behind.checked_sub(1).unwrap_or(own),
        };
    }
}

/// The number of a name: 0 when it has none.
fn number_of(named: &[Box<str>], name: &str) -> u32 {
    named.binary_search_by(|known| (**known).cmp(name)).map_or(0, |at| at as u32 + 1)
}

fn header<'a>(frame: Frame<'a>, columns: &[usize], name: &'a str, row: usize) -> Option<&'a str> {
    columns.iter().find_map(|&column| {
        let lines = frame.column(column)?.as_string_opt::<i32>()?;
        if lines.is_null(row) { None } else { header_values(lines.value(row), name).next() }
    })
}

fn flags(frame: Frame<'_>, column: usize, codes: &mut Vec<u32>) {
    match frame.column(column).and_then(|array| array.as_boolean_opt()) {
        Some(flags) => codes.extend(flags.iter().map(|flag| flag.map_or(0, |flag| 1 + u32::from(flag)))),
        None => codes.resize(frame.rows(), 0),
    }
}

/// A first and a last bucket as one number.
fn both(first: u32, last: u32) -> u64 {
    u64::from(first) << 32 | u64::from(last)
}

/// The first and the last instant of each row that count, clipped to the range: see `Buckets::both`.
#[inline]
fn instants(selection: &Selection, frame: Frame<'_>, mut each: impl FnMut(i64, i64)) {
    let range = selection.range;
    let start = frame.integers(frame.table.start);
    let start = start.values.iter().copied();
    let mut overlap = |start: i64, end: i64| {
        let first = start.max(range.from);
        each(first, end.min(range.to).saturating_sub(1).max(first));
    };
    match (selection.mode, frame.table.end.map(|end| frame.integers(end))) {
        (CountMode::Overlap, Some(end)) if end.nulls.is_none() => {
            start.zip(end.values.iter()).for_each(|(start, end)| overlap(start, *end));
        }
        (CountMode::Overlap, Some(end)) => {
            start.enumerate().for_each(|(row, start)| overlap(start, end.at(row).unwrap_or(selection.now)));
        }
        (CountMode::Overlap, None) => start.for_each(|start| overlap(start, start)),
        (CountMode::End, Some(end)) => start.enumerate().for_each(|(row, start)| {
            let end = end.at(row).unwrap_or(start);
            each(end, end);
        }),
        _ => start.for_each(|start| each(start, start)),
    }
}

/// The columns that a key needs.
pub(super) fn columns(key: &Key, selection: &Selection) -> Vec<usize> {
    let table = selection.table;
    let times = || std::iter::once(table.start).chain(table.end).collect();
    match key {
        Key::Column(column) => Some(*column).filter(|column| *column < table.columns.len()).into_iter().collect(),
        Key::Class(thresholds) => {
            crate::scan::node::computed_columns(table, arachne_filter::Computed::Class(*thresholds))
        }
        Key::Header(side, _) => side.columns(table).collect(),
        Key::Caller(callers) => vec![callers.client, callers.origin],
        Key::Bucket(_) | Key::Buckets(_) => times(),
    }
}
