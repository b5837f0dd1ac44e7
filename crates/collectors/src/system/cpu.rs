//! CPU time by mode, load, and how many processes wait for a CPU.

use crate::Metric;
use crate::report::Report;
use crate::text::{Tree, billionths, lines, named, number, words};

pub(super) const TIME: Metric = Metric::counter(
    "system.cpu.time",
    "ns",
    &["mode"],
    "time of all CPUs by mode: user, nice, system, idle, iowait, interrupt, softirq, steal, guest; guests are not in user",
    "/proc/stat, proc_stat(5)",
);
pub(super) const COUNT: Metric = Metric::gauge("system.cpu.logical.count", "1", &[], "CPUs in use", "/proc/stat");
pub(super) const CREATED: Metric =
    Metric::counter("system.process.created", "1", &[], "processes and threads that began", "/proc/stat, processes");
pub(super) const PROCESSES: Metric = Metric::gauge(
    "system.process.count",
    "1",
    &["state"],
    "threads that run or wait for a CPU (running), and that wait for a disk (blocked)",
    "/proc/stat, procs_running and procs_blocked",
);
const LOAD_SAYS: &str = "load: threads that run, wait for a CPU or for a disk, as a moving average";
pub(super) const LOAD: [Metric; 3] = [
    Metric::gauge("system.cpu.load_average.1m", "1e-9", &[], LOAD_SAYS, "/proc/loadavg"),
    Metric::gauge("system.cpu.load_average.5m", "1e-9", &[], LOAD_SAYS, "/proc/loadavg"),
    Metric::gauge("system.cpu.load_average.15m", "1e-9", &[], LOAD_SAYS, "/proc/loadavg"),
];
pub(super) const METRICS: &[Metric] = &[TIME, COUNT, CREATED, PROCESSES, LOAD[0], LOAD[1], LOAD[2]];

/// In the order of the kernel.
const MODES: [&str; 9] = ["user", "nice", "system", "idle", "iowait", "interrupt", "softirq", "steal", "guest"];

/// Nanoseconds of a tick.
pub(crate) fn tick() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second().max(1)
}

pub(super) fn read(tree: &Tree, report: &mut Report<'_>) -> Result<(), String> {
    let stat = tree.read("proc/stat")?;
    let (times, cpus) = times(&stat).ok_or("no line cpu in proc/stat")?;
    for (mode, ticks) in MODES.iter().zip(times) {
        report.total(&TIME, &[mode], ticks.saturating_mul(tick()));
    }
    report.gauge(&COUNT, &[], cpus);
    for (name, value) in named(&stat) {
        match name {
            b"processes" => report.total(&CREATED, &[], value),
            b"procs_running" => report.gauge(&PROCESSES, &["running"], value),
            b"procs_blocked" => report.gauge(&PROCESSES, &["blocked"], value),
            _ => {}
        }
    }
    let load = tree.read("proc/loadavg")?;
    for (metric, value) in LOAD.iter().zip(words(&load)) {
        report.gauge(metric, &[], billionths(value).ok_or("proc/loadavg is no load")?);
    }
    Ok(())
}

/// Ticks by mode, of all CPUs together, and how many CPUs there are. A mode that the kernel does not have is 0.
fn times(stat: &[u8]) -> Option<([u64; 9], u64)> {
    let mut all = None;
    let mut cpus = 0;
    for line in lines(stat) {
        let mut words = words(line);
        match words.next() {
            Some(b"cpu") => {
                let mut ticks = [0; 10];
                ticks.iter_mut().zip(words).for_each(|(place, word)| *place = number(word).unwrap_or(0));
                let [user, nice, system, idle, wait, hard, soft, steal, guest, guest_nice] = ticks;
                let own = [user.saturating_sub(guest), nice.saturating_sub(guest_nice)];
                let guests = guest.saturating_add(guest_nice);
                all = Some([own[0], own[1], system, idle, wait, hard, soft, steal, guests]);
            }
            Some(name) if name.starts_with(b"cpu") => cpus += 1,
            _ => {}
        }
    }
    Some((all?, cpus))
}

/// The CPU time of user and of system, in nanoseconds: what all processes together used. Guests are processes of user.
/// Interrupts are nobody's.
pub(crate) fn used(stat: &[u8]) -> Option<[u64; 2]> {
    let ([user, nice, system, .., guest], _) = times(stat)?;
    let user = [nice, guest].into_iter().fold(user, u64::saturating_add);
    Some([user, system].map(|ticks| ticks.saturating_mul(tick())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn guests_are_counted_once_and_old_kernels_have_fewer_modes() {
        let new = b"cpu  100 20 30 400 5 6 7 8 40 10\ncpu0 1\ncpu1 1\nintr 5 6\n";
        assert_eq!(times(new), Some(([60, 10, 30, 400, 5, 6, 7, 8, 50], 2)));
        assert_eq!(times(b"cpu 1 2 3 4\n"), Some(([1, 2, 3, 4, 0, 0, 0, 0, 0], 0)));
        assert_eq!(times(b"intr 5\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_times_or_nothing(bytes: Vec<u8>, numbers: Vec<u64>) {
            times(&bytes);
            used(format!("cpu {numbers:?}").replace(',', "").as_bytes());
        }
    }
}
