//! What the kernel says of one process, file by file. No allocation: these run for each process in each reading.

use crate::text::{lines, named, number, words};

/// A thread of the kernel itself.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// From `stat`.
///
/// Source: `proc_pid_stat(5)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stat<'a> {
    /// The name, as the process may have changed it: any bytes, 15 at most (64 of threads of the kernel).
    pub name: &'a [u8],
    pub kernel: bool,
    pub minor_faults: u64,
    pub major_faults: u64,
    pub user_ticks: u64,
    pub system_ticks: u64,
    pub threads: u64,
    /// Ticks after the host began; with the process id it names a process for good.
    pub start: u64,
    pub resident_pages: u64,
    /// Ticks that its first thread waited for disks; 0 where the kernel does not account delays.
    pub disk_delay_ticks: u64,
}

/// None when it is no such line.
pub(super) fn stat(line: &[u8]) -> Option<Stat<'_>> {
    // The name may hold blanks and parentheses, numbers cannot.
    let (open, close) = (line.iter().position(|byte| *byte == b'(')?, line.iter().rposition(|byte| *byte == b')')?);
    let mut stat = Stat { name: line.get(open + 1..close)?, ..Stat::default() };
    // Field 3 of the manual follows the name.
    for (word, field) in words(line.get(close + 1..)?.trim_ascii_end()).zip(3..=42) {
        let place = match field {
            9 => {
                stat.kernel = number(word)? & KERNEL_THREAD != 0;
                continue;
            }
            10 => &mut stat.minor_faults,
            12 => &mut stat.major_faults,
            14 => &mut stat.user_ticks,
            15 => &mut stat.system_ticks,
            20 => &mut stat.threads,
            22 => &mut stat.start,
            24 => &mut stat.resident_pages,
            42 => &mut stat.disk_delay_ticks,
            _ => continue,
        };
        *place = number(word)?;
    }
    (stat.threads > 0 || stat.start > 0).then_some(stat)
}

/// The real user and the bytes in swap, from `status`.
pub(super) fn status(file: &[u8]) -> Option<(u32, u64)> {
    let mut user = None;
    let mut swap = 0;
    for (name, value) in named(file) {
        match name {
            b"Uid" => user = u32::try_from(value).ok(),
            b"VmSwap" => swap = value.saturating_mul(1024),
            _ => {}
        }
    }
    Some((user?, swap))
}

/// Bytes that came from disks and went there, from `io`.
pub(super) fn io(file: &[u8]) -> Option<(u64, u64)> {
    let mut read = None;
    let mut written = None;
    for (name, value) in named(file) {
        match name {
            b"read_bytes" => read = Some(value),
            b"write_bytes" => written = Some(value),
            _ => {}
        }
    }
    Some((read?, written?))
}

/// Nanoseconds that a thread waited for a CPU, from `schedstat`.
pub(super) fn run_delay(file: &[u8]) -> Option<u64> {
    words(file.trim_ascii_end()).nth(1).and_then(number)
}

/// The name of a process as a label: of threads of the kernel what they have in common, else there is one series per CPU.
pub(super) fn label(stat: &Stat<'_>) -> String {
    let name = String::from_utf8_lossy(stat.name);
    if !stat.kernel {
        return name.into_owned();
    }
    let common = name.split(['/', ':', '-']).next().unwrap_or_default();
    common.trim_end_matches(|letter: char| letter.is_ascii_digit()).to_owned()
}

/// The container of a process, from `cgroup`: the first twelve characters of its id, or its name.
///
/// Known are the groups that Docker, containerd, CRI-O, Podman, LXC and systemd-machined make.
pub(super) fn container(file: &[u8]) -> Option<String> {
    lines(file).find_map(|line| {
        let path = line.splitn(3, |byte| *byte == b':').nth(2)?;
        path.rsplit(|byte| *byte == b'/').find_map(container_name)
    })
}

fn container_name(segment: &[u8]) -> Option<String> {
    let segment = std::str::from_utf8(segment).ok()?;
    let machine = segment.strip_prefix("machine-").and_then(|name| name.strip_suffix(".scope"));
    let named = machine.or_else(|| segment.strip_prefix("lxc.payload."));
    if let Some(name) = named.filter(|name| !name.is_empty()) {
        return Some(name.to_owned());
    }
    let id = segment.strip_suffix(".scope").unwrap_or(segment);
    let id = id.rsplit(['-', ':']).next().unwrap_or(id);
    (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id[..12].to_owned())
}

