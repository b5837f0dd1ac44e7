//! What is known of the terminals that the process writes to.

use std::io::{IsTerminal as _, stderr, stdout};

use crate::args::Color;

/// The terminals, asked once at the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Console {
    /// Columns of standard output, `None` when it is no terminal.
    pub width: Option<usize>,
    /// Whether the user refuses colour (`NO_COLOR`, a dumb terminal).
    pub no_color: bool,
    /// Whether a progress bar is visible and alone: standard error is a terminal, standard output is not.
    pub bar: bool,
    /// Whether a bar can be drawn that is gone before data is written: standard error is a terminal.
    pub passing_bar: bool,
}

impl Console {
    /// Asks the process's own streams and environment.
    #[must_use]
    pub fn detect() -> Self {
        let data_on_terminal = stdout().is_terminal();
        let asked = terminal_size::terminal_size_of(stdout()).map(|(width, _)| usize::from(width.0));
        // A terminal that does not know its size leaves it to the environment.
        let told = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width = asked.or_else(told).unwrap_or(80);
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let passing_bar = stderr().is_terminal() && !dumb;
        Self {
            width: data_on_terminal.then_some(width.max(1)),
            // Source: no-color.org, which asks for a value that is not empty.
            no_color: dumb || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            bar: passing_bar && !data_on_terminal,
            passing_bar,
        }
    }

    /// Whether the table has colours under that choice.
    #[must_use]
    pub const fn color(self, choice: Color) -> bool {
        match choice {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => self.width.is_some() && !self.no_color,
        }
    }
}
