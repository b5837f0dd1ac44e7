//! The system calls that the capture process may make. All others fail with `EPERM`: a call that nobody thought of costs
//! a feature, not the process.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

use super::SandboxError;

/// Calls that may be made with any arguments.
const FREE: &[i64] = &[
    // Its channel, and files that it has open.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_shutdown,
    libc::SYS_ppoll,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_close,
    libc::SYS_fcntl,
    // Packet counters of the kernel.
    libc::SYS_getsockopt,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_clone3,
    libc::SYS_membarrier,
    // Clocks and randomness.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    // Signals to itself: stack overflows and aborts are told.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
];

/// `poll` is `ppoll` where the machine has no such call.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = &[libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[i64] = &[];

/// Limits the calls of this thread and of those that it starts.
pub fn limit() -> Result<(), SandboxError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| SandboxError::Seccomp(error);
    for program in programs().map_err(|error| failed(error.into()))? {
        apply_filter(&program).map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

/// Two lists, of which the stricter answer counts. The first says that there is no `clone3`, whose flags nobody can look
/// at: libraries then take `clone`, which the second one allows for threads only.
fn programs() -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let arch = std::env::consts::ARCH.try_into()?;
    let no_such_call = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let first = SeccompFilter::new(clone3, SeccompAction::Allow, no_such_call, arch)?;
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let second = SeccompFilter::new(rules()?, refused, SeccompAction::Allow, arch)?;
    Ok([first.try_into()?, second.try_into()?])
}

fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FREE.iter().chain(OLD).map(|call| (*call, Vec::new())).collect();
    let only = |conditions: Vec<SeccompCondition>| SeccompRule::new(conditions).map(|rule| vec![rule]);
    // Memory that can be run would let bytes become programs.
    let not_run = || masked(2, libc::PROT_EXEC, 0);
    rules.insert(libc::SYS_mmap, only(vec![not_run()?])?);
    rules.insert(libc::SYS_mprotect, only(vec![not_run()?])?);
    rules.insert(libc::SYS_clone, only(vec![masked(0, libc::CLONE_THREAD, libc::CLONE_THREAD)?])?);
    let mut attach = Vec::new();
    for option in [libc::SO_ATTACH_FILTER, libc::SO_DETACH_FILTER] {
        attach.push(SeccompRule::new(vec![equal(1, libc::SOL_SOCKET)?, equal(2, option)?])?);
    }
    rules.insert(libc::SYS_setsockopt, attach);
    // To whom a socket is connected, which a packet socket never is: one that names a receiver could send any frame.
    let nobody = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
    rules.insert(libc::SYS_sendto, only(vec![nobody])?);
    let mut names = Vec::new();
    for option in [libc::PR_SET_NAME, libc::PR_SET_VMA] {
        names.push(SeccompRule::new(vec![equal(0, option)?])?);
    }
    rules.insert(libc::SYS_prctl, names);
    Ok(rules)
}

fn equal(argument: u8, value: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(value.unsigned_abs()))
}

fn masked(argument: u8, mask: i32, value: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    let mask = u64::from(mask.unsigned_abs());
    SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(mask),
        u64::from(value.unsigned_abs()),
    )
}
