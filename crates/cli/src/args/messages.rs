//! Options about what is said on standard error, the same for all commands.

use arachne_telemetry::Verbosity;
use clap::{ArgAction, Args};

use super::LogFormat;

/// What is said on standard error.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Messages {
    /// The form of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// Say more: everything that was not used and why
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,

    /// Say less: errors and warnings, no summary; twice: errors only
    #[arg(long, short, action = ArgAction::Count)]
    pub quiet: u8,
}

impl Messages {
    /// The number of `-v` less the number of `-q`.
    fn loudness(self) -> i8 {
        let sign = |count: u8| i8::try_from(count.min(3)).unwrap_or(3);
        sign(self.verbose) - sign(self.quiet)
    }

    /// What is logged.
    #[must_use]
    pub fn verbosity(self) -> Verbosity {
        match self.loudness() {
            ..=-2 => Verbosity::Quiet,
            -1 => Verbosity::Warnings,
            0 => Verbosity::Normal,
            1 => Verbosity::Debug,
            2.. => Verbosity::Trace,
        }
    }

    /// Whether the run ends with a summary, and whether that tells ordinary things too.
    #[must_use]
    pub fn summary(self) -> Option<bool> {
        let loudness = self.loudness();
        (loudness >= 0).then_some(loudness > 0)
    }

    /// The form of log lines.
    #[must_use]
    pub const fn format(self) -> arachne_telemetry::Format {
        match self.log_format {
            LogFormat::Text => arachne_telemetry::Format::Text,
            LogFormat::Json => arachne_telemetry::Format::Json,
        }
    }
}
