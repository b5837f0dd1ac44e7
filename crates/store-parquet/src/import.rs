//! Importing a source: rows go straight into parts, in batches that are committed by name.
//!
//! Each table is cut into batches of its own, by its rows alone: after so many bytes of rows, a number that is recorded when
//! the import begins. So the same rows give the same batches however they are handed over, and a repeat knows which it has.
//!
//! Names in the manifest: `import/<source>/begin` (options and label), `import/<source>/<table>/<n>` (rows), and
//! `import/<source>/end`.

use std::mem::size_of;
use std::sync::Arc;

use arachne_model::table::{
    BodyRow, ExchangeRow, HostRow, LogRow, PacketRow, PointRow, QualityRow, Row, SessionRow, TABLES, Table,
};
use arachne_store::{Import, ImportFacts, ImportName, ImportStart, Rows, StoreError};
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use serde::{Deserialize, Serialize};

use crate::columns::Columns;
use crate::engine::{Change, Core, Output, arrow_error, discard};
use crate::manifest::{Batch, Edit, State};
use crate::part::write::{LARGE_STEP, has_bytes};
use crate::part::{Demoted, PartMeta, SourceRows};
use crate::repeated;
use crate::rows::{self, COUNT, SENT, place};

/// What of [`crate::Settings::import_bytes`] each table has, in 16ths. Bodies have most: equal ones are written once.
/// They never change, since they say where batches are cut; so tables that came later have theirs on top.
const SHARES: [usize; SENT] = [4, 1, 3, 6, 1, 1, 1, 1];
/// Rows that are brought into order at a time.
const STEP: usize = 16_384;

/// What is kept of an import that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Begin {
    options: String,
    label: String,
    bytes: usize,
}

fn prefix(source: &str) -> String {
    format!("import/{}/", source.replace('%', "%25").replace('/', "%2F"))
}

fn begun(state: &State<PartMeta>, source: &str) -> Option<Begin> {
    let batch = state.batches.get(&format!("{}begin", prefix(source)))?;
    serde_json::from_str(&batch.fingerprint).ok()
}

/// What the manifest knows of an import.
fn facts(state: &State<PartMeta>, source: &str, begin: &Begin) -> ImportFacts {
    let prefix = prefix(source);
    let name = ImportName { source: source.to_owned(), options: begin.options.clone(), label: begin.label.clone() };
    let mut facts = ImportFacts { name, batches: 0, finished: false, rows: [0; SENT] };
    for (name, batch) in state.batches.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix)) {
        match name[prefix.len()..].split_once('/') {
            Some((table, _)) => {
                let at = TABLES.iter().position(|known| known.name == table);
                facts.batches += 1;
                facts.rows[at.unwrap_or_default()] += batch.fingerprint.parse::<u64>().unwrap_or_default();
            }
            None => facts.finished |= &name[prefix.len()..] == "end",
        }
    }
    facts
}

/// All imports.
pub(crate) fn all(state: &State<PartMeta>) -> Vec<ImportFacts> {
    let begins = state.batches.range("import/".to_owned()..).take_while(|(name, _)| name.starts_with("import/"));
    let sources = begins.filter_map(|(name, _)| name.strip_prefix("import/")?.strip_suffix("/begin"));
    let sources = sources.map(|source| source.replace("%2F", "/").replace("%25", "%"));
    sources.filter_map(|source| begun(state, &source).map(|begin| facts(state, &source, &begin))).collect()
}

/// Begins an import.
pub(crate) fn start(core: &Arc<Core>, name: &ImportName, replace: bool) -> Result<ImportStart, StoreError> {
    let mut manifest = core.manifest();
    let fresh = Begin { options: name.options.clone(), label: name.label.clone(), bytes: core.settings.import_bytes };
    let (begin, replaces) = match begun(manifest.state(), &name.source) {
        Some(known) if known.options == name.options => {
            let facts = facts(manifest.state(), &name.source, &known);
            if facts.finished {
                return Ok(ImportStart::Finished(facts));
            }
            (known, false)
        }
        Some(known) if !replace => {
            return Err(StoreError::OtherOptions { source_name: name.label.clone(), existing: known.options });
        }
        Some(_) => (fresh, true),
        None => {
            let batch = named(format!("{}begin", prefix(&name.source)), &fresh);
            let edit = Edit { put_batches: vec![batch], ..Edit::default() };
            core.noted(core.commit(&mut manifest, Change { edit, ..Change::default() }, |_| ()))?;
            (fresh, false)
        }
    };
    drop(manifest);
    Ok(ImportStart::Wanted(Box::new(Importing::new(core, name.source.clone(), begin, replaces))))
}

