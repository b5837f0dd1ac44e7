//! How busy the process is: CPU of the last second, memory, and what was handed over in a minute.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How often CPU is measured.
const EVERY: Duration = Duration::from_secs(1);
/// What megabytes a minute are counted over.
const MINUTE: Duration = Duration::from_secs(60);

/// See the module.
pub struct Meter {
    memory: Option<File>,
    /// Resident bytes at the start: code, ring, stacks.
    base: u64,
    measured: Instant,
    cpu_before: Duration,
    /// CPU of the last second, in cores.
    cpu: f64,
    minute: Instant,
    handed_before: u64,
}

impl Meter {
    /// Reads memory from `memory`, which is `/proc/self/statm`. The ring is there by now.
    #[must_use]
    pub fn new(memory: Option<File>) -> Self {
        let now = Instant::now();
        let base = resident(memory.as_ref());
        Self { memory, base, measured: now, cpu_before: cpu_time(), cpu: 0.0, minute: now, handed_before: 0 }
    }

    /// Cores in use.
    pub fn cores(&mut self) -> f64 {
        let passed = self.measured.elapsed();
        if passed >= EVERY {
            let cpu = cpu_time();
            self.cpu = cpu.saturating_sub(self.cpu_before).as_secs_f64() / passed.as_secs_f64();
            self.cpu_before = cpu;
            self.measured = Instant::now();
        }
        self.cpu
    }

    /// The part in use of what `limit` bytes leave beside what was there at the start, of which `least` are granted always.
    #[must_use]
    pub fn memory(&self, limit: u64, least: u64) -> f64 {
        let room = limit.saturating_sub(self.base).max(least).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
        let share = |part: u64, whole: u64| part as f64 / whole as f64;
        share(resident(self.memory.as_ref()).saturating_sub(self.base), room)
    }

    /// Bytes handed over in this minute, of `handed` since the start.
    pub fn in_this_minute(&mut self, handed: u64) -> u64 {
        if self.minute.elapsed() >= MINUTE {
            self.minute = Instant::now();
            self.handed_before = handed;
        }
        handed.saturating_sub(self.handed_before)
    }
}

/// Resident bytes; 0 where that is not told.
fn resident(memory: Option<&File>) -> u64 {
    let mut text = [0; 128];
    let read = memory.and_then(|file| file.read_at(&mut text, 0).ok()).unwrap_or(0);
    let text = std::str::from_utf8(text.get(..read).unwrap_or_default()).unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0_u64);
    pages.saturating_mul(rustix::param::page_size() as u64)
}

/// CPU time of all threads of this process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::Meter;

    #[test]
    fn memory_is_what_came_since_the_start() {
        let meter = Meter { base: 0, ..Meter::new(File::open("/proc/self/statm").ok()) };
        assert!(meter.memory(100_000, 1) > 1.0, "a process has more than that");
        assert!(meter.memory(100_000, 1 << 50) < 0.001);
        assert!(Meter { base: 1 << 50, ..meter }.memory(1, 1) == 0.0);
        assert!(Meter::new(None).memory(0, 0) == 0.0);
    }

    #[test]
    fn a_minute_begins_where_the_one_before_ended() {
        let mut meter = Meter::new(None);
        assert_eq!(meter.in_this_minute(70), 70);
        meter.minute -= super::MINUTE;
        assert_eq!(meter.in_this_minute(100), 0);
        assert_eq!(meter.in_this_minute(130), 30);
    }
}
