//! Fields of the catalogue as keys, numbers and columns.

use arachne_filter::catalogue::{Entry, lookup};
use arachne_filter::{Computed, Field};
use arachne_model::table::{Kind, Table};
use arachne_store::{Key, Number};

use crate::error::QueryError;
use crate::scope::Resolved;

/// A field that rows are grouped by.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    pub name: String,
    pub kind: Kind,
    pub key: Key,
    pub field: Field,
}

impl Split {
    /// Whether rows may have more values than can be told apart.
    pub fn is_wide(&self) -> bool {
        let few = matches!(self.kind, Kind::Label | Kind::Words | Kind::Address | Kind::Flag | Kind::Integer);
        !few || matches!(self.field, Field::Header(..))
    }
}

/// The field called `name`, to group by.
pub(crate) fn split(resolved: &Resolved, part: &'static str, name: &str) -> Result<Split, QueryError> {
    let entry = entry(resolved.table, part, name)?;
    let unfit = |reason| Err(QueryError::UnfitField { part, name: name.to_owned(), reason });
    let key = match &entry.field {
        Field::Column(_) if entry.kind == Kind::Bytes => return unfit("bytes are no groups"),
        Field::Column(column) => Key::Column(*column),
        Field::Computed(Computed::Class(_)) => Key::Class(resolved.settings.thresholds),
        Field::Computed(_) => return unfit("nearly every row has its own; ask for its quantiles, or split by class"),
        Field::Header(side, header) => Key::Header(*side, header.clone()),
        Field::AnyText => return unfit("free text looks at several fields; name one of them"),
    };
    let field = match entry.field {
        Field::Computed(Computed::Class(_)) => Field::Computed(Computed::Class(resolved.settings.thresholds)),
        field => field,
    };
    Ok(Split { name: entry.name.into_owned(), kind: entry.kind, key, field })
}

/// The field called `name` as a number that can be ordered and summed.
pub(crate) fn number(table: &'static Table, part: &'static str, name: &str) -> Result<(Number, Kind), QueryError> {
    let entry = entry(table, part, name)?;
    let reason = "it is no number; there are duration, size and other numbers";
    let unfit = QueryError::UnfitField { part, name: name.to_owned(), reason };
    match entry.field {
        Field::Computed(Computed::Class(_)) => Err(unfit),
        Field::Computed(computed) => Ok((Number::Computed(computed), entry.kind)),
        Field::Column(column) if matches!(entry.kind, Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer) => {
            Ok((Number::Column(column), entry.kind))
        }
        _ => Err(unfit),
    }
}

/// The field called `name`.
pub(crate) fn entry(table: &'static Table, part: &'static str, name: &str) -> Result<Entry, QueryError> {
    let unknown = || QueryError::UnknownField { part, name: name.to_owned(), table: table.name };
    lookup(table, name).ok_or_else(unknown)
}

/// The index of a column that the table is known to have.
pub(crate) fn column(table: &Table, name: &str) -> Option<usize> {
    table.column(name)
}
