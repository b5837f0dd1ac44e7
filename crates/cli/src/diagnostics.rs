//! Everything that is said beside the data: errors, warnings, notes, the summary. Always on standard error.
//!
//! As text (`error: trace.pcap: ...`) or, with `--log-format json`, one object for each line: `{"level", "message"}`. What
//! is said may hold bytes of files and paths, so it is made visible first.

use std::io::Write;

use crate::output::json::{push, push_string};
use crate::visible::visible;

/// The form of diagnostics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object for each line.
    Json,
}

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The work could not be done as asked. Always shown.
    Error,
    /// The work was done, but somebody should look. Hidden by `-qq`.
    Warn,
    /// Worth knowing. Hidden by `-q`.
    Info,
    /// Only with `-v`.
    Detail,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warning",
            Self::Info => "info",
            Self::Detail => "detail",
        }
    }
}

/// Writes diagnostics to one place.
pub struct Diagnostics {
    out: Box<dyn Write + Send>,
    format: LogFormat,
    most: Level,
}

impl std::fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Diagnostics").field("format", &self.format).field("most", &self.most).finish_non_exhaustive()
    }
}

impl Diagnostics {
    /// Writes to `out`. `verbosity` is the number of `-v` less the number of `-q`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, format: LogFormat, verbosity: i8) -> Self {
        let most = match verbosity {
            ..=-2 => Level::Error,
            -1 => Level::Warn,
            0 => Level::Info,
            1.. => Level::Detail,
        };
        Self { out, format, most }
    }

    /// Whether something of `level` is shown.
    #[must_use]
    pub fn shows(&self, level: Level) -> bool {
        level <= self.most
    }

    /// Says `message`, if `level` is shown. Lines of it that follow the first are kept as lines in text.
    ///
    /// Where standard error is gone there is nobody left to tell, so a failure to write is no failure of the work.
    pub fn say(&mut self, level: Level, message: &str) {
        if !self.shows(level) {
            return;
        }
        let mut line = Vec::new();
        match self.format {
            LogFormat::Text => push_text(&mut line, level, message),
            LogFormat::Json => {
                push(&mut line, "{\"level\":\"");
                push(&mut line, level.name());
                push(&mut line, "\",\"message\":");
                push_string(&mut line, message.trim_end().as_bytes());
                push(&mut line, "}\n");
            }
        }
        self.raw(&line);
    }

    /// Says an error with all its causes, `tried: because: because`.
    pub fn error(&mut self, error: &anyhow::Error) {
        self.say(Level::Error, &format!("{error:#}"));
    }

    /// Writes a ready line, at any verbosity.
    pub fn raw(&mut self, line: &[u8]) {
        let _ = self.out.write_all(line).and_then(|()| self.out.flush());
    }
}

fn push_text(line: &mut Vec<u8>, level: Level, message: &str) {
    if level <= Level::Warn {
        push(line, level.name());
        push(line, ": ");
    }
    for part in message.lines() {
        push(line, &visible(part.as_bytes()));
        line.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::{Diagnostics, Level, LogFormat};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no test panics while it writes").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn said(format: LogFormat, verbosity: i8) -> String {
        let out = Shared::default();
        let mut diagnostics = Diagnostics::new(Box::new(out.clone()), format, verbosity);
        diagnostics.error(&anyhow::anyhow!("bad\x1b block").context("a.pcap"));
        diagnostics.say(Level::Warn, "careful");
        diagnostics.say(Level::Info, "3 exchanges\n  more\n");
        diagnostics.say(Level::Detail, "fine print");
        let bytes = out.0.lock().expect("no test panics while it writes").clone();
        String::from_utf8(bytes).expect("diagnostics are text")
    }

    #[test]
    fn text_is_visible_and_levelled() {
        let error = "error: a.pcap: bad\\x1b block\n";
        assert_eq!(said(LogFormat::Text, -2), error);
        assert_eq!(said(LogFormat::Text, -1), format!("{error}warning: careful\n"));
        assert_eq!(said(LogFormat::Text, 0), format!("{error}warning: careful\n3 exchanges\n  more\n"));
        assert!(said(LogFormat::Text, 1).ends_with("fine print\n"));
    }

    #[test]
    fn json_is_one_object_a_line() {
        for line in said(LogFormat::Json, 1).lines() {
            let value: serde_json::Value = serde_json::from_str(line).expect("valid JSON");
            assert!(value["level"].is_string() && value["message"].is_string());
        }
        assert!(said(LogFormat::Json, 0).starts_with(r#"{"level":"error","message":"a.pcap: bad\u001b block"}"#));
    }
}
