//! The embedded store answers like the reference: the conformance suite, the golden questions, and any order of imports.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::path::Path;

use arachne_model::table::STORED_COUNT;
use arachne_query::golden;
use arachne_store::conformance::{self, Extent, Sample};
use arachne_store::{
    GroupRequest, Groups, Import, ImportFacts, ImportName, ImportStart, ListRequest, MemoryStore, Page, Rows, Store,
    StoreError, StoreFacts, Token, Watch,
};
use arachne_store_parquet::{EmbeddedStore, Retention, Settings};
use proptest::prelude::*;
use tempfile::TempDir;

/// Nothing goes, and nothing happens behind; an import has many batches.
fn settings() -> Settings {
    let forever = Retention { max_age: None, max_bytes: None };
    Settings {
        retention: [forever; STORED_COUNT],
        import_bytes: 200_000,
        merge_parts: 2,
        background: false,
        ..Settings::default()
    }
}

/// A store in a folder of its own, which goes with it.
struct Alone {
    store: EmbeddedStore,
    _folder: TempDir,
    /// Whether everything is written as parts, and merged, before a question.
    in_parts: bool,
}

impl Alone {
    fn new(settings: Settings, in_parts: bool) -> Self {
        let folder = tempfile::tempdir().expect("there is a place for tests");
        let store = EmbeddedStore::open(folder.path(), settings).expect("an empty folder is a store");
        Self { store, _folder: folder, in_parts }
    }

    fn boxed(settings: Settings) -> Box<dyn Store> {
        Box::new(Self::new(settings, true))
    }

    fn settled(&self) -> &EmbeddedStore {
        if self.in_parts {
            self.store.flush().expect("there is room");
            self.store.merge().expect("there is room");
        }
        &self.store
    }
}

impl Store for Alone {
    fn append(&self, token: &Token, rows: Rows) -> Result<bool, StoreError> {
        self.store.append(token, rows)
    }

    fn has(&self, sender_end: &str, sequence: u64) -> bool {
        self.store.has(sender_end, sequence)
    }

    fn import(&self, name: &ImportName, replace: bool) -> Result<ImportStart, StoreError> {
        self.store.import(name, replace)
    }

    fn imports(&self) -> Vec<ImportFacts> {
        self.store.imports()
    }

    fn list(&self, request: &ListRequest, watch: &dyn Watch) -> Result<Page, StoreError> {
        self.settled().list(request, watch)
    }

    fn group(&self, requests: &[GroupRequest], watch: &dyn Watch) -> Result<Vec<Groups>, StoreError> {
        self.settled().group(requests, watch)
    }

    fn facts(&self) -> StoreFacts {
        self.settled().facts()
    }

    fn end_period(&self) {
        self.store.end_period();
    }
}

#[test]
fn rows_of_many_senders_are_answered_like_the_reference_wherever_they_are() {
    let extent = Extent::default();
    // In the log alone; with flushes in between; with parts that are merged meanwhile.
    for (every, merged) in [(u64::MAX, false), (3, false), (2, true)] {
        let (reference, engine) = (MemoryStore::new(), Alone::new(settings(), false));
        let mut sent = 0;
        for (name, batches) in Sample::new(extent.seed, extent.exchanges).imports() {
            for rows in batches {
                sent += 1;
                let token = Token { sender: name.source.clone(), sequence: sent };
                for store in [&reference as &dyn Store, &engine] {
                    assert!(store.append(&token, rows.clone()).expect("rows are taken"));
                }
                if sent.is_multiple_of(every) {
                    engine.store.flush().expect("there is room");
                }
                if merged {
                    engine.store.merge().expect("there is room");
                }
            }
        }
        conformance::compare(&reference, &engine, Extent { questions: 60, ..extent }, "in the log");
    }
}

#[test]
fn rows_in_merged_parts_are_answered_like_the_reference() {
    conformance::check(&|| Alone::boxed(settings()), Extent { seed: 2, questions: 60, ..Extent::default() });
}

#[test]
fn rows_in_many_parts_are_answered_like_the_reference() {
    let many = Settings { flush_rows: 10, import_bytes: 20_000, merge_parts: 1000, ..settings() };
    conformance::check(&|| Alone::boxed(many), Extent { seed: 3, exchanges: 200, questions: 60 });
}

#[test]
fn golden_questions_are_answered_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/queries");
    golden::check(&folder, &|| Alone::boxed(settings()));
}

/// What happens to a store while sources are imported.
#[derive(Clone, Debug)]
enum Step {
    /// A source is imported, and stopped after so many of its three batches; after three it is finished.
    Import { source: usize, batches: usize },
    /// The same with other options, which replace; back to the usual ones at the end.
    Replace { source: usize, batches: usize },
    /// The process ends and begins again.
    Restart,
    /// Parts are merged.
    Merge,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..4_usize).prop_map(|(source, batches)| Step::Import { source, batches }),
        2 => (0..3_usize, 0..4_usize).prop_map(|(source, batches)| Step::Replace { source, batches }),
        2 => Just(Step::Restart),
        2 => Just(Step::Merge),
    ]
}

/// Imports a source, whole when `batches` is three. Another import of the source stays unless it is replaced.
fn import(store: &dyn Store, name: &ImportName, rows: &[Rows], batches: usize, replace: bool) {
    let mut import: Box<dyn Import> = match store.import(name, replace) {
        Ok(ImportStart::Wanted(import)) => import,
        Ok(ImportStart::Finished(_)) | Err(StoreError::OtherOptions { .. }) => return,
        Err(error) => panic!("an import begins: {error}"),
    };
    rows.iter().take(batches).for_each(|rows| import.push(rows.clone()).expect("rows are taken"));
    if batches == 3 {
        assert!(import.finish().expect("it ends").finished);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The sources share exchanges, so that each import changes which rows of the others count.
    #[test]
    fn any_order_of_imports_gives_the_same_answers(seed in 0..1000_u64, steps in prop::collection::vec(step(), 0..8)) {
        let extent = Extent { seed, exchanges: 24, questions: 12 };
        let sources = Sample::new(extent.seed, extent.exchanges).imports();
        let reference = MemoryStore::new();
        sources.iter().for_each(|(name, rows)| import(&reference, name, rows, 3, false));

        let folder = tempfile::tempdir().expect("there is a place for tests");
        let settings = Settings { import_bytes: 12_000, ..settings() };
        let open = || EmbeddedStore::open(folder.path(), settings).expect("it opens again");
        let mut store = Some(open());
        for step in &steps {
            let now = store.as_ref().expect("it is open");
            match step {
                Step::Import { source, batches } => {
                    let (name, rows) = &sources[*source];
                    import(now, name, rows, *batches, false);
                }
                Step::Replace { source, batches } => {
                    let (name, rows) = &sources[*source];
                    let other = ImportName { options: "others".into(), ..name.clone() };
                    // Fewer rows, which therefore beat fewer.
                    let fewer: Vec<Rows> = rows.iter().map(|rows| {
                        let exchanges = rows.exchanges.iter().step_by(2).cloned().collect();
                        Rows { exchanges, ..Rows::default() }
                    }).collect();
                    import(now, &other, &fewer, *batches, true);
                }
                Step::Restart => {
                    drop(store.take());
                    store = Some(open());
                }
                Step::Merge => now.merge().expect("there is room"),
            }
        }
        let now = store.as_ref().expect("it is open");
        sources.iter().rev().for_each(|(name, rows)| import(now, name, rows, 3, true));
        conformance::compare(&reference, now, extent, &format!("{steps:?}"));
        prop_assert_eq!(now.facts().damage, Vec::<String>::new());
    }
}
