//! Templates of stored exchanges made anew, when the rules for them are others.

use std::sync::Arc;

use arachne_model::table::{ExchangeRow, Row as _};
use arachne_store::StoreError;
use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray, StringDictionaryBuilder};
use arrow::datatypes::{Int32Type, Int64Type};
use parquet::file::statistics::Statistics;

use super::append::arrow_error;
use super::core::{Change, Core};
use super::output::discard;
use crate::part::{Part, Readable};

/// The template of a path, or of a template.
pub(crate) type Template<'t> = &'t (dyn Fn(&str) -> String + Sync);

impl Core {
    /// Makes the templates of one part anew that has rows of older rules than `rules`. `false` when there is none.
    ///
    /// # Errors
    /// When reading or writing fails; nothing has changed then, but that a damaged part is reported.
    pub fn retemplate_once(&self, rules: i64, template: Template<'_>) -> Result<bool, StoreError> {
        let parts = self.live().parts(0).to_vec();
        for part in &parts {
            let is_stale = match part.open() {
                Ok(opened) => is_stale(&opened, rules),
                // It is set aside by whoever looks after damage; the others are good.
                Err(StoreError::Damaged { .. }) => false,
                Err(error) => return Err(error),
            };
            if is_stale {
                let outcome = self.retemplate(part, rules, template);
                return self.noted(outcome).map(|()| true);
            }
        }
        Ok(false)
    }

    fn retemplate(&self, part: &Part, rules: i64, template: Template<'_>) -> Result<(), StoreError> {
        let old = std::slice::from_ref(part);
        let new = self.rewrite(old, None, Some(&|batch| anew(&batch, rules, template)))?;
        let mut manifest = self.manifest();
        let now = self.live().part_of_file(&part.meta.path).cloned();
        let Some(now) = now else {
            // It went or was merged meanwhile: what it became has its turn.
            discard(&*self.disk, &new.parts);
            return Ok(());
        };
        let change = Change {
            new: new.place(std::slice::from_ref(&now)),
            remove: vec![part.meta.path.clone()],
            same_rows: true,
            ..Change::default()
        };
        self.commit(&mut manifest, change, |_| ())
    }
}

/// Whether a part has rows of older rules. What its file does not tell is left as it is.
fn is_stale(part: &Readable<'_>, rules: i64) -> bool {
    let column = ExchangeRow::TABLE.column("url.template.rules").and_then(|column| part.leaf(column));
    let least = |group: &parquet::file::metadata::RowGroupMetaData| match group.column(column?).statistics()? {
        Statistics::Int64(numbers) => numbers.min_opt().copied(),
        _ => None,
    };
    part.metadata.metadata().row_groups().iter().filter_map(least).any(|least| least < rules)
}

/// The same rows with templates by the rules of now.
fn anew(batch: &RecordBatch, rules: i64, template: Template<'_>) -> Result<RecordBatch, StoreError> {
    let column = |name| ExchangeRow::TABLE.column(name).unwrap_or_default();
    let mut columns = batch.columns().to_vec();
    let (texts, version) = (column("url.template"), column("url.template.rules"));
    let words = columns[texts].as_dictionary_opt::<Int32Type>().and_then(|words| words.downcast_dict::<StringArray>());
    if let (Some(words), Some(paths)) = (words, columns[column("url.path")].as_string_opt::<i32>()) {
        // Paths, not templates: rules of other people's may part what was one.
        let mut anew = StringDictionaryBuilder::<Int32Type>::new();
        for (known, path) in words.into_iter().zip(paths) {
            anew.append_option(known.map(|known| template(path.unwrap_or(known))));
        }
        columns[texts] = Arc::new(anew.finish());
    }
    let newer = |known: Option<i64>| Some(known.map_or(rules, |known| known.max(rules)));
    let versions: Int64Array = columns[version].as_primitive::<Int64Type>().iter().map(newer).collect();
    columns[version] = Arc::new(versions) as ArrayRef;
    RecordBatch::try_new(batch.schema(), columns).map_err(arrow_error)
}
