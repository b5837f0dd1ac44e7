//! The log output: one line an event, to stderr.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::rate::RateLimit;
use crate::{Level, LogCode};

mod line;

use line::Line;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// For people: `warning: packets were cut by the snap length  code=READ-NET-002 packets=3`.
    #[default]
    Text,
    /// One JSON object a line: `time` (RFC 3339), `level`, `code`, `message`, `fields`.
    Json,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// Errors.
    Quiet,
    /// Errors and warnings.
    Warnings,
    /// Everything that has a code.
    #[default]
    Normal,
    /// Events of libraries and for developers too.
    Debug,
    /// All.
    Trace,
}

impl Verbosity {
    fn shows(self, metadata: &Metadata<'_>) -> bool {
        let has_code = metadata.fields().field("code").is_some();
        // `tracing` orders levels by how much they let through: ERROR is the least.
        *metadata.level()
            <= match self {
                Self::Quiet if has_code => tracing::Level::ERROR,
                Self::Warnings if has_code => tracing::Level::WARN,
                Self::Normal if has_code => tracing::Level::INFO,
                Self::Quiet | Self::Warnings | Self::Normal => return false,
                Self::Debug => tracing::Level::DEBUG,
                Self::Trace => tracing::Level::TRACE,
            }
    }
}

/// Whether lines of one code are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Flood {
    /// Ten lines a second for each code, then their number: for what runs without end.
    #[default]
    Limited,
    /// Every line: for a command that says a few things of each of its files and ends.
    Unlimited,
}

/// What lines need one after the other.
struct State<W> {
    out: W,
    limit: RateLimit,
}

/// The `tracing` layer that writes lines to `W`.
///
/// Clones write to the same output.
pub struct LogLayer<W> {
    state: Arc<Mutex<State<W>>>,
    start: Instant,
    format: Format,
    verbosity: Verbosity,
    flood: Flood,
}

impl<W> Clone for LogLayer<W> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), ..*self }
    }
}

impl<W: Write> LogLayer<W> {
    /// A layer that writes to `out`.
    pub fn new(out: W, format: Format, verbosity: Verbosity, flood: Flood) -> Self {
        let state = State { out, limit: RateLimit::default() };
        Self { state: Arc::new(Mutex::new(state)), start: Instant::now(), format, verbosity, flood }
    }

    /// Tells what the rate limit has held back and was not told yet.
    pub fn flush(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, suppressed) in state.limit.drain() {
            self.tell_suppressed(&mut state.out, code, suppressed);
        }
        let _ = state.out.flush();
    }

    fn tell_suppressed(&self, out: &mut W, code: &str, suppressed: u64) {
        let level = LogCode::find(code).map_or(Level::Info, |code| code.level);
        let mut line = Line::new(level.tracing(), Some(level));
        line.message = "more of the same was not shown".into();
        line.code = Some(code.to_owned());
        line.push_number("suppressed", suppressed);
        self.write(out, &line);
    }

    fn write(&self, out: &mut W, line: &Line) {
        let text = match self.format {
            Format::Text => line.text(),
            Format::Json => line.json(crate::now().unsigned_abs()),
        };
        // Where stderr is gone there is nobody to tell.
        let _ = out.write_all(text.as_bytes());
    }
}

impl<W: Write + Send + 'static> LogLayer<W> {
    /// Runs `work` with this layer as the log output of its thread, whatever that of the process is: for tests.
    pub fn scope<R>(&self, work: impl FnOnce() -> R) -> R {
        let done = tracing::subscriber::with_default(tracing_subscriber::registry().with(self.clone()), work);
        self.flush();
        done
    }
}

impl<S: Subscriber, W: Write + Send + 'static> Layer<S> for LogLayer<W> {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && self.verbosity.shows(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = Line::of(event);
        let code = line.code.as_deref().and_then(LogCode::find);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(code), Flood::Limited) = (code, self.flood) {
            let verdict = state.limit.admit(code.id, self.start.elapsed());
            if verdict.suppressed > 0 {
                self.tell_suppressed(&mut state.out, code.id, verdict.suppressed);
            }
            if !verdict.print {
                return;
            }
        }
        self.write(&mut state.out, &line);
    }
}

/// Tells at its end what the rate limit has held back. Keep it until the process ends, and drop it before
/// `std::process::exit`, which drops nothing.
#[must_use = "when it is dropped the log output has ended"]
pub struct Guard(LogLayer<io::Stderr>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// The log output of this process was set up before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitError;

impl std::fmt::Display for InitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the log output was set up before")
    }
}

impl std::error::Error for InitError {}

/// Sets the log output of this process up: to stderr, in `format`, as much as `verbosity` and `flood`
/// say.
///
/// # Errors
/// [`InitError`] when this was done before. Nothing has changed then.
pub fn init(format: Format, verbosity: Verbosity, flood: Flood) -> Result<Guard, InitError> {
    let layer = LogLayer::new(io::stderr(), format, verbosity, flood);
    let subscriber = tracing_subscriber::registry().with(layer.clone());
    tracing::subscriber::set_global_default(subscriber).map_err(|_| InitError)?;
    Ok(Guard(layer))
}
