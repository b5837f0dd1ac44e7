//! Prints answers as table, ndjson or CSV.

use std::io::{self, Write};

use arachne_export::{csv, json};
use serde_json::Value as Json;

use super::answer::{AnswerColumn, Shape};
use super::args::AnswerFormat;
use crate::output::grid::{Cell, Grid, GridColumn, plain};
use crate::output::human;
use crate::output::layout::{Align, Style};
use crate::output::table::TableStyle;

/// Writes rows as they come.
pub struct Printer<W: Write> {
    form: Form<W>,
    names: Vec<String>,
    rows: u64,
}

enum Form<W: Write> {
    Table(Grid<W>),
    Ndjson(W),
    Csv(W),
}

impl<W: Write> Printer<W> {
    /// A printer of rows with these columns.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, format: AnswerFormat, style: TableStyle, columns: &[AnswerColumn]) -> io::Result<Self> {
        let names: Vec<_> = columns.iter().map(|column| column.name.clone()).collect();
        let form = match format {
            AnswerFormat::Table => Form::Table(Grid::new(out, style, columns.iter().map(grid_column).collect())),
            AnswerFormat::Ndjson => Form::Ndjson(out),
            AnswerFormat::Csv => {
                csv::write_header(&mut out, &names)?;
                Form::Csv(out)
            }
        };
        Ok(Self { form, names, rows: 0 })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Those of the output.
    pub fn row(&mut self, cells: &[Json]) -> io::Result<()> {
        self.rows += 1;
        match &mut self.form {
            Form::Table(grid) => grid.row(cells),
            Form::Ndjson(out) => json::write_row(out, &self.names, cells),
            Form::Csv(out) => csv::write_row(out, cells),
        }
    }

    /// Ends the output and gives the number of rows.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(self) -> io::Result<u64> {
        match self.form {
            Form::Table(grid) => grid.finish().map(drop)?,
            Form::Ndjson(mut out) | Form::Csv(mut out) => out.flush()?,
        }
        Ok(self.rows)
    }
}

fn grid_column(column: &AnswerColumn) -> GridColumn {
    let align = match column.shape {
        Shape::Text | Shape::Instant | Shape::Class => Align::Left,
        _ => Align::Right,
    };
    let shape = column.shape;
    GridColumn { name: column.name.to_uppercase(), align, format: Box::new(move |cell| format(shape, cell)) }
}

fn format(shape: Shape, cell: &Json) -> Cell {
    let number = cell.as_u64();
    match (shape, number, cell) {
        (Shape::Duration, Some(nanos), _) => (human::duration(nanos), Style::Plain),
        (Shape::Size, Some(bytes), _) => (human::size(bytes), Style::Plain),
        (Shape::Share, _, Json::Number(share)) => (percent(share.as_f64().unwrap_or(0.0)), Style::Plain),
        (Shape::Number, None, Json::Number(number)) if number.is_f64() => {
            (short(number.as_f64().unwrap_or(0.0)), Style::Plain)
        }
        (Shape::Status, Some(status), _) => (status.to_string(), status_style(status)),
        (Shape::Instant, _, Json::String(text)) => (short_instant(text), Style::Plain),
        (Shape::Class, _, Json::String(class)) => (class.clone(), class_style(class)),
        // Codes and ports are no amounts: only amounts have groups of digits.
        _ => plain(cell),
    }
}

/// Four digits that count are enough for people; the other formats have them all.
fn short(number: f64) -> String {
    let whole = number.abs().log10().floor().clamp(-12.0, 3.0) as i32;
    let decimals = usize::try_from(3 - whole).unwrap_or(0);
    let text = format!("{number:.decimals$}");
    if let (0, Ok(whole)) = (decimals, text.parse()) {
        return human::grouped(whole);
    }
    if decimals == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 99.95 || percent == 0.0 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

/// `2026-01-31 23:59:59.123`: milliseconds are enough for people; the fraction is cut, not rounded.
fn short_instant(text: &str) -> String {
    text.get(..23).map_or_else(|| text.to_owned(), |start| start.replacen('T', " ", 1))
}

const fn status_style(status: u64) -> Style {
    match status {
        200..=299 => Style::Green,
        300..=399 => Style::Cyan,
        400..=499 => Style::Yellow,
        500.. => Style::Red,
        _ => Style::Plain,
    }
}

fn class_style(class: &str) -> Style {
    match class {
        "fast" => Style::Green,
        "medium" => Style::Cyan,
        "slow" => Style::Yellow,
        "error" => Style::Red,
        _ => Style::Plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_format_prints_the_same_rows() {
        let columns = [AnswerColumn::new("start", Shape::Instant), AnswerColumn::new("duration", Shape::Duration)];
        let print = |format| {
            let mut out = Vec::new();
            let mut printer =
                Printer::new(&mut out, format, TableStyle::default(), &columns).expect("a Vec takes every byte");
            printer.row(&[json!("2026-01-31T23:59:59.123456789Z"), json!(2_500_000)]).expect("a Vec takes every byte");
            assert_eq!(printer.finish().expect("a Vec takes every byte"), 1);
            String::from_utf8(out).expect("text")
        };
        assert_eq!(
            print(AnswerFormat::Table),
            "START                    DURATION\n2026-01-31 23:59:59.123   2.50 ms\n"
        );
        assert_eq!(
            print(AnswerFormat::Ndjson),
            "{\"start\":\"2026-01-31T23:59:59.123456789Z\",\"duration\":2500000}\n"
        );
        assert_eq!(print(AnswerFormat::Csv), "start,duration\r\n2026-01-31T23:59:59.123456789Z,2500000\r\n");
    }

    #[test]
    fn broken_numbers_are_short_in_tables_alone() {
        let numbers = [1.991_556_1, 123_456.789, 0.0, -0.012_345_6, 12.0, 999.96, 1e-9, 1e300];
        let short: Vec<_> = numbers.iter().map(|number| format(Shape::Number, &json!(number)).0).collect();
        assert_eq!(short[..7], ["1.992", "123 457", "0", "-0.01235", "12", "1000", "0.000000001"]);
        assert_eq!(short[7].len(), 301);
    }

    #[test]
    fn shares_are_percent() {
        assert_eq!([0.0, 0.001, 0.123, 1.0].map(percent), ["0 %", "0.1 %", "12.3 %", "100 %"]);
    }
}