/// Names of users by their numbers, from `passwd`.
pub(super) fn users(passwd: &[u8]) -> impl Iterator<Item = (u32, String)> {
    lines(passwd).filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let id = u32::try_from(number(fields.nth(1)?)?).ok()?;
        Some((id, String::from_utf8_lossy(name).into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &[u8] = b"77 (a) b (c)) S 1 1 1 0 -1 4194560 11 0 22 0 33 44 0 0 20 0 5 0 66 7536352 88 18446744073709551615 9 9 9 9 9 0 0 0 0 0 0 0 17 1 0 0 99 0 0\n";

    #[test]
    fn names_may_have_parentheses_and_blanks() {
        let expected = Stat {
            name: b"a) b (c)",
            kernel: false,
            minor_faults: 11,
            major_faults: 22,
            user_ticks: 33,
            system_ticks: 44,
            threads: 5,
            start: 66,
            resident_pages: 88,
            disk_delay_ticks: 99,
        };
        assert_eq!(stat(LINE), Some(expected));
        assert_eq!(stat(b"77 (a"), None);
        assert_eq!(stat(b"77 )a( S"), None);
        assert_eq!(stat(b"77 (a) S 1"), None);
    }

    #[test]
    fn threads_of_the_kernel_go_by_what_they_have_in_common() {
        let check = |name: &str, expected: &str| {
            assert_eq!(label(&Stat { name: name.as_bytes(), kernel: true, ..Stat::default() }), expected);
            assert_eq!(label(&Stat { name: name.as_bytes(), ..Stat::default() }), name);
        };
        check("kworker/0:1H-kblockd", "kworker");
        check("ksoftirqd/12", "ksoftirqd");
        check("jbd2/vda-8", "jbd");
        check("kswapd0", "kswapd");
        check("irq/24-pciehp", "irq");
    }

    #[test]
    fn containers_have_the_names_that_their_makers_give() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let check = |path: &str, expected: Option<&str>| {
            let file = format!("1:name=systemd:/\n0::{path}\n");
            assert_eq!(container(file.as_bytes()).as_deref(), expected, "{path}");
        };
        let short = Some(&id[..12]);
        check(&format!("/system.slice/docker-{id}.scope"), short);
        check(&format!("/docker/{id}"), short);
        check(&format!("/docker/{id}/init.scope"), short);
        check(
            &format!("/kubepods.slice/kubepods-burstable.slice/kubepods-podx.slice/cri-containerd-{id}.scope"),
            short,
        );
        check(&format!("/kubepods/burstable/pod1/{id}"), short);
        check(&format!("/system.slice/containerd.service/kubepods-x.slice:cri-containerd:{id}"), short);
        check(&format!("/machine.slice/libpod-{id}.scope/container"), short);
        check("/lxc.payload.web-1/system.slice/nginx.service", Some("web-1"));
        check("/machine.slice/machine-db.scope", Some("db"));
        check("/system.slice/nginx.service", None);
        check("/user.slice/user-1000.slice/session-3.scope", None);
        check("/", None);
    }

    #[test]
    fn small_files() {
        assert_eq!(status(b"Name:\tx\nUid:\t33\t34\t35\t36\nVmSwap:\t     12 kB\n"), Some((33, 12288)));
        assert_eq!(status(b"Name:\tUid: 3\n"), None);
        assert_eq!(io(b"rchar: 5\nread_bytes: 7\nwrite_bytes: 8\ncancelled_write_bytes: 3\n"), Some((7, 8)));
        assert_eq!(run_delay(b"123 456 7\n"), Some(456));
        let users: Vec<_> = users(b"root:x:0:0::/:/bin/sh\n+::::::\nbroken\nwww:x:33:33\n").collect();
        assert_eq!(users, [(0, "root".to_owned()), (33, "www".to_owned())]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_something_or_nothing(bytes: Vec<u8>, cut in 0..LINE.len(), at in 0..LINE.len(), byte: u8) {
            let mut line = LINE.to_vec();
            line[at] = byte;
            for file in [&bytes[..], &LINE[..cut], &line] {
                if let Some(stat) = stat(file) {
                    label(&stat);
                }
                status(file);
                io(file);
                run_delay(file);
                container(file);
                users(file).count();
            }
        }
    }
}
