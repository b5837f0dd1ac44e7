//! Roll-ups of points, made of their parts; see [`crate::rollup`].

use arachne_model::table::{PointRow, ROLLED, ROLLED_STEPS, Table};
use arachne_store::StoreError;

use super::core::{Change, Core};
use super::merge::Ordered;
use super::output::{Output, discard};
use crate::columns::{self, row};
use crate::part::{Demoted, Part, PartMeta, SourceRows};
use crate::rollup::Combiner;
use crate::rows::points;

/// Rows that are written at a time.
const STEP: usize = 4096;

impl Core {
    /// Rolls up some parts of points where there are any that are not. `false` when nothing is to be done.
    ///
    /// # Errors
    /// When reading or writing fails; nothing has changed then, but that a damaged part is reported.
    pub fn roll_once(&self) -> Result<bool, StoreError> {
        let group = self.unrolled();
        if group.is_empty() {
            return Ok(false);
        }
        let outcome = self.roll(&group);
        self.noted(outcome)
    }

    /// Parts of one source that are not rolled up, as many as are read at a time.
    fn unrolled(&self) -> Vec<Part> {
        let live = self.live();
        let mut group: Vec<Part> = Vec::new();
        let mut rows = 0;
        for part in live.parts(points()).iter().filter(|part| !part.meta.rolled) {
            rows += part.meta.rows;
            let fits = group.first().is_none_or(|first| source(first) == source(part))
                && (group.is_empty() || rows <= self.settings.merge_rows);
            if fits {
                group.push(part.clone());
            }
            if !fits || group.len() >= self.settings.merge_parts.max(1) {
                break;
            }
        }
        group
    }

    fn roll(&self, group: &[Part]) -> Result<bool, StoreError> {
        let new = self.combine(group, &ROLLED.map(|table| (table, step(table))))?;
        let mut manifest = self.manifest();
        let now: Option<Vec<PartMeta>> = {
            let live = self.live();
            let now = group.iter().map(|part| live.part_of_file(&part.meta.path).filter(|part| !part.meta.rolled));
            now.map(|part| Some(PartMeta { rolled: true, ..PartMeta::clone(&part?.meta) })).collect()
        };
        let Some(rolled) = now else {
            // One of them went meanwhile: the rest is rolled up another time.
            discard(&*self.disk, &new);
            return Ok(false);
        };
        let new = new.into_iter().map(|meta| (meta, Demoted::default())).collect();
        let change = Change { new, rolled, same_rows: true, ..Change::default() };
        self.commit(&mut manifest, change, |_| ()).map(|()| true)
    }

    /// Writes the rows of parts of one source, added up in windows, as new parts of each of `tables`, the narrowest windows first.
    pub fn combine(&self, group: &[Part], tables: &[(&'static Table, i64)]) -> Result<Vec<PartMeta>, StoreError> {
        let rows: u64 = group.iter().map(|part| part.meta.rows).sum();
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let mut lanes: Vec<Lane> = tables
            .iter()
            .map(|(table, step)| Lane {
                combiner: Combiner::new(*step),
                output: Output::new(&self.disk, table, self.new_path(table), rows),
                waiting: Vec::new(),
            })
            .collect();
        let opened = group.iter().map(Part::open).collect::<Result<Vec<_>, _>>()?;
        let mut ordered = Ordered::new(&opened)?;
        while let Some((batch, at)) = ordered.current() {
            push(&mut lanes, row::<PointRow>(batch, at))?;
            ordered.advance()?;
        }
        let mut parts = Vec::new();
        while !lanes.is_empty() {
            let mut lane = lanes.remove(0);
            let mut last = Vec::new();
            lane.combiner.finish(&mut |row| last.push(row));
            for row in last {
                lane.put(&row)?;
                push(&mut lanes, row)?;
            }
            parts.extend(lane.done()?);
        }
        let sources = &group.first().map(|part| part.meta.sources.clone()).unwrap_or_default();
        for part in &mut parts {
            let rows = part.rows;
            part.sources = sources.iter().map(|one| SourceRows { source: one.source.clone(), rows }).collect();
        }
        Ok(parts)
    }
}

/// How wide the windows of a roll-up are; 1 ns of a table that is none.
pub(crate) fn step(table: &Table) -> i64 {
    ROLLED.iter().position(|rolled| rolled.name == table.name).map_or(1, |place| ROLLED_STEPS[place])
}

/// Whether a table is a roll-up.
pub(crate) fn is_rolled(table: &Table) -> bool {
    ROLLED.iter().any(|rolled| rolled.name == table.name)
}

fn source(part: &Part) -> Option<&str> {
    part.meta.sources.first().map(|one| one.source.as_str())
}

/// A roll-up that is being written.
struct Lane {
    combiner: Combiner,
    output: Output,
    waiting: Vec<PointRow>,
}

/// Gives a row to the first lane; what is complete there is a row of the next one.
fn push(lanes: &mut [Lane], row: PointRow) -> Result<(), StoreError> {
    let Some((lane, wider)) = lanes.split_first_mut() else { return Ok(()) };
    let mut complete = Vec::new();
    lane.combiner.push(row, &mut |row| complete.push(row));
    for row in complete {
        lane.put(&row)?;
        push(wider, row)?;
    }
    Ok(())
}

impl Lane {
    fn put(&mut self, row: &PointRow) -> Result<(), StoreError> {
        self.waiting.push(row.clone());
        if self.waiting.len() < STEP { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if !self.waiting.is_empty() {
            self.output.write(&columns::batch(&self.waiting.iter().collect::<Vec<_>>()))?;
            self.waiting.clear();
        }
        Ok(())
    }

    fn done(mut self) -> Result<Vec<PartMeta>, StoreError> {
        self.write()?;
        self.output.finish()
    }
}
