//! The host: its name, its interfaces, and what the processes of the agent use of it.

use std::fs;

use arachne_delivery::status::Process;

use crate::channel::HostInterface;

/// Clock ticks of a second in `/proc`, the same on all Linux systems that are served. Source: getconf CLK_TCK, sysconf(3).
const TICKS: u64 = 100;

/// The host's name.
#[must_use]
pub fn name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "host".to_owned() } else { name }
}

/// The interfaces as they are now; those that are known where the kernel does not tell.
#[must_use]
pub fn interfaces(known: &[HostInterface]) -> Vec<HostInterface> {
    let Ok(found) = arachne_capture::interface::interfaces() else { return known.to_vec() };
    let one = |interface: arachne_capture::interface::Interface| HostInterface {
        index: interface.index,
        name: interface.name,
        up: interface.up,
        addresses: interface.addresses,
    };
    found.into_iter().map(one).collect()
}

/// What a process uses; `None` when it is gone.
#[must_use]
pub fn process(name: &str, pid: u32, restarts: u64) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let memory = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = memory.split_whitespace().nth(1)?.parse().ok()?;
    Some(Process {
        name: name.to_owned(),
        pid,
        cpu_ns: cpu_ns(&stat)?,
        memory: pages.saturating_mul(rustix::param::page_size() as u64),
        restarts,
    })
}

/// User and system time of a `/proc/PID/stat`. The name of the program, in parentheses, may hold anything.
fn cpu_ns(stat: &str) -> Option<u64> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user.saturating_add(system).saturating_mul(1_000_000_000 / TICKS))
}

#[cfg(test)]
mod tests {
    use super::{cpu_ns, interfaces, name, process};

    #[test]
    fn times_of_a_program_with_an_odd_name() {
        let stat = "12 (a) b) c) S 1 12 12 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 1 0 100 1000 50 184";
        assert_eq!(cpu_ns(stat), Some(100_000_000));
        assert_eq!(cpu_ns("12 (a"), None);
        assert_eq!(cpu_ns("12 (a) S 1"), None);
    }

    #[test]
    fn this_host() {
        assert!(!name().is_empty());
        let process = process("test", std::process::id(), 2).expect("this process lives");
        assert!(process.memory > 100_000 && process.restarts == 2);
        assert!(interfaces(&[]).iter().any(|interface| interface.name == "lo"));
    }
}
