//! A progress bar on standard error for long work: on a terminal, for inputs over 64 MiB, and only while the rows
//! themselves do not go to a terminal (they are progress enough, and would tear the bar apart).

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
        Self { bar: total.map(draw), told: None }
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

fn draw(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template =
        "{percent:>3} % {wide_bar} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MIN, Progress};

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
}
