//! A progress bar on standard error for long work: on a terminal, for inputs over 64 MiB and questions over a second, and only
//! while no rows go to a terminal (they are progress enough, and would tear the bar apart).

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Inputs up to this many bytes are read before a bar would be noticed.
pub const BYTES_MIN: u64 = 64 << 20;

/// Shows how much of an input was read; does nothing where a bar makes no sense.
pub struct Progress {
    bar: Option<ProgressBar>,
    told: Option<Told>,
}

/// Is told how many bytes were read.
pub type Told = Box<dyn Fn(u64) + Send>;

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("bar", &self.bar).finish_non_exhaustive()
    }
}

impl Progress {
    /// A bar for `total` bytes, where it is known and large. `visible` says whether standard error is a terminal that
    /// nothing else is written to.
    #[must_use]
    pub fn new(total: Option<u64>, visible: bool) -> Self {
        let total = total.filter(|total| visible && *total > BYTES_MIN);
        Self { bar: total.map(|total| draw(total, BYTES)), told: None }
    }

    /// A bar that is never seen.
    #[must_use]
    pub const fn hidden() -> Self {
        Self { bar: None, told: None }
    }

    /// No bar, but `told` hears of it.
    #[must_use]
    pub fn told(told: Told) -> Self {
        Self { bar: None, told: Some(told) }
    }

    /// `bytes` of the input were read so far. Cheap: the bar redraws a few times a second.
    pub fn at(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
        if let Some(told) = &self.told {
            told(bytes);
        }
    }

    /// Takes the bar away, so that the next line stands alone.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How long a question is waited for without a bar.
const SOON: Duration = Duration::from_secs(1);

/// A bar for a question, which says how far it is while it is answered. It is gone when this is dropped.
#[derive(Debug)]
pub struct Waiting {
    since: Instant,
    visible: bool,
    bar: OnceLock<ProgressBar>,
}

impl Waiting {
    /// Waits from now on. `visible` says whether standard error is a terminal that nothing else is written to.
    #[must_use]
    pub fn new(visible: bool) -> Self {
        Self { since: Instant::now(), visible, bar: OnceLock::new() }
    }

    /// `done` of `total` rows were looked at or skipped. Cheap.
    pub fn at(&self, done: u64, total: u64) {
        if !self.visible || total == 0 || self.since.elapsed() < SOON {
            return;
        }
        let bar = self
            .bar
            .get_or_init(|| draw(total, "{percent:>3} % {wide_bar} {human_pos} of {human_len} rows, {eta} left"));
        // A question may pass over the rows more than once.
        bar.set_length(total);
        bar.set_position(done);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

const BYTES: &str =
    "{percent:>3} % {wide_bar} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";

fn draw(total: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MIN, Progress, SOON, Waiting};

    #[test]
    fn only_large_inputs_on_a_terminal_have_a_bar() {
        let check = |total, visible, expected: bool| {
            let progress = Progress::new(total, visible);
            assert_eq!(progress.bar.is_some(), expected, "{total:?} {visible}");
            progress.at(1);
            progress.finish();
        };
        check(Some(BYTES_MIN + 1), true, true);
        check(Some(BYTES_MIN), true, false);
        check(Some(BYTES_MIN + 1), false, false);
        check(None, true, false);
    }

    #[test]
    fn only_questions_that_take_long_on_a_terminal_have_a_bar() {
        let check = |visible, long: bool, total, expected: bool| {
            let mut waiting = Waiting::new(visible);
            if long {
                waiting.since = waiting.since.checked_sub(SOON).expect("the machine runs for a second");
            }
            waiting.at(1, total);
            waiting.at(2, total);
            assert_eq!(waiting.bar.get().is_some(), expected, "{visible} {long} {total}");
        };
        check(true, true, 10, true);
        check(true, false, 10, false);
        check(false, true, 10, false);
        check(true, true, 0, false);
    }
}
