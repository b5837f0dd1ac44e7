//! What must be found, and whether it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use arachne_filter::Predicate;
use arachne_model::table::{TABLES, Table};
use arachne_store::{
    CountMode, ImportStart, ListRequest, MemoryStore, Number, Order, Rows, Scalar, Selection, Store, StoreError,
    TimeRange, Token, Unwatched,
};
use arachne_store_parquet::EmbeddedStore;

use crate::Failure;
use crate::rows;
use crate::work::Next;

/// What the writers said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said {
    /// The first batch of each sender, and the first file, that nobody began.
    pub tried: Next,
    /// The first that are not acknowledged.
    pub acked: Next,
}

/// Takes a line of a writer.
pub fn hear(said: &mut Said, line: &str) -> Result<(), Failure> {
    let words: Vec<&str> = line.split(' ').collect();
    let ([kind @ ("try" | "ack"), "batch", _, number] | [kind @ ("try" | "ack"), "file", number]) = words[..] else {
        // A test says more than the program.
        return if line.starts_with("wrong") { Err(line.into()) } else { Ok(()) };
    };
    let next = if kind == "try" { &mut said.tried } else { &mut said.acked };
    let place = if words[1] == "batch" { &mut next.batches[words[2].parse::<usize>()?] } else { &mut next.file };
    *place = (*place).max(number.parse::<u64>()? + 1);
    Ok(())
}

/// What is found to be wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wrong {
    /// Acknowledged batches and files that are not there.
    pub lost: u64,
    /// Rows that are there more often than they were written.
    pub duplicates: u64,
    /// Rows that were never written so.
    pub wrong: u64,
    /// Rows of batches and files that are there which are not there themselves.
    pub missing: u64,
}

impl Wrong {
    /// Whether nothing is.
    pub const fn is_nothing(self) -> bool {
        self.lost + self.duplicates + self.wrong + self.missing == 0
    }
}

/// What a folder holds, as the reference knows it.
#[derive(Debug, Default)]
pub struct Expected {
    reference: MemoryStore,
    /// The first batches and file that are not there.
    pub next: Next,
    /// Appends to the reference.
    appends: u64,
}

type Line = Vec<Scalar>;

impl Expected {
    /// Compares the store with what was acknowledged, and with all that was found before.
    pub fn compare(&mut self, store: &EmbeddedStore, acked: Next, tried: Next) -> Result<Wrong, Failure> {
        let mut wrong = Wrong::default();
        let exchanges = list(store, TABLES[0], &[0])?;
        let there: std::collections::HashSet<Line> = exchanges.into_iter().collect();
        let mut found = Rows::default();
        for sender in 0..rows::SENDERS.len() {
            for sequence in self.next.batches[sender]..tried.batches[sender] {
                if there.contains(&vec![Scalar::Text(rows::first_id(sender, sequence).into())]) {
                    found.append(rows::batch(sender, sequence));
                    self.next.batches[sender] = sequence + 1;
                } else {
                    wrong.lost += u64::from(sequence < acked.batches[sender]);
                    break;
                }
            }
        }
        self.appends += 1;
        self.reference.append(&Token { sender: "found".to_owned(), sequence: self.appends }, found)?;
        let partial = self.files(store, acked, tried, &mut wrong)?;
        let partial_rows = MemoryStore::new();
        if let Some(step) = partial {
            import(&partial_rows, step)?;
        }
        let source = partial.map(|step| rows::file_name(step).source);
        for table in TABLES {
            // Which of twins count follows from all sources, so not from half of one.
            let uncertain = partial.and_then(|_| table.column("counted"));
            let columns: Vec<usize> = (0..table.columns.len()).filter(|&column| Some(column) != uncertain).collect();
            let (of_partial, rest): (Vec<Line>, Vec<Line>) =
                list(store, table, &columns)?.into_iter().partition(|row| is_of(row, source.as_deref()));
            let expected = list(&self.reference, table, &columns)?;
            difference(&expected, &rest, &mut wrong, true);
            difference(&list(&partial_rows, table, &columns)?, &of_partial, &mut wrong, false);
        }
        Ok(wrong)
    }

    /// Takes the files that are whole into the reference. Returns the step of one that is there in part.
    fn files(
        &mut self,
        store: &EmbeddedStore,
        acked: Next,
        tried: Next,
        wrong: &mut Wrong,
    ) -> Result<Option<u64>, Failure> {
        let imports = store.imports();
        for step in self.next.file..tried.file {
            let name = rows::file_name(step);
            // A later step may have replaced it already.
            let replaced = step % 4 == 2 && step + 1 < tried.file;
            let known = imports.iter().find(|facts| facts.name.source == name.source);
            let whole = known.is_some_and(|facts| facts.finished && (facts.name == name || replaced));
            if !whole {
                wrong.lost += u64::from(step < acked.file);
                let part = known.is_some_and(|facts| !facts.finished);
                return Ok(part.then_some(step));
            }
            import(&self.reference, step)?;
            self.next.file = step + 1;
        }
        Ok(None)
    }
}

fn import(store: &MemoryStore, step: u64) -> Result<(), StoreError> {
    if let ImportStart::Wanted(mut import) = store.import(&rows::file_name(step), true)? {
        rows::file(step).into_iter().try_for_each(|rows| import.push(rows))?;
        import.finish()?;
    }
    Ok(())
}

/// Whether a row belongs to a source: its id, or that of what it belongs to, begins with it.
fn is_of(row: &Line, source: Option<&str>) -> bool {
    let Some(source) = source else { return false };
    row.iter().any(|cell| matches!(cell, Scalar::Text(text) if text.starts_with(source)))
}

/// Counts what differs; `all` says whether all of `expected` has to be there.
fn difference(expected: &[Line], found: &[Line], wrong: &mut Wrong, all: bool) {
    let count = |rows: &[Line]| {
        let mut counts: BTreeMap<Line, u64> = BTreeMap::new();
        rows.iter().for_each(|row| *counts.entry(row.clone()).or_default() += 1);
        counts
    };
    let (expected, found) = (count(expected), count(found));
    let tell = |what: &str, row: &Line| eprintln!("{what}: {row:?}");
    for (row, &times) in &found {
        match expected.get(row) {
            None => {
                wrong.wrong += times;
                tell("not written so", row);
            }
            Some(&written) if times > written => {
                wrong.duplicates += times - written;
                tell("there twice", row);
            }
            Some(_) => {}
        }
    }
    for (row, &written) in expected.iter().filter(|_| all) {
        let times = found.get(row).copied().unwrap_or(0);
        if times < written {
            wrong.missing += written - times;
            tell("missing", row);
        }
    }
}

/// All rows of a table.
fn list(store: &dyn Store, table: &'static Table, columns: &[usize]) -> Result<Vec<Line>, StoreError> {
    let mut request = ListRequest {
        selection: Selection {
            table,
            range: TimeRange::ALL,
            mode: CountMode::Start,
            predicate: Arc::new(Predicate::All),
            now: 0,
            counted_only: false,
        },
        order: Order { by: Number::Column(table.start), descending: false },
        after: None,
        limit: 5000,
        columns: columns.to_vec(),
    };
    let mut rows = Vec::new();
    loop {
        let page = store.list(&request, &Unwatched)?;
        rows.extend(page.rows);
        match page.next {
            None => return Ok(rows),
            next => request.after = next,
        }
    }
}
