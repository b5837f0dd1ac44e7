//! From text to a typed predicate.

use arachne_model::Thresholds;
use arachne_model::table::Table;

use crate::ast::Ast;
use crate::diagnostic::Diagnostic;
use crate::limits::DIAGNOSTICS_MAX;
use crate::predicate::Predicate;
use crate::syntax::read;
use crate::typing::Typing;

/// What the meaning of a filter depends on beside its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Bounds between the classes.
    pub thresholds: Thresholds,
}

/// A filter that was read.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What engines get; `None` when there is a diagnostic.
    pub predicate: Option<Predicate>,
    /// What was written, as far as it could be read.
    pub ast: Ast,
    /// What is wrong, in order of place; at most [`DIAGNOSTICS_MAX`].
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the filter `text` about rows of `table`. Never fails: what is wrong stands in the diagnostics.
///
/// Bounded by the caps in [`crate::limits`]; the cost is linear in the length of the text, but for compiling regular
/// expressions.
#[must_use]
pub fn parse(text: &str, table: &'static Table, settings: &Settings) -> Parsed {
    let (root, mut diagnostics) = read(text);
    let mut typing = Typing::new(table, settings.thresholds, text);
    let predicate = root.as_ref().map_or(Predicate::All, |root| typing.node(root));
    diagnostics.append(&mut typing.diagnostics);
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    diagnostics.truncate(DIAGNOSTICS_MAX);
    let predicate = diagnostics.is_empty().then_some(predicate);
    Parsed { predicate, ast: Ast { table, root }, diagnostics }
}
