//! What a log code is.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing, nothing is wrong.
    Info,
    /// Something is lost or doubtful, the work goes on.
    Warn,
    /// Something failed.
    Error,
    /// The process ends.
    Fatal,
}

impl Level {
    /// The word in front of a message for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The stable name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            _ => self.word(),
        }
    }

    /// The level of `tracing`, which knows no fatal.
    #[must_use]
    pub const fn tracing(self) -> tracing::Level {
        match self {
            Self::Info => tracing::Level::INFO,
            Self::Warn => tracing::Level::WARN,
            Self::Error | Self::Fatal => tracing::Level::ERROR,
        }
    }
}

/// A row of the table: one kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCode {
    /// `[SERVICE]-[FEATURE]-NNN`, never used for anything else.
    pub id: &'static str,
    /// The name of the constant in [`crate::codes`].
    pub constant: &'static str,
    /// How bad it is.
    pub level: Level,
    /// The message: constant, lower case, without a full stop. Values go into fields.
    pub message: &'static str,
    /// What happened, in a sentence.
    pub meaning: &'static str,
    /// What is the likely cause.
    pub cause: &'static str,
    /// What to do.
    pub action: &'static str,
    /// The version that brought it.
    pub since: &'static str,
    /// The version from which it is emitted no more.
    pub retired: Option<&'static str>,
}

impl LogCode {
    /// Looks a code up by its id.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        Self::position(id).map(|at| &crate::codes::ALL[at])
    }

    /// The place of a code in [`crate::codes::ALL`].
    pub(crate) fn position(id: &str) -> Option<usize> {
        crate::codes::ALL.binary_search_by(|code| code.id.cmp(id)).ok()
    }
}

impl fmt::Display for LogCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}
