//! What a process that parses hostile bytes may still do: nearly nothing.
//!
//! [`enter`] is called once the sockets and files of the capture process are open, while it has one thread: all later
//! threads inherit what it sets. From then on it has no capability, no way to get one, no file, no network but the
//! sockets that it holds, and only the system calls of `calls`.
//!
//! Order: limits, user, capabilities, `no_new_privs`, landlock, seccomp; each step takes the right to undo the one before.

mod calls;
mod facts;

use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, LandlockStatus, Ruleset, RulesetAttr as _,
    RulesetError, RulesetStatus, Scope,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use rustix::thread::{Gid, Uid};

pub use facts::of_process;

/// The user `nobody` of every Linux system.
pub const NOBODY: u32 = 65_534;

/// A step that failed. The process must not go on.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A call of the kernel.
    #[error("cannot {step}")]
    Step {
        /// What was tried.
        step: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Landlock refuses the rules.
    #[error("cannot put files out of reach with landlock")]
    Landlock(#[from] RulesetError),
    /// Seccomp refuses the list.
    #[error("cannot limit the system calls with seccomp")]
    Seccomp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn step(step: &'static str, done: rustix::io::Result<()>) -> Result<(), SandboxError> {
    done.map_err(|source| SandboxError::Step { step, source: source.into() })
}

/// Gives up all rights of this thread and of those that it starts. `user` is who it becomes where it is root.
/// Returns what landlock does, for people: files out of reach is the one step that an old kernel may not have.
///
/// # Errors
/// [`SandboxError`]: what could not be given up.
pub fn enter(user: u32) -> Result<String, SandboxError> {
    // What the kernel told the process at its start is read from a file when it is first asked for: now.
    let _ = (rustix::param::page_size(), rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime));
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    step("forbid core files", setrlimit(Resource::Core, none))?;
    bound_nothing();
    if rustix::process::geteuid().is_root() {
        become_user(user)?;
    }
    step("clear the ambient capabilities", clear_ambient_capability_set())?;
    let empty = CapabilitySet::empty();
    let sets = CapabilitySets { effective: empty, permitted: empty, inheritable: empty };
    step("drop all capabilities", set_capabilities(None, sets))?;
    step("forbid debuggers", set_dumpable_behavior(DumpableBehavior::NotDumpable))?;
    step("set no_new_privs", set_no_new_privs(true))?;
    let landlock = restrict_files()?;
    calls::limit()?;
    Ok(landlock)
}

/// Gives up all rights of this thread and of those that it starts but that to read. Landlock is not used: under it nobody sees
/// what other processes have open.
///
/// # Errors
/// [`SandboxError`]: what could not be given up.
pub fn enter_reading() -> Result<(), SandboxError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    step("forbid core files", setrlimit(Resource::Core, none))?;
    bound_nothing();
    step("clear the ambient capabilities", clear_ambient_capability_set())?;
    let held = capabilities(None)
        .map_err(|source| SandboxError::Step { step: "see its capabilities", source: source.into() })?;
    let reading = held.permitted & (CapabilitySet::DAC_READ_SEARCH | CapabilitySet::SYS_PTRACE);
    let sets = CapabilitySets { effective: reading, permitted: reading, inheritable: CapabilitySet::empty() };
    step("drop capabilities", set_capabilities(None, sets))?;
    step("set no_new_privs", set_no_new_privs(true))?;
    calls::limit_to_reading()
}

/// What no program that is started may ever get. Needs a right that only root has; others cannot start programs anyway.
fn bound_nothing() {
    for capability in CapabilitySet::all().iter() {
        let _ = remove_capability_from_bounding_set(capability);
    }
}

fn become_user(user: u32) -> Result<(), SandboxError> {
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    step("leave the groups", set_thread_groups(&[]))?;
    step("change the group", set_thread_res_gid(gid, gid, gid))?;
    step("change the user", set_thread_res_uid(uid, uid, uid))
}

/// No file, no port, no signal to others, as far as this kernel can.
fn restrict_files() -> Result<String, RulesetError> {
    let newest = ABI::V6;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .restrict_self()?;
    let level = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => format!("level {}", effective_abi as i32),
        LandlockStatus::NotEnabled => return Ok("none: landlock is not enabled in this kernel (lsm=)".to_owned()),
        LandlockStatus::NotImplemented => return Ok("none: this kernel has no landlock".to_owned()),
    };
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => format!("full, {level}"),
        RulesetStatus::PartiallyEnforced => format!("in part, {level}"),
        RulesetStatus::NotEnforced => format!("none, {level}"),
    })
}
