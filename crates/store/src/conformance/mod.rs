//! What every engine is tested with: the same rows go into it and into [`MemoryStore`], and both answer the same random
//! questions. Equality is exact.
//!
//! Behind the feature `conformance`, for tests only: a difference panics and names the question.

mod questions;
mod random;
mod rows;

use arachne_model::table::{ExchangeRow, TABLES};

pub use random::Random;
pub use rows::Sample;

use crate::memory::MemoryStore;
use crate::request::{GroupRequest, Groups, ListRequest, Scalar};
use crate::store::{ImportName, ImportStart, Rows, Store, StoreError, Token, Unwatched};

/// How much is compared.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Every seed gives other rows and questions.
    pub seed: u64,
    /// Exchanges; the other tables get about as many rows.
    pub exchanges: usize,
    /// Random groupings and lists each.
    pub questions: usize,
}

impl Default for Extent {
    /// What takes about a second.
    fn default() -> Self {
        Self { seed: 1, exchanges: 400, questions: 150 }
    }
}

/// A way to bring rows into a store.
type Load = fn(&dyn Store, &Sample);

/// Compares the engine with the reference. `make_store` gives an empty store each time.
///
/// # Panics
/// When they differ.
pub fn check(make_store: &dyn Fn() -> Box<dyn Store>, extent: Extent) {
    let ways: [(&str, Load); 6] = [
        ("appended", append),
        ("imported", import),
        ("interrupted", interrupted),
        ("both ways", both),
        ("open behind closed", open_behind_closed),
        ("silent", silent),
    ];
    let sample = Sample::new(extent.seed, extent.exchanges);
    for (way, load) in ways {
        let (reference, engine) = (MemoryStore::new(), make_store());
        load(&reference, &sample);
        load(engine.as_ref(), &sample);
        compare(&reference, engine.as_ref(), extent, way);
    }
    imports_follow_their_rules(make_store().as_ref(), &sample);
}

/// Asks both the same questions.
///
/// # Panics
/// When they differ.
pub fn compare(reference: &dyn Store, engine: &dyn Store, extent: Extent, way: &str) {
    let expected = reference.facts();
    for (table, (mine, theirs)) in TABLES.iter().zip(expected.tables.iter().zip(engine.facts().tables)) {
        assert_eq!((theirs.rows, theirs.range), (mine.rows, mine.range), "facts of {}, {way}", table.name);
    }
    let mut random = Random::new(extent.seed);
    for number in 0..extent.questions {
        let request = questions::grouping(&mut random);
        let [mine, theirs] = [reference, engine].map(|store| grouped(store, &request));
        assert_eq!(theirs, mine, "grouping {number}, {way}: {request:?}");
        let request = questions::list(&mut random);
        let [mine, theirs] = [reference, engine].map(|store| pages(store, &request));
        assert_eq!(theirs, mine, "list {number}, {way}: {request:?}");
    }
    together(reference, engine, &mut random);
}

/// Several groupings in one call are answered like each alone.
fn together(reference: &dyn Store, engine: &dyn Store, random: &mut Random) {
    let requests: Vec<GroupRequest> = (0..8).map(|_| questions::grouping(random)).collect();
    let answers = engine.group(&requests, &Unwatched).expect("the engine answers");
    assert_eq!(answers.len(), requests.len());
    for (request, answer) in requests.iter().zip(answers) {
        assert_eq!(sorted(answer), grouped(reference, request), "one of several: {request:?}");
    }
}

fn grouped(store: &dyn Store, request: &GroupRequest) -> Groups {
    let mut answers = store.group(std::slice::from_ref(request), &Unwatched).expect("the store answers");
    assert_eq!(answers.len(), 1, "one answer for one request");
    sorted(answers.swap_remove(0))
}

/// Groups in the order of their keys, without what they cost.
fn sorted(mut groups: Groups) -> Groups {
    groups.groups.sort_by(|a, b| a.key.cmp(&b.key));
    Groups { scanned: Default::default(), ..groups }
}

/// The rows of all pages, page by page.
fn pages(store: &dyn Store, request: &ListRequest) -> Vec<Vec<Vec<Scalar>>> {
    let mut request = request.clone();
    let mut pages = Vec::new();
    loop {
        let page = store.list(&request, &Unwatched).expect("the store answers");
        pages.push(page.rows);
        assert!(pages.len() < 10_000, "pages without end: {request:?}");
        match page.next {
            None => return pages,
            next => request.after = next,
        }
    }
}

/// Everything in batches, each sent twice; some exchanges come open first and closed later.
fn append(store: &dyn Store, sample: &Sample) {
    for (sequence, rows) in sample.batches().into_iter().enumerate() {
        let token = Token { sender: "conformance".into(), sequence: sequence as u64 };
        assert!(store.append(&token, rows.clone()).expect("rows are taken"), "batch {sequence} is new");
        assert!(!store.append(&token, rows).expect("a repeat is no error"), "batch {sequence} is a repeat");
    }
}

