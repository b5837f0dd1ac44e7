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

/// Calls that change something outside of the process, or start another one.
const CHANGING: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_bpf,
    libc::SYS_io_uring_setup,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_reboot,
];
#[cfg(target_arch = "x86_64")]
const CHANGING_OLD: &[i64] = &[
    libc::SYS_creat,
    libc::SYS_unlink,
    libc::SYS_rmdir,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_mkdir,
    libc::SYS_mknod,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_fork,
    libc::SYS_vfork,
];
#[cfg(not(target_arch = "x86_64"))]
const CHANGING_OLD: &[i64] = &[];

/// Forbids the calls of this thread, and of those that it starts, that change something; files open for reading only.
pub fn limit_to_reading() -> Result<(), SandboxError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| SandboxError::Seccomp(error);
    for program in reading().map_err(|error| failed(error.into()))? {
        apply_filter(&program).map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

/// There is no `openat2`, whose flags nobody can look at.
fn reading() -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let arch = std::env::consts::ARCH.try_into()?;
    let no_such_call = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let openat2 = BTreeMap::from([(libc::SYS_openat2, Vec::new())]);
    let first = SeccompFilter::new(openat2, SeccompAction::Allow, no_such_call, arch)?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        CHANGING.iter().chain(CHANGING_OLD).map(|call| (*call, Vec::new())).collect();
    let writing = |argument: u8| {
        let flags = [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC];
        flags
            .into_iter()
            .map(|flag| SeccompRule::new(vec![masked(argument, flag, flag)?]))
            .collect::<Result<Vec<_>, _>>()
    };
    rules.insert(libc::SYS_openat, writing(2)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, writing(1)?);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let second = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch)?;
    Ok([first.try_into()?, second.try_into()?])
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
