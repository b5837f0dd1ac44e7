//! Who asks, and which addresses only forward what others ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arachne_filter::{Field, IntRange, Predicate, Test};
use arachne_model::table::{TABLES, Table};
use arachne_store::{Callers, Groups, Measured, Scalar, TableFacts, TimeRange};

use super::Gateway;
use crate::Queries;
use crate::limits::TOP_MAX;
use crate::scope::Resolved;

/// Rows of a sample that who asks is learnt from.
const SAMPLE_ROWS: u64 = 50_000;
/// A sample that finds less is not believed: then there is not much, and all of it is looked at.
const ENOUGH: u64 = 5_000;
/// A sample is as many pieces of the range at equal distances: few, since parts are read in pages.
const SLICES: i64 = 16;
/// Of each ten exchanges, a gateway asks at least nine for others. A service that calls others now and then with the header
/// that it got is none.
const FORWARDED_OF_TEN: u64 = 9;
/// Gateways that are told.
const GATEWAYS_MAX: usize = 100;

/// A value, or the lack of one, and its rows.
type Counted = (Option<Box<str>>, Option<Box<str>>, u64);

impl Queries<'_> {
    /// What a table holds.
    pub(super) fn facts_of(&self, table: &Table) -> TableFacts {
        let at = TABLES.iter().position(|other| other.name == table.name);
        at.and_then(|at| self.store.facts().tables.into_iter().nth(at)).unwrap_or_default()
    }
}

/// The rows of evenly spread pieces of the range as far as there are rows; none where everything is not much more, as if rows
/// were as dense everywhere.
pub(super) fn sample(resolved: &Resolved, facts: &TableFacts) -> Option<Resolved> {
    let (first, last) = facts.range?;
    let TimeRange { from, to } = resolved.selection.range;
    let end = last.saturating_add(1);
    let (from, to) = (from.max(first), to.min(end));
    let [whole, part] = [(first, end), (from, to)].map(|(from, to)| i128::from(to) - i128::from(from));
    let rows = i128::from(facts.rows + facts.memory_rows) * part / whole.max(1);
    if rows <= i128::from(4 * SAMPLE_ROWS) {
        return None;
    }
    let step = part / i128::from(SLICES);
    let width = step * i128::from(SAMPLE_ROWS) / rows;
    let slice = |n: i64| {
        let first = i128::from(from) + step * i128::from(n);
        let range = (i64::try_from(first).ok()?, i64::try_from(first + width).ok()?);
        Some(IntRange { from: range.0, to: range.1 })
    };
    let slices = (0..SLICES).filter_map(slice).collect();
    Some(resolved.and(Predicate::Is(Field::Column(resolved.table.start), Test::Int(slices))))
}

/// Who was seen.
pub(super) struct Seen {
    /// Client and whom it asks for.
    callers: Vec<Counted>,
    /// Client and address that it reaches.
    reached: Vec<Counted>,
    /// Addresses of services.
    addresses: BTreeSet<Box<str>>,
}

impl Seen {
    /// From groups by client and origin, client and server, service and server.
    pub fn new(groups: Vec<Groups>) -> Self {
        let mut groups = groups.into_iter().map(counted);
        let mut next = || groups.next().unwrap_or_default();
        let (callers, reached) = (next(), next());
        Self { callers, reached, addresses: next().into_iter().filter_map(|(_, address, _)| address).collect() }
    }

    /// Whether it is enough to tell who asks most.
    pub fn is_enough(&self) -> bool {
        self.callers.iter().map(|(.., count)| count).sum::<u64>() >= ENOUGH
    }

    /// Those that forward nearly all that they ask, those with most rows first.
    fn gateways(&self) -> Vec<Gateway> {
        let mut all: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (client, origin, count) in &self.callers {
            let Some(client) = client else { continue };
            let (sum, forwarded) = all.entry(client).or_default();
            *sum += count;
            *forwarded += if origin.as_ref().is_some_and(|origin| origin != client) { *count } else { 0 };
        }
        all.retain(|_, (sum, forwarded)| *forwarded * 10 >= *sum * FORWARDED_OF_TEN && *forwarded > 0);
        let mut asked: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (client, address, count) in &self.reached {
            let Some(address) = address.as_deref().filter(|address| all.contains_key(address)) else { continue };
            let (sum, through) = asked.entry(address).or_default();
            *sum += count;
            *through += if client.as_ref().is_some_and(|client| all.contains_key(&**client)) { *count } else { 0 };
        }
        let entry = |address: &str| asked.get(address).is_none_or(|(sum, through)| through * 2 < *sum);
        let gateway = |(address, (count, forwarded)): (&str, (u64, u64))| Gateway {
            address: address.to_owned(),
            count,
            forwarded,
            entry: entry(address),
            origins: Vec::new(),
        };
        let mut gateways: Vec<Gateway> = all.into_iter().map(gateway).collect();
        gateways.sort_by_key(|gateway| std::cmp::Reverse(gateway.count));
        gateways.truncate(GATEWAYS_MAX);
        gateways
    }
}

