//! Who answers: a store opened here, or the server that holds it.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use arachne_query::{HistogramQuery, ListQuery, Queries, SeriesQuery, TopQuery};
use arachne_sql::{Rows, SqlError};
use arachne_store::Watch;
use arachne_store_parquet::EmbeddedStore;
use arachne_telemetry::now;
use serde_json::Value as Json;

use super::args::ExportFormat;
use super::export::{Exported, write};
use super::holder::{Opened, open_existing};
use crate::interrupt::Interrupt;
use crate::progress::Waiting;
use crate::read::console::Console;

/// Answers questions. Answers are JSON, as the API gives them.
pub trait Backend {
    /// A page of rows.
    ///
    /// # Errors
    /// When the question is wrong, or cannot be answered.
    fn list(&self, query: &ListQuery) -> Result<Json>;

    /// A range histogram.
    ///
    /// # Errors
    /// As for [`Self::list`].
    fn histogram(&self, query: &HistogramQuery) -> Result<Json>;

    /// A top.
    ///
    /// # Errors
    /// As for [`Self::list`].
    fn top(&self, query: &TopQuery) -> Result<Json>;

    /// A metric over time.
    ///
    /// # Errors
    /// As for [`Self::list`].
    fn series(&self, query: &SeriesQuery) -> Result<Json>;

    /// Rows of an SQL statement as they come.
    ///
    /// # Errors
    /// As for [`Self::list`].
    fn sql(&self, statement: &str, rows: &mut dyn Rows) -> Result<()>;

    /// Writes what `what` names.
    ///
    /// # Errors
    /// As for [`Self::list`], and those of `out`.
    fn export(&self, what: &Exported, format: ExportFormat, out: &mut dyn Write) -> Result<()>;
}

/// The backend of a data folder.
///
/// # Errors
/// When the folder cannot be opened, or its holder cannot be asked.
pub fn of(data: Option<&Path>, interrupt: Interrupt) -> Result<Box<dyn Backend>> {
    Ok(match open_existing(data)? {
        Opened::Here(store) => Box::new(Local { store: Arc::new(store), interrupt, console: Console::detect() }),
        Opened::Served(socket) => Box::new(super::remote::Remote::new(socket, Console::detect())),
    })
}

/// A store opened by this process.
struct Local {
    store: Arc<EmbeddedStore>,
    interrupt: Interrupt,
    console: Console,
}

/// Ctrl-C stops the work; what takes long shows how far it is.
struct Interruptible<'a>(&'a Interrupt, Waiting);

impl Watch for Interruptible<'_> {
    fn progress(&self, done: u64, total: u64) -> ControlFlow<()> {
        self.1.at(done, total);
        if self.0.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Local {
    fn ask<T: serde::Serialize>(
        &self,
        question: impl FnOnce(Queries<'_>) -> Result<T, arachne_query::QueryError>,
    ) -> Result<Json> {
        let watch = Interruptible(&self.interrupt, Waiting::new(self.console.passing_bar));
        let answer = question(Queries::new(&*self.store, now(), &watch))?;
        serde_json::to_value(answer).context("the answer cannot be written as JSON")
    }
}

impl Backend for Local {
    fn list(&self, query: &ListQuery) -> Result<Json> {
        self.ask(|queries| queries.list(query))
    }

    fn histogram(&self, query: &HistogramQuery) -> Result<Json> {
        self.ask(|queries| queries.histogram(query))
    }

    fn top(&self, query: &TopQuery) -> Result<Json> {
        self.ask(|queries| queries.top(query))
    }

    fn series(&self, query: &SeriesQuery) -> Result<Json> {
        self.ask(|queries| queries.series(query))
    }

    fn sql(&self, statement: &str, rows: &mut dyn Rows) -> Result<()> {
        let watch = Interruptible(&self.interrupt, Waiting::new(self.console.bar));
        match arachne_sql::run(&self.store, statement, arachne_sql::Limits::default(), &watch, rows) {
            Err(SqlError::Stopped) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn export(&self, what: &Exported, format: ExportFormat, out: &mut dyn Write) -> Result<()> {
        let watch = Interruptible(&self.interrupt, Waiting::new(self.console.bar));
        write(&*self.store, &watch, what, format, out)
    }
}
