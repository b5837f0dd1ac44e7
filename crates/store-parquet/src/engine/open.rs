//! Exchanges that have not ended: whether they really have not, and when they are given up.

use std::collections::HashSet;
use std::sync::Arc;

use arachne_filter::{Field, Predicate, Test, TextTest};
use arachne_model::table::{ExchangeRow, Row as _};
use arachne_store::{CountMode, ListRequest, Number, Order, Scalar, Selection, StoreError, TimeRange, Unwatched};

use super::append::arrow_error;
use super::core::Core;
use crate::rows::{Batches, sorted};
use crate::scan;

impl Core {
    /// Leaves out exchanges that are known to have ended: what was sent of them before came late. One question for a batch, of
    /// those that are not known to be open.
    pub fn not_ended(&self, mut open: Vec<ExchangeRow>) -> Result<Vec<ExchangeRow>, StoreError> {
        let (new, snapshot) = {
            let live = self.live();
            let new: Vec<&ExchangeRow> = open.iter().filter(|row| !live.open.contains(&row.id)).collect();
            if new.is_empty() {
                return Ok(open);
            }
            (new, live.ended(ExchangeRow::TABLE))
        };
        let page = scan::list(&snapshot, &ended(&new), &Unwatched, &self.settings.scan)?;
        let text = |cell: Option<Scalar>| if let Some(Scalar::Text(id)) = cell { Some(id) } else { None };
        let ended: HashSet<_> = page.rows.into_iter().filter_map(|row| text(row.into_iter().next())).collect();
        open.retain(|row| !ended.contains(&*row.id));
        Ok(open)
    }

    /// Ends a period of open exchanges, see [`arachne_store::Store::end_period`]. What was silent for a day becomes a row like
    /// any other with the next flush; until then the log has it as open.
    pub fn end_period(&self) -> Result<(), StoreError> {
        let mut live = self.live();
        let kept = live.open.end_period();
        live.met.end(&kept.iter().map(|row| row.wire_key).collect());
        let mut batches = Batches::default();
        batches[0] = sorted(&kept);
        let added = live.memory.add(batches).map_err(arrow_error);
        live.changed();
        added
    }
}

/// Asks for the ids of `rows` that have ended.
fn ended(rows: &[&ExchangeRow]) -> ListRequest {
    let table = ExchangeRow::TABLE;
    let id = table.id.unwrap_or_default();
    let starts = || rows.iter().map(|row| row.start);
    let ids = rows.iter().map(|row| row.id.clone()).collect();
    let range = TimeRange {
        from: starts().min().unwrap_or(i64::MIN),
        to: starts().max().map_or(i64::MAX, |last| last.saturating_add(1)),
    };
    let predicate = Predicate::Is(Field::Column(id), Test::Text(TextTest::OneOf(ids)));
    ListRequest {
        selection: Selection {
            table,
            range,
            mode: CountMode::Start,
            predicate: Arc::new(predicate),
            now: 0,
            counted_only: false,
        },
        order: Order { by: Number::Column(table.start), descending: false },
        after: None,
        limit: rows.len(),
        columns: vec![id],
    }
}