/// The open form of exchanges comes late: in the batch of the closed one, in the next, and behind all.
fn open_behind_closed(store: &dyn Store, sample: &Sample) {
    let token = |lane: &str, sequence: usize| Token { sender: lane.to_owned(), sequence: sequence as u64 };
    for (sequence, mut rows) in sample.batches().into_iter().rev().enumerate() {
        let late = Sample::opened_again(&rows.exchanges);
        rows.exchanges.extend(late.clone());
        assert!(store.append(&token("live", sequence), rows).expect("rows are taken"));
        let late = Rows { exchanges: late, ..Rows::default() };
        assert!(store.append(&token("late", sequence), late).expect("rows are taken"));
    }
    assert_eq!(store.facts().tables[0].rows, sample.exchanges(), "each exchange is there once");
}

/// Of some open exchanges nothing more comes: they are given up. Of others more comes after all.
fn silent(store: &dyn Store, sample: &Sample) {
    append(store, sample);
    store.end_period();
    assert_eq!(store.facts().given_up, 0, "what was told of a moment ago is open");
    store.end_period();
    let open = sample.open();
    assert_eq!(store.facts().given_up, open.len() as u64, "what is open and silent is given up");
    let ended = open.iter().skip(1).step_by(4);
    let ended = ended.map(|row| ExchangeRow { end: Some(row.start + 1), provisional: false, ..row.clone() });
    let exchanges: Vec<_> = open.iter().step_by(2).cloned().chain(ended).collect();
    let left = (open.len() - exchanges.len()) as u64;
    let rows = Rows { exchanges, ..Rows::default() };
    assert!(store.append(&Token { sender: "later".into(), sequence: 0 }, rows).expect("rows are taken"));
    assert_eq!(store.facts().given_up, left, "what was told of after all is not");
    assert_eq!(store.facts().tables[0].rows, sample.exchanges(), "each exchange is there once");
}

/// Each source on its own, whole.
fn import(store: &dyn Store, sample: &Sample) {
    for (name, batches) in sample.imports() {
        run(store, &name, batches);
    }
}

/// Each source three times: stopped at the first try, whole at the second, unneeded at the third.
fn interrupted(store: &dyn Store, sample: &Sample) {
    for (name, batches) in sample.imports() {
        if let ImportStart::Wanted(mut import) = store.import(&name, false).expect("it begins") {
            let half = batches.len() / 2;
            batches.iter().take(half).for_each(|rows| import.push(rows.clone()).expect("rows are taken"));
        }
        run(store, &name, batches.clone());
        run(store, &name, batches);
    }
}

/// Some by import, some appended.
fn both(store: &dyn Store, sample: &Sample) {
    let imports = sample.imports();
    let (first, last) = imports.split_at(imports.len() / 2);
    first.iter().cloned().for_each(|(name, batches)| run(store, &name, batches));
    let appended = last.iter().flat_map(|(_, batches)| batches.clone());
    for (sequence, rows) in appended.enumerate() {
        let token = Token { sender: "agent".into(), sequence: sequence as u64 };
        assert!(store.append(&token, rows).expect("rows are taken"));
    }
}

fn run(store: &dyn Store, name: &ImportName, batches: Vec<Rows>) {
    let rows: usize = batches.iter().map(Rows::len).sum();
    let facts = match store.import(name, false).expect("it begins") {
        ImportStart::Finished(facts) => facts,
        ImportStart::Wanted(mut import) => {
            batches.into_iter().for_each(|rows| import.push(rows).expect("rows are taken"));
            import.finish().expect("it ends")
        }
    };
    assert!(facts.finished);
    assert_eq!(facts.rows.iter().sum::<u64>(), rows as u64, "rows of {}", name.label);
}

/// Other options are refused, or replace; never double.
fn imports_follow_their_rules(store: &dyn Store, sample: &Sample) {
    import(store, sample);
    let before = store.facts();
    let (name, batches) = sample.imports().swap_remove(0);
    let other = ImportName { options: "others".into(), ..name.clone() };
    assert!(matches!(store.import(&other, false), Err(StoreError::OtherOptions { .. })), "other options are refused");
    if let ImportStart::Wanted(mut import) = store.import(&other, true).expect("it begins") {
        batches.into_iter().for_each(|rows| import.push(rows).expect("rows are taken"));
        import.finish().expect("it ends");
    }
    let rows = |facts: &crate::StoreFacts| facts.tables.iter().map(|t| t.rows).collect::<Vec<_>>();
    assert_eq!(rows(&store.facts()), rows(&before), "replaced, not doubled");
    let options: Vec<_> = store.imports().into_iter().filter(|f| f.name.source == name.source).collect();
    assert_eq!(options.iter().map(|f| f.name.options.as_str()).collect::<Vec<_>>(), ["others"]);
}
