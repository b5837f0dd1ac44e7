//! A store with generated rows, and random questions to it.

use arachne_query::{Drill, ListQuery, Mode, Queries, Scope, Total, When};
use arachne_store::conformance::{Random, Sample};
use arachne_store::{MemoryStore, Store, Token, Unwatched};

/// Where the generated rows begin, and where nearly all have ended.
pub const BEGIN: i64 = 1_762_160_400_000_000_000;
pub const END: i64 = BEGIN + 7_200_000_000_000;

/// A store with about so many exchanges, some still open.
pub fn store(seed: u64, exchanges: usize) -> MemoryStore {
    let store = MemoryStore::new();
    for (sequence, rows) in Sample::new(seed, exchanges).batches().into_iter().enumerate() {
        let token = Token { sender: "test".into(), sequence: sequence as u64 };
        store.append(&token, rows).expect("a store in memory takes rows");
    }
    store
}

pub fn queries(store: &dyn Store) -> Queries<'_> {
    Queries::new(store, END, &Unwatched)
}

/// Filters that pass much, little, and by any kind of test.
const FILTERS: &[&str] = &[
    "",
    "",
    "class:error",
    "-status:*",
    "path:/cart* or status:>=500",
    "duration:>=100ms -class:slow",
    "client:10.1.0.0/16",
    "header.x-tenant:t1",
    "art",
    "-(service:shop or user:anna)",
    "anomaly:missing_syn or provisional:true",
    "wait:<50ms",
];

pub fn scope(random: &mut Random) -> Scope {
    let from = random.between(BEGIN, END - 1);
    let to = if random.one_in(3) { from + random.between(1, 2_000_000_000) } else { random.between(from + 1, END + 1) };
    Scope {
        filter: random.of(FILTERS).to_owned(),
        from: Some(When::At(from)),
        to: Some(When::At(to)),
        mode: *random.of(&[&Mode::Overlap, &Mode::Start, &Mode::End]),
        twins: random.one_in(3),
        fast_ns: 50_000_000,
        ..Scope::default()
    }
}

pub fn range(scope: &Scope) -> (i64, i64) {
    let at = |when: Option<When>| when.map_or(0, |when| when.resolve(END));
    (at(scope.from), at(scope.to))
}

/// How many rows the list has that a click opens, in a part of the page's range.
pub fn listed(queries: Queries<'_>, page: &Scope, drill: &Drill, (from, to): (i64, i64)) -> u64 {
    let filter = arachne_filter::render::and(&[&page.filter, &drill.filter]);
    let (from, to) = (Some(When::At(from)), Some(When::At(to)));
    let scope = Scope { filter, from, to, mode: drill.mode, ..page.clone() };
    let query = ListQuery { scope, limit: 1, count: Total::Exact, ..ListQuery::default() };
    queries.list(&query).expect("a drill opens a list").total.expect("a total was asked for")
}
