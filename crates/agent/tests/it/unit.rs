//! The agent as the unit of its package runs it: another user, few rights, few system calls.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use crate::agent::{Agent, wait};
use crate::net::hosts;

const UNIT: &str = include_str!("../../../../packaging/arachne-agent.service");
/// What `systemd-analyze syscall-filter @system-service` of Debian 12 lists, groups taken apart. Newer ones have more.
const SYSTEM_SERVICE: &str = include_str!("../../../../fixtures/systemd/system-service.252");
/// That of Debian: another user may not run what is in somebody's home.
const PYTHON: &str = "/usr/bin/python3";
/// A user that nothing belongs to, as a dynamic one.
const USER: u32 = 65_533;
/// Forbids what is not listed in the file of its first argument, memory that can be written and run, and runs the others.
const FILTERED: &str = "
import ctypes, errno, os, sys
seccomp = ctypes.CDLL('libseccomp.so.2')
seccomp.seccomp_init.restype = ctypes.c_void_p
context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(0x00050000 | errno.EPERM)))
for name in open(sys.argv[1]).read().split():
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number != -1:
        seccomp.seccomp_rule_add_array(context, ctypes.c_uint32(0x7fff0000), number, 0, None)
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)
if seccomp.seccomp_load(context) != 0:
    sys.exit('the filter is not taken')
os.execv(sys.argv[2], sys.argv[2:])
";

/// The values of a key of the unit.
fn of_unit(key: &str) -> Vec<&'static str> {
    let value = |line: &'static str| line.strip_prefix(key)?.strip_prefix('=');
    UNIT.lines().filter_map(value).flat_map(str::split_whitespace).collect()
}

/// The system calls that the unit lets through.
fn calls() -> String {
    let known = |item: &'static str| match item {
        "@system-service" => SYSTEM_SERVICE,
        // Unknown to this systemd, which leaves it out with a warning.
        group if group.starts_with('@') => "",
        call => call,
    };
    of_unit("SystemCallFilter").into_iter().map(known).flat_map(|text| [text, "\n"]).collect()
}

/// How many filters of system calls each thread of a process has.
fn filters(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let told = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
    told.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

#[test]
fn the_unit_lets_the_agent_do_its_work() {
    if !Path::new("/usr/lib/x86_64-linux-gnu/libseccomp.so.2").exists() || !Path::new(PYTHON).exists() {
        eprintln!("skipped: libseccomp2 (amd64) and python3 apply the filter of the unit");
        return;
    }
    hosts(|_| {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
        let (program, calls_file, spool) = (path("arachne-agent"), path("calls"), path("spool"));
        // Where it was built, others may not look.
        fs::copy(env!("CARGO_BIN_EXE_arachne-agent"), &program).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(&calls_file, calls()).unwrap();
        fs::create_dir(&spool).unwrap();
        chown(&spool, Some(USER), Some(USER)).unwrap();
        let rights = |with: &str| {
            let names =
                of_unit("CapabilityBoundingSet").into_iter().map(|name| name.replace("CAP_", with).to_lowercase());
            std::iter::once("-all".to_owned()).chain(names).collect::<Vec<_>>().join(",")
        };
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={USER}"), format!("--regid={USER}"), "--clear-groups".to_owned()]);
        command.args(["--bounding-set", "--inh-caps", "--ambient-caps"].map(|set| format!("{set}={}", rights("+"))));
        command.args(["--no-new-privs", PYTHON, "-c", FILTERED, &calls_file, &program]);
        command.args(["--spool", &spool, "--interface", "near", "--name", "test"]);
        let agent = Agent::run(folder.path(), command);
        agent.wait_for("AGENT-CAPTURE-001", 1);
        // One of the unit, and those of the processes' own.
        let limited = |word| agent.processes(word).iter().any(|pid| filters(*pid) > 1);
        wait("both processes to be limited", || limited("capture-process") && limited("collector-process"));
        for code in ["AGENT-CAPTURE-002", "AGENT-COLLECT-001", "AGENT-CONFIG-001"] {
            assert!(!agent.log().contains(code), "{}", agent.log());
        }
        assert_eq!(agent.end(), 0);
    });
}
