//! Cells and columns of a table: widths from the terminal, cut with `…`, padded by display width.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The gap between columns.
pub const GAP: &str = "  ";

/// How a cell stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The heading.
    pub name: &'static str,
    /// Its width in terminal columns; longer cells push the rest aside unless the table cuts.
    pub width: usize,
    /// How cells stand in it.
    pub align: Align,
}

/// Colours as SGR sequences, written only where colour is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// Less important.
    Dim,
    /// A heading.
    Bold,
    /// Went well.
    Green,
    /// Went elsewhere.
    Cyan,
    /// The client's mistake, an oddity.
    Yellow,
    /// The server's mistake.
    Red,
}

impl Style {
    const fn start(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\x1b[2m",
            Self::Bold => "\x1b[1m",
            Self::Green => "\x1b[32m",
            Self::Cyan => "\x1b[36m",
            Self::Yellow => "\x1b[33m",
            Self::Red => "\x1b[31m",
        }
    }
}

/// Writes one row of cells.
#[derive(Debug)]
pub struct Row<'a> {
    out: &'a mut Vec<u8>,
    /// Blanks owed before the next cell: never written at the end of a line.
    owed: usize,
    color: bool,
    cut: bool,
}

impl<'a> Row<'a> {
    /// A row at the end of `out`. `cut` shortens cells to their column.
    pub fn new(out: &'a mut Vec<u8>, color: bool, cut: bool) -> Self {
        Self { out, owed: 0, color, cut }
    }

    /// Appends a cell. `text` is safe already, see [`crate::visible`].
    pub fn cell(&mut self, column: &Column, text: &str, style: Style) {
        let text = if self.cut { cut(text, column.width) } else { (text, "") };
        let width = text.0.width() + text.1.width();
        let blanks = column.width.saturating_sub(width);
        if column.align == Align::Right {
            self.owed += blanks;
        }
        self.text(text, style);
        self.owed += GAP.len() + if column.align == Align::Left { blanks } else { 0 };
    }

    /// Ends the line.
    pub fn end(self) {
        self.out.push(b'\n');
    }

    fn text(&mut self, (text, tail): (&str, &str), style: Style) {
        if text.is_empty() && tail.is_empty() {
            return;
        }
        self.out.resize(self.out.len() + self.owed, b' ');
        self.owed = 0;
        let colored = self.color && style != Style::Plain;
        if colored {
            self.out.extend_from_slice(style.start().as_bytes());
        }
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(tail.as_bytes());
        if colored {
            self.out.extend_from_slice(b"\x1b[0m");
        }
    }
}

/// The longest start of `text` that fits `width` columns, with `…` behind it where something is missing. Combining
/// marks have no width, so their number is limited too.
fn cut(text: &str, width: usize) -> (&str, &'static str) {
    let most_chars = width * 4;
    if text.width() <= width && text.len() <= most_chars {
        return (text, "");
    }
    let mut used = 0;
    for (count, (at, c)) in text.char_indices().enumerate() {
        used += c.width().unwrap_or(1);
        if used + 1 > width || count >= most_chars {
            return (&text[..at], if width == 0 { "" } else { "…" });
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::{Align, Column, Row, Style, cut};

    fn row(color: bool, is_cut: bool, cells: &[(&str, Align)]) -> String {
        let mut out = Vec::new();
        let mut row = Row::new(&mut out, color, is_cut);
        for (text, align) in cells {
            row.cell(&Column { name: "", width: 5, align: *align }, text, Style::Red);
        }
        row.end();
        String::from_utf8(out).expect("built from text")
    }

    #[test]
    fn cells_line_up_without_blanks_at_the_end() {
        use Align::{Left, Right};
        assert_eq!(row(false, false, &[("ab", Left), ("12", Right), ("x", Left)]), "ab        12  x\n");
        assert_eq!(row(false, false, &[("ab", Left), ("", Right), ("", Left)]), "ab\n");
        assert_eq!(row(false, false, &[("abcdefgh", Left), ("x", Left)]), "abcdefgh  x\n");
        assert_eq!(row(false, true, &[("abcdefgh", Left), ("x", Left)]), "abcd…  x\n");
        assert_eq!(row(true, false, &[("a", Left), ("b", Left)]), "\x1b[31ma\x1b[0m      \x1b[31mb\x1b[0m\n");
        assert_eq!(row(false, false, &[("日本", Left), ("x", Left)]), "日本   x\n");
    }

    #[test]
    fn cuts_fit() {
        assert_eq!(cut("abc", 3), ("abc", ""));
        assert_eq!(cut("abcd", 3), ("ab", "…"));
        assert_eq!(cut("日本語", 5), ("日本", "…"));
        assert_eq!(cut("日本語", 4), ("日", "…"));
        assert_eq!(cut("abc", 0), ("", ""));
        let zalgo = "a\u{301}".repeat(2) + &"\u{301}".repeat(1000);
        assert!(cut(&zalgo, 5).0.len() < 50);
    }
}
