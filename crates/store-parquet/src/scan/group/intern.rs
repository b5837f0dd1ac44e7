//! Small numbers in place of values.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};

use arachne_store::Scalar;

/// Numbers from 0 for values, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Interner {
    table: HashTable<u32>,
    values: Vec<Scalar>,
    state: FixedState,
}

impl Interner {
    /// The number of a text.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        self.number(
            text.as_bytes(),
            |value| matches!(value, Scalar::Text(known) if **known == *text),
            || Scalar::Text(text.into()),
        )
    }

    /// The number of bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> u32 {
        self.number(
            bytes,
            |value| matches!(value, Scalar::Bytes(known) if **known == *bytes),
            || Scalar::Bytes(bytes.into()),
        )
    }

    /// The value of a number.
    pub(super) fn value(&self, number: u32) -> Scalar {
        self.values.get(number as usize).cloned().unwrap_or(Scalar::Null)
    }

    /// Values known.
    pub(super) const fn len(&self) -> usize {
        self.values.len()
    }

    fn number(&mut self, bytes: &[u8], same: impl Fn(&Scalar) -> bool, make: impl FnOnce() -> Scalar) -> u32 {
        let hash = hash(&self.state, bytes);
        if let Some(number) = self.table.find(hash, |number| same(&self.values[*number as usize])) {
            return *number;
        }
        let number = index(self.values.len());
        self.values.push(make());
        let (values, state) = (&self.values, &self.state);
        self.table.insert_unique(hash, number, |number| hash_value(state, &values[*number as usize]));
        number
    }
}

fn hash(state: &FixedState, bytes: &[u8]) -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let mut hasher = state.build_hasher();
    hasher.write(bytes);
    hasher.finish()
}

fn hash_value(state: &FixedState, value: &Scalar) -> u64 {
    match value {
        Scalar::Text(text) => hash(state, text.as_bytes()),
        Scalar::Bytes(bytes) => hash(state, bytes),
        _ => 0,
    }
}

/// Numbers from 0 for 64-bit integers, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct IntegerInterner {
    numbers: HashMap<u64, u32, FixedState>,
    values: Vec<u64>,
    /// The one seen last: equal neighbours are common.
    last: Option<(u64, u32)>,
}

impl IntegerInterner {
    /// The number of a value.
    #[inline]
    pub(super) fn number(&mut self, value: u64) -> u32 {
        if let Some((_, number)) = self.last.filter(|(last, _)| *last == value) {
            return number;
        }
        let number = *self.numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            index(self.values.len() - 1)
        });
        self.last = Some((value, number));
        number
    }

    /// The value of a number.
    pub(super) fn value(&self, number: u32) -> u64 {
        self.values.get(number as usize).copied().unwrap_or_default()
    }

    /// Values known.
    pub(super) const fn len(&self) -> usize {
        self.values.len()
    }
}

/// Far fewer than 2^32 values are ever known: see the limit of a grouper.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
