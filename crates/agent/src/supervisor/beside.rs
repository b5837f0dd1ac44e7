//! How busy the agent is beside capturing: its limit of CPU is for all its processes, and the one that captures gives way for all.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arachne_delivery::status::Process;

use super::status::CAPTURE;

/// Shorter times tell little.
const LEAST: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Beside {
    measured: Instant,
    /// CPU time of each process then, by its number.
    before: BTreeMap<u32, u64>,
}

impl Beside {
    /// Nothing is measured yet.
    pub const fn new(now: Instant) -> Self {
        Self { measured: now, before: BTreeMap::new() }
    }

    /// Cores that all of `processes` but the one that captures have used since the last answer; `None` too soon after that.
    pub fn cores(&mut self, processes: &[Process], now: Instant) -> Option<f64> {
        let passed = now.duration_since(self.measured);
        if passed < LEAST {
            return None;
        }
        let others = processes.iter().filter(|process| process.name != CAPTURE);
        let times: BTreeMap<u32, u64> = others.map(|process| (process.pid, process.cpu_ns)).collect();
        // All that a new process has used it used since.
        let before = |pid: &u32| self.before.get(pid).copied().unwrap_or(0);
        let used = times.iter().map(|(pid, cpu_ns)| cpu_ns.saturating_sub(before(pid))).sum();
        (self.measured, self.before) = (now, times);
        Some(Duration::from_nanos(used).as_secs_f64() / passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use arachne_delivery::status::Process;

    use super::Beside;

    #[test]
    fn all_but_the_capture_process_counts() {
        let begun = Instant::now();
        let mut beside = Beside::new(begun);
        let process = |name: &str, pid, milliseconds: u64| Process {
            name: name.to_owned(),
            pid,
            cpu_ns: milliseconds * 1_000_000,
            ..Process::default()
        };
        let mut cores = |processes: &[Process], at| beside.cores(processes, begun + Duration::from_millis(at));
        let first = [process("supervisor", 1, 100), process("capture", 2, 9000), process("collect", 3, 300)];
        assert_eq!(cores(&first, 900), None);
        assert_eq!(cores(&first, 2000), Some(0.2));
        let next = [process("supervisor", 1, 200), process("capture", 2, 9900), process("collect", 4, 50)];
        assert_eq!(cores(&next, 4000), Some(0.075), "one that ended is gone with its time, a new one counts whole");
        assert_eq!(cores(&[process("supervisor", 1, 200)], 6000), Some(0.0));
    }
}
