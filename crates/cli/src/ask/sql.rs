//! `arachne sql`: rows of one read-only statement on standard output.

use std::io::{self, Read as _, StdoutLock};
use std::ops::ControlFlow;

use anyhow::{Context as _, Result};
use arachne_sql::Rows;
use serde_json::Value as Json;

use super::answer::{AnswerColumn, Shape};
use super::args::{AnswerFormat, SqlArgs};
use super::backend::of;
use super::print::Printer;
use crate::interrupt::Interrupt;
use crate::output::table::TableStyle;

/// Statements are short; more is a mistake.
const STATEMENT_BYTES_MAX: u64 = 64 << 10;

/// Answers.
///
/// # Errors
/// When the question is wrong, or cannot be answered, or standard output fails.
pub fn answer(args: &SqlArgs) -> Result<()> {
    let statement = match args.statement.as_str() {
        "-" => {
            io::read_to_string(io::stdin().lock().take(STATEMENT_BYTES_MAX)).context("cannot read standard input")?
        }
        text => text.to_owned(),
    };
    let backend = of(args.data.data.as_deref(), Interrupt::on_signals()?)?;
    let style = super::table_style(args.color);
    let mut printed = Printed { format: args.format, style, printer: None, failed: None };
    backend.sql(&statement, &mut printed)?;
    if let Some(error) = printed.failed {
        return Err(error.into());
    }
    printed.printer.map(Printer::finish).transpose()?;
    Ok(())
}

struct Printed {
    format: AnswerFormat,
    style: TableStyle,
    printer: Option<Printer<io::BufWriter<StdoutLock<'static>>>>,
    failed: Option<io::Error>,
}

impl Printed {
    fn keep(&mut self, result: io::Result<()>) -> ControlFlow<()> {
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Rows for Printed {
    fn names(&mut self, names: &[String]) -> ControlFlow<()> {
        let columns: Vec<_> = names.iter().map(|name| AnswerColumn::new(name, Shape::Text)).collect();
        let out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let made = Printer::new(out, self.format, self.style, &columns).map(|printer| self.printer = Some(printer));
        self.keep(made)
    }

    fn row(&mut self, row: Vec<Json>) -> ControlFlow<()> {
        let written = self.printer.as_mut().map_or(Ok(()), |printer| printer.row(&row));
        self.keep(written)
    }
}