/// Who has a name on the map.
pub(super) struct Known {
    pub gateways: Vec<Gateway>,
    /// Gateways that are left out.
    pub hidden: BTreeSet<Box<str>>,
    named: BTreeSet<Box<str>>,
    /// Whether they come of a sample.
    pub approximate: bool,
}

impl Known {
    /// Those who ask from the address of a service, and at least `most` of those who ask most.
    pub fn new(seen: &Seen, most: usize, hide: bool, approximate: bool) -> Self {
        let mut gateways = seen.gateways();
        let hidden = gateways.iter().filter(|gateway| hide && gateway.entry);
        let hidden: BTreeSet<Box<str>> = hidden.map(|gateway| gateway.address.as_str().into()).collect();
        let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
        for (client, origin, count) in &seen.callers {
            let through = client.as_ref().is_some_and(|client| hidden.contains(client));
            let caller = if through { origin.as_ref().or(client.as_ref()) } else { client.as_ref() };
            if let Some(caller) = caller {
                *weights.entry(caller).or_default() += count;
            }
        }
        let mut ranked: Vec<(&str, u64)> = weights.into_iter().collect();
        ranked.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        let services = ranked.iter().filter(|(caller, _)| seen.addresses.contains(*caller)).take(TOP_MAX);
        let named = ranked.iter().take(most).chain(services).map(|(caller, _)| (*caller).into());
        let named: BTreeSet<Box<str>> = named.collect();
        for gateway in &mut gateways {
            let own = seen.callers.iter().filter(|(client, ..)| client.as_deref() == Some(&gateway.address));
            let origins = own.filter_map(|(_, origin, _)| origin.as_deref());
            let others = origins.filter(|origin| **origin != gateway.address && named.contains(*origin));
            gateway.origins = others.map(str::to_owned).collect();
        }
        Self { gateways, hidden, named, approximate }
    }

    /// The key of rows by them.
    pub fn callers(&self, client: usize, origin: usize) -> Arc<Callers> {
        Arc::new(Callers { client, origin, gateways: self.hidden.clone(), named: self.named.clone() })
    }
}

/// Groups by two texts.
pub(super) fn counted(groups: Groups) -> Vec<Counted> {
    let text = |value: Option<Scalar>| if let Some(Scalar::Text(text)) = value { Some(text) } else { None };
    let pair = |group: arachne_store::Group| {
        let count = match group.measures.first() {
            Some(Measured::Int(count)) => u64::try_from(*count).unwrap_or(0),
            _ => 0,
        };
        let mut key = group.key.into_iter();
        (text(key.next()), text(key.next()), count)
    };
    groups.groups.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use arachne_store::{MemoryStore, Unwatched};

    use super::*;
    use crate::Scope;
    use crate::time::When;

    #[test]
    fn a_sample_is_spread_over_the_range() {
        let store = MemoryStore::new();
        let queries = Queries::new(&store, 0, &Unwatched);
        let slices = |from, to, rows| {
            let facts = TableFacts { rows, range: Some((0, 1_599_999)), ..TableFacts::default() };
            let scope = Scope { from: Some(When::At(from)), to: Some(When::At(to)), ..Scope::default() };
            let resolved = queries.resolve(&scope).expect("it is in order");
            let sample = sample(&resolved, &facts)?;
            match &*sample.selection.predicate {
                Predicate::Is(_, Test::Int(slices)) => Some(slices.clone()),
                _ => None,
            }
        };
        assert_eq!(slices(0, 1_600_000, 4 * SAMPLE_ROWS), None, "that is looked at whole");
        assert_eq!(slices(0, 16_000, 400 * SAMPLE_ROWS), None, "so is a small part of much");
        let wide = slices(-1_600_000, i64::MAX, 100 * SAMPLE_ROWS);
        assert_eq!(wide, slices(0, 1_600_000, 100 * SAMPLE_ROWS), "nothing is looked for where nothing is");
        let some = slices(0, 1_600_000, 100 * SAMPLE_ROWS).expect("a sample");
        assert_eq!(some.len(), 16);
        assert_eq!((some[0], some[15]), (IntRange { from: 0, to: 1_000 }, IntRange { from: 1_500_000, to: 1_501_000 }));
        assert_eq!(slices(i64::MIN, i64::MAX, u64::MAX / 2).expect("a sample").len(), 16, "any range has one");
    }
}
