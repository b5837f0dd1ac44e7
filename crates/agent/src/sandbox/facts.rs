//! What the kernel says that a process may still do.

use arachne_delivery::status::Sandbox;
use rustix::thread::CapabilitySet;

/// What `/proc/PID/status` says of a process. `None` when it is gone.
#[must_use]
pub fn of_process(name: &str, pid: u32, landlock: &str) -> Option<Sandbox> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Sandbox { process: name.to_owned(), landlock: landlock.to_owned(), ..parse(&text) })
}

/// The lines of such a file. Source: proc_pid_status(5).
fn parse(text: &str) -> Sandbox {
    let mut facts = Sandbox::default();
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name {
            // Real, effective, saved and file system user.
            "Uid" => facts.uid = value.split_whitespace().nth(1).and_then(|uid| uid.parse().ok()).unwrap_or(0),
            "CapEff" => facts.capabilities = capabilities(value),
            "NoNewPrivs" => facts.no_new_privs = value == "1",
            "Seccomp" => facts.seccomp = value == "2",
            _ => {}
        }
    }
    facts
}

/// The names in a mask of 16 hex digits; one that cannot be read is told as it is.
fn capabilities(mask: &str) -> Vec<String> {
    let Ok(bits) = u64::from_str_radix(mask, 16) else { return vec![mask.to_owned()] };
    let known = CapabilitySet::from_bits_retain(bits);
    known.iter_names().map(|(name, _)| format!("CAP_{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{of_process, parse};

    #[test]
    fn a_status_file() {
        let facts = parse(
            "Name:\tx\nUid:\t0\t65534\t0\t0\nCapEff:\t0000000000002001\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n",
        );
        assert_eq!(facts.uid, 65_534);
        assert_eq!(facts.capabilities, ["CAP_CHOWN", "CAP_NET_RAW"]);
        assert!(facts.no_new_privs && facts.seccomp);
        let nothing = parse("CapEff:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\n");
        assert!(nothing.capabilities.is_empty() && !nothing.no_new_privs && !nothing.seccomp);
        assert_eq!(parse("CapEff: ?").capabilities, ["?"]);
    }

    #[test]
    fn this_process_is_there() {
        let facts = of_process("test", std::process::id(), "none").expect("a process has a status");
        assert_eq!((facts.process.as_str(), facts.landlock.as_str()), ("test", "none"));
    }
}