fn named(name: String, begin: &Begin) -> Batch {
    let fingerprint = serde_json::to_string(begin).expect("text and numbers are JSON");
    Batch { name, fingerprint, ..Batch::default() }
}

/// Rows of one table that wait for more, as columns: those take less room than rows.
struct Lane {
    table: &'static Table,
    columns: Columns,
    bytes: usize,
    /// Bytes that make a batch.
    most: usize,
    number: u64,
}

/// An import under way.
struct Importing {
    shared: Shared,
    exchanges: Lane,
    sessions: Lane,
    packets: Lane,
    bodies: Lane,
    quality: Lane,
    hosts: Lane,
    points: Lane,
    logs: Lane,
}

/// What all lanes need.
struct Shared {
    core: Arc<Core>,
    source: String,
    begin: Begin,
    /// Parts and names that are committed together at the end, in place of an import with other options.
    replaced: Option<(Vec<PartMeta>, Vec<Batch>)>,
}

impl Importing {
    fn new(core: &Arc<Core>, source: String, begin: Begin, replaces: bool) -> Self {
        let replaced = replaces.then(Default::default);
        Self {
            exchanges: Lane::new(ExchangeRow::TABLE, &begin),
            sessions: Lane::new(SessionRow::TABLE, &begin),
            packets: Lane::new(PacketRow::TABLE, &begin),
            bodies: Lane::new(BodyRow::TABLE, &begin),
            quality: Lane::new(QualityRow::TABLE, &begin),
            hosts: Lane::new(HostRow::TABLE, &begin),
            points: Lane::new(PointRow::TABLE, &begin),
            logs: Lane::new(LogRow::TABLE, &begin),
            shared: Shared { core: Arc::clone(core), source, begin, replaced },
        }
    }

    fn take(&mut self, rows: &Rows) -> Result<(), StoreError> {
        let shared = &mut self.shared;
        self.exchanges.push(&rows.exchanges, shared)?;
        self.sessions.push(&rows.sessions, shared)?;
        self.packets.push(&rows.packets, shared)?;
        self.bodies.push(&rows.bodies, shared)?;
        self.quality.push(&rows.quality, shared)?;
        self.hosts.push(&rows.hosts, shared)?;
        self.points.push(&rows.points, shared)?;
        self.logs.push(&rows.logs, shared)
    }

    fn end(&mut self) -> Result<ImportFacts, StoreError> {
        let shared = &mut self.shared;
        self.exchanges.cut(shared)?;
        self.sessions.cut(shared)?;
        self.packets.cut(shared)?;
        self.bodies.cut(shared)?;
        self.quality.cut(shared)?;
        self.hosts.cut(shared)?;
        self.points.cut(shared)?;
        self.logs.cut(shared)?;
        shared.end()
    }
}

impl Import for Importing {
    fn push(&mut self, rows: Rows) -> Result<(), StoreError> {
        self.add(&rows)
    }

    fn add(&mut self, rows: &Rows) -> Result<(), StoreError> {
        let outcome = self.take(rows);
        self.shared.core.noted(outcome)
    }

    fn finish(mut self: Box<Self>) -> Result<ImportFacts, StoreError> {
        let outcome = self.end();
        self.shared.core.noted(outcome)
    }
}

impl Lane {
    fn new(table: &'static Table, begin: &Begin) -> Self {
        let most = (begin.bytes / 16 * SHARES[place(table)]).max(1);
        let repeats = table.name == BodyRow::TABLE.name;
        let columns = if repeats { Columns::repeating(table) } else { Columns::new(table, 0) };
        Self { table, columns, bytes: 0, most, number: 0 }
    }

    fn push<R: Row>(&mut self, rows: &[R], shared: &mut Shared) -> Result<(), StoreError> {
        let mut from = 0;
        for (at, row) in rows.iter().enumerate() {
            self.bytes += weight(row);
            if self.bytes >= self.most {
                self.columns.append::<R>(&rows[from..=at]);
                from = at + 1;
                self.cut(shared)?;
            }
        }
        self.columns.append::<R>(&rows[from..]);
        Ok(())
    }

