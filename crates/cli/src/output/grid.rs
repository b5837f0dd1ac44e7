//! Rows of any columns as a table for people: what the answers of `query` and `sql` are printed with.
//!
//! The first rows decide the widths, so that columns fit what they hold; on a terminal the widest give way until a row fits
//! a line, and cells are cut.

use std::io::{self, Write};

use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr as _;

use super::layout::{Align, Column, GAP, Row, Style};
use super::table::TableStyle;
use crate::visible::visible;

/// Rows that decide the widths.
const SAMPLE_ROWS: usize = 500;

/// No column is narrowed below this.
const WIDTH_MIN: usize = 6;

/// A cell with its style.
pub type Cell = (String, Style);

/// Turns the JSON of a column into text for people.
pub type Formatter = Box<dyn Fn(&Json) -> Cell + Send>;

/// A column.
pub struct GridColumn {
    /// Its heading.
    pub name: String,
    /// How cells stand in it.
    pub align: Align,
    /// How they are written.
    pub format: Formatter,
}

/// Writes a table; see the module.
pub struct Grid<W: Write> {
    out: W,
    style: TableStyle,
    columns: Vec<GridColumn>,
    /// Rows that wait until the widths are known.
    sample: Vec<Vec<Cell>>,
    widths: Option<Vec<usize>>,
    /// Rows written or waiting.
    rows: u64,
}

impl<W: Write> Grid<W> {
    /// A table with these columns.
    pub fn new(out: W, style: TableStyle, columns: Vec<GridColumn>) -> Self {
        Self { out, style, columns, sample: Vec::new(), widths: None, rows: 0 }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Those of the output.
    pub fn row(&mut self, cells: &[Json]) -> io::Result<()> {
        let cells = self.columns.iter().zip(cells).map(|(column, cell)| (column.format)(cell));
        let cells: Vec<Cell> = cells.map(|(text, style)| (visible(text.as_bytes()), style)).collect();
        self.rows += 1;
        if self.widths.is_some() {
            return self.write(&cells);
        }
        self.sample.push(cells);
        if self.sample.len() >= SAMPLE_ROWS { self.settle() } else { Ok(()) }
    }

    /// Writes what waits, and gives the output with the number of rows.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        if self.widths.is_none() && self.rows > 0 {
            self.settle()?;
        }
        self.out.flush()?;
        Ok((self.out, self.rows))
    }

    fn settle(&mut self) -> io::Result<()> {
        let mut widths: Vec<_> = self.columns.iter().map(|column| column.name.width()).collect();
        for row in &self.sample {
            for (width, (text, _)) in widths.iter_mut().zip(row) {
                *width = text.width().max(*width);
            }
        }
        if let Some(whole) = self.style.width {
            narrow(&mut widths, whole);
        }
        self.widths = Some(widths);
        let heading: Vec<Cell> = self.columns.iter().map(|c| (visible(c.name.as_bytes()), Style::Bold)).collect();
        self.write(&heading)?;
        std::mem::take(&mut self.sample).iter().try_for_each(|row| self.write(row))
    }

    fn write(&mut self, cells: &[Cell]) -> io::Result<()> {
        let mut line = Vec::with_capacity(160);
        let mut row = Row::new(&mut line, self.style.color, self.style.width.is_some());
        let widths = self.widths.as_deref().unwrap_or_default();
        for ((column, width), (text, style)) in self.columns.iter().zip(widths).zip(cells) {
            row.cell(&Column { name: "", width: *width, align: column.align }, text, *style);
        }
        row.end();
        self.out.write_all(&line)
    }
}

/// Takes from the widest columns until all fit `whole`.
fn narrow(widths: &mut [usize], whole: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let room = whole.saturating_sub(gaps);
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max_by_key(|width| **width).filter(|width| **width > WIDTH_MIN) else {
            return;
        };
        *widest -= 1;
    }
}

/// Text as it is, numbers with groups of digits, nothing as a dash.
#[must_use]
pub fn plain(cell: &Json) -> Cell {
    match cell {
        Json::Null => (super::table::NOTHING.to_owned(), Style::Dim),
        Json::String(text) => (text.clone(), Style::Plain),
        Json::Number(number) => {
            (number.as_u64().map_or_else(|| number.to_string(), super::human::grouped), Style::Plain)
        }
        other => (other.to_string(), Style::Plain),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn print(width: Option<usize>, rows: &[Vec<Json>]) -> String {
        let columns = ["name", "count"].into_iter().zip([Align::Left, Align::Right]);
        let columns = columns.map(|(name, align)| GridColumn { name: name.to_owned(), align, format: Box::new(plain) });
        let mut grid = Grid::new(Vec::new(), TableStyle { width, color: false }, columns.collect());
        rows.iter().try_for_each(|row| grid.row(row)).expect("a Vec takes every byte");
        let (out, count) = grid.finish().expect("a Vec takes every byte");
        assert_eq!(count, rows.len() as u64);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn columns_fit_what_they_hold() {
        let rows = [vec![json!("catalogue"), json!(12345)], vec![json!("b"), json!(null)]];
        assert_eq!(print(None, &rows), "name        count\ncatalogue  12 345\nb               –\n");
        assert_eq!(print(None, &[]), "");
    }

    #[test]
    fn the_widest_gives_way_on_a_terminal_and_controls_are_spelled_out() {
        let rows = [vec![json!("a\u{1b}[31m very long name"), json!(1)]];
        let text = print(Some(20), &rows);
        assert_eq!(text.lines().nth(1), Some("a\\x1b[31m ve…      1"), "{text}");
    }
}
