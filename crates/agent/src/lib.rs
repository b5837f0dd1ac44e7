//! The agent of a host: records what its services say to each other and delivers it to a server.
//!
//! Three processes of one program. The **supervisor** talks to the server, owns the spool and starts the **capture process**
//! ([`process`]), which reads packets ([`edge`]), has no right left but its open sockets ([`sandbox`]), and hands over rows
//! ([`channel`]), and the **collector process** ([`collect`]), which reads what the host tells of itself. Captured bytes never meet the network or a file by any other way, and secrets are replaced before rows
//! exist.
//!
//! What it never does: ask for names while packets are handled, write a key, store rows otherwise than through
//! [`arachne_delivery`].

pub mod args;
pub mod channel;
pub mod collect;
pub mod edge;
pub mod process;
pub mod sandbox;
pub mod scope;
pub mod supervisor;

use std::io::Write as _;

use arachne_telemetry::{Flood, Format, Verbosity, chain, codes, emit, init};

use args::AgentArgs;
use supervisor::AgentError;

/// Runs the agent until it is asked to end. Gives its exit code.
#[must_use]
pub fn run(args: AgentArgs) -> u8 {
    if args.print_unit {
        return print_unit();
    }
    let format = if args.log_json { Format::Json } else { Format::Text };
    let _log = init(format, Verbosity::Normal, Flood::Limited);
    stay_small();
    match start(args) {
        Ok(()) => 0,
        Err(error) => {
            emit!(codes::AGENT_MAIN_001, error = %chain(&error));
            error.exit_code()
        }
    }
}

/// The unit of the package, where that puts the program, and which group reads logs.
const UNIT: &str = include_str!("../../../packaging/arachne-agent.service");
const PACKAGED: &str = "ExecStart=/usr/bin/arachne-agent";
const READERS: &str = "SupplementaryGroups=adm\n";

fn print_unit() -> u8 {
    let own = std::env::current_exe().ok();
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let unit = unit(own.as_deref().and_then(std::path::Path::to_str), &groups);
    u8::from(std::io::stdout().lock().write_all(unit.as_bytes()).is_err())
}

/// The unit for a host with these groups (see group(5)): systemd starts nothing with a group that is not there.
fn unit(program: Option<&str>, groups: &str) -> String {
    let unit = program.map_or_else(|| UNIT.to_owned(), |path| UNIT.replace(PACKAGED, &format!("ExecStart={path}")));
    if groups.lines().any(|group| group.starts_with("adm:")) { unit } else { unit.replace(READERS, "") }
}

/// No huge pages for this process and those that it starts: the allocator asks for them, and then 2 MiB are cleared and resident where
/// a few pages are used. Measured at 50 000 packets a second: 70 instead of 106 MiB for the same CPU time in an agent, and in the server
/// that takes what it delivers 54 to 69 instead of 80 to 82 % of a core. A kernel that does not know the call leaves the process larger,
/// no worse. Source: prctl(2), `PR_SET_THP_DISABLE`.
pub fn stay_small() {
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// What the process is called in lists of processes: one that was started by way of /proc is `exe` there.
fn be_called(name: &std::ffi::CStr) {
    let _ = rustix::thread::set_name(name);
}

fn start(args: AgentArgs) -> Result<(), AgentError> {
    let stop = supervisor::stop_on_signals().map_err(AgentError::System)?;
    if args.with_parent {
        supervisor::stop_with_parent(&stop).map_err(AgentError::System)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(AgentError::System)?;
    let done = runtime.block_on(supervisor::run(args, stop));
    // What is still under way to the server is in the spool.
    runtime.shutdown_background();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_names_this_program_and_a_group_that_is_there() {
        assert_eq!(UNIT.lines().filter(|line| *line == PACKAGED).count(), 1);
        let debian = unit(Some("/usr/local/bin/arachne-agent"), "root:x:0:\nadm:x:4:syslog\n");
        assert!(debian.contains("\nExecStart=/usr/local/bin/arachne-agent\n") && debian.contains(READERS), "{debian}");
        for groups in ["root:x:0:\n", "", "sysadm:x:4:\nadmin:x:5:\n"] {
            assert_eq!(unit(None, groups), UNIT.replace(READERS, ""));
        }
        assert_ne!(unit(None, ""), UNIT, "the package's unit has it");
    }
}