    /// Writes what is there as a batch, unless that batch was committed before.
    fn cut(&mut self, shared: &mut Shared) -> Result<(), StoreError> {
        let rows = self.columns.rows();
        if rows == 0 {
            return Ok(());
        }
        let batch = self.columns.finish();
        let name = format!("{}{}/{:08}", prefix(&shared.source), self.table.name, self.number);
        shared.write(name, self.table, &batch)?;
        (self.bytes, self.number) = (0, self.number + 1);
        Ok(())
    }
}

/// Bytes of a row in memory, about. It decides where batches are cut, so it never changes.
fn weight<R: Row>(row: &R) -> usize {
    512 + row.text_bytes() + size_of::<u128>()
}

impl Shared {
    fn write(&mut self, name: String, table: &'static Table, rows: &RecordBatch) -> Result<(), StoreError> {
        if self.replaced.is_none() && self.core.manifest().state().batches.contains_key(&name) {
            return Ok(());
        }
        let parts = self.parts(table, rows)?;
        let batch = Batch { name, fingerprint: rows.num_rows().to_string(), ..Batch::default() };
        match &mut self.replaced {
            Some((waiting, batches)) => {
                waiting.extend(parts);
                batches.push(batch);
                Ok(())
            }
            None => {
                let mut manifest = self.core.manifest();
                if manifest.state().batches.contains_key(&batch.name) {
                    // The same source is imported twice at a time.
                    discard(&*self.core.disk, &parts);
                    return Ok(());
                }
                let edit = Edit { put_batches: vec![batch], ..Edit::default() };
                self.core.commit(&mut manifest, Change { new: whole(parts), edit, ..Change::default() }, |_| ())
            }
        }
    }

    fn parts(&self, table: &'static Table, rows: &RecordBatch) -> Result<Vec<PartMeta>, StoreError> {
        let order = rows::order(table, rows).map_err(arrow_error)?;
        let path = self.core.new_path(table);
        let mut output = Output::new(&self.core.disk, table, path, order.len());
        for rows_of_step in order.chunks(if has_bytes(table) { LARGE_STEP } else { STEP }) {
            let sorted = take_record_batch(rows, &UInt32Array::from(rows_of_step.to_vec()));
            output.write(&sorted.and_then(|sorted| repeated::plain(table, sorted)).map_err(arrow_error)?)?;
        }
        let mut parts = output.finish()?;
        if table.column("source").is_none() {
            for part in &mut parts {
                part.sources = vec![SourceRows { source: self.source.clone(), rows: part.rows }];
            }
        }
        Ok(parts)
    }

    fn end(&mut self) -> Result<ImportFacts, StoreError> {
        let core = Arc::clone(&self.core);
        let mut manifest = core.manifest();
        let prefix = prefix(&self.source);
        let end = Batch { name: format!("{prefix}end"), ..Batch::default() };
        let mut change = Change { edit: Edit { put_batches: vec![end], ..Edit::default() }, ..Change::default() };
        if let Some((parts, batches)) = self.replaced.take() {
            self.replace(&mut change)?;
            change.new.extend(whole(parts));
            change.forget = Some(self.source.clone());
            let old = manifest.state().batches.keys().filter(|name| name.starts_with(&prefix));
            change.edit.remove_batches = old.cloned().collect();
            change.edit.put_batches.push(named(format!("{prefix}begin"), &self.begin));
            change.edit.put_batches.extend(batches);
        }
        core.commit(&mut manifest, change, |_| ())?;
        Ok(facts(manifest.state(), &self.source, &self.begin))
    }

    /// Takes the rows of the source out of all parts.
    fn replace(&self, change: &mut Change) -> Result<(), StoreError> {
        for at in 0..COUNT {
            let parts = self.core.live().parts(at).to_vec();
            for part in parts.iter().filter(|part| part.meta.sources.iter().any(|one| one.source == self.source)) {
                change.remove.push(part.meta.path.clone());
                if part.meta.sources.len() > 1 {
                    let rest = self.core.rewrite(std::slice::from_ref(part), Some(&self.source), None)?;
                    change.new.extend(rest.place(std::slice::from_ref(part)));
                }
            }
        }
        Ok(())
    }
}

impl Drop for Shared {
    /// What was to replace another import and did not.
    fn drop(&mut self) {
        if let Some((parts, _)) = &self.replaced {
            discard(&*self.core.disk, parts);
        }
    }
}

fn whole(parts: Vec<PartMeta>) -> Vec<(PartMeta, Demoted)> {
    parts.into_iter().map(|meta| (meta, Demoted::default())).collect()
}
