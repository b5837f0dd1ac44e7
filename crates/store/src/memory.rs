//! A store in memory by plain loops: what every engine must equal, and what tests above a store use.

mod answer;
mod tables;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arachne_model::table::TABLE_COUNT;

use crate::request::{GroupRequest, Groups, ListRequest, Page};
use crate::senders::Senders;
use crate::store::{Import, ImportFacts, ImportName, ImportStart, Rows, Store, StoreError, StoreFacts, Token, Watch};
use tables::Tables;

/// A store that forgets everything when it is dropped. Every question looks at every row.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    content: Arc<RwLock<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    tables: Tables,
    senders: Senders,
    imports: Vec<Known>,
}

/// An import as it was begun.
#[derive(Debug)]
struct Known {
    facts: ImportFacts,
    /// Rows that wait until they replace those of other imports of the source; `None` where rows are visible at once.
    staged: Option<Rows>,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Content> {
        self.content.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn append(&self, token: &Token, rows: Rows) -> Result<bool, StoreError> {
        let mut content = self.write();
        if !content.senders.insert(token) {
            return Ok(false);
        }
        content.tables.take(rows, None);
        Ok(true)
    }

    fn has(&self, sender_end: &str, sequence: u64) -> bool {
        self.read().senders.has(sender_end, sequence)
    }

    fn import(&self, name: &ImportName, replace: bool) -> Result<ImportStart, StoreError> {
        let mut content = self.write();
        let same = |known: &&Known| known.facts.name.source == name.source && known.facts.name.options == name.options;
        if let Some(known) = content.imports.iter().find(same) {
            if known.facts.finished {
                return Ok(ImportStart::Finished(known.facts.clone()));
            }
        } else {
            let other = content.imports.iter().find(|known| known.facts.name.source == name.source);
            if let Some(other) = other.filter(|_| !replace) {
                return Err(StoreError::OtherOptions {
                    source_name: name.label.clone(),
                    existing: other.facts.name.options.clone(),
                });
            }
            let staged = other.map(|_| Rows::default());
            let facts = ImportFacts { name: name.clone(), batches: 0, finished: false, rows: [0; TABLE_COUNT] };
            content.imports.push(Known { facts, staged });
        }
        Ok(ImportStart::Wanted(Box::new(MemoryImport {
            store: self.clone(),
            name: name.clone(),
            seen: [0; TABLE_COUNT],
        })))
    }

    fn imports(&self) -> Vec<ImportFacts> {
        self.read().imports.iter().map(|known| known.facts.clone()).collect()
    }

    fn list(&self, request: &ListRequest, watch: &dyn Watch) -> Result<Page, StoreError> {
        self.read().tables.list(request, watch)
    }

    fn group(&self, requests: &[GroupRequest], watch: &dyn Watch) -> Result<Vec<Groups>, StoreError> {
        let content = self.read();
        requests.iter().map(|request| content.tables.group(request, watch)).collect()
    }

    fn facts(&self) -> StoreFacts {
        let content = self.read();
        StoreFacts { tables: content.tables.facts(), given_up: content.tables.given_up(), ..StoreFacts::default() }
    }

    fn end_period(&self) {
        self.write().tables.end_period();
    }
}

/// An import under way. Each push is a batch; a repeat skips as many rows of each table as are there.
struct MemoryImport {
    store: MemoryStore,
    name: ImportName,
    /// Rows pushed so far, by table.
    seen: [u64; TABLE_COUNT],
}

impl Import for MemoryImport {
    fn push(&mut self, mut rows: Rows) -> Result<(), StoreError> {
        let mut content = self.store.write();
        let Content { tables, imports, .. } = &mut *content;
        let known = find(imports, &self.name)?;
        tables::skip(&mut rows, &mut self.seen, known.facts.rows);
        if rows.is_empty() {
            return Ok(());
        }
        known.facts.batches += 1;
        for (total, more) in known.facts.rows.iter_mut().zip(tables::lengths(&rows)) {
            *total += more;
        }
        match &mut known.staged {
            Some(staged) => staged.append(rows),
            None => tables.take(rows, Some(&self.name)),
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<ImportFacts, StoreError> {
        let mut content = self.store.write();
        let Content { tables, imports, .. } = &mut *content;
        let known = find(imports, &self.name)?;
        known.facts.finished = true;
        let facts = known.facts.clone();
        if let Some(staged) = known.staged.take() {
            tables.forget(&self.name.source);
            tables.take(staged, Some(&self.name));
            imports.retain(|known| {
                known.facts.name.source != self.name.source || known.facts.name.options == self.name.options
            });
        }
        Ok(facts)
    }
}

/// The import of that name; it is gone when another one replaced it meanwhile.
fn find<'a>(imports: &'a mut [Known], name: &ImportName) -> Result<&'a mut Known, StoreError> {
    let same = |known: &&mut Known| known.facts.name.source == name.source && known.facts.name.options == name.options;
    let gone = || StoreError::Refused(format!("{} was replaced by another import meanwhile", name.label));
    imports.iter_mut().find(same).ok_or_else(gone)
}

#[cfg(test)]
mod tests;
