//! File systems on disks of the host: how full they are. Network file systems are left alone: asking a dead server never ends.

use std::collections::HashSet;

use super::device::DEVICES_MAX;
use crate::Metric;
use crate::report::Report;
use crate::text::{Tree, lines, text, words};

const LABELS: &[&str] = &["mountpoint", "type"];
const STATES: &[&str] = &["mountpoint", "state", "type"];
const SOURCE: &str = "/proc/self/mountinfo, statvfs(3)";
pub(super) const LIMIT: Metric = Metric::gauge("system.filesystem.limit", "By", LABELS, "how large it is", SOURCE);
pub(super) const USAGE: Metric =
    Metric::gauge("system.filesystem.usage", "By", STATES, "bytes: used, free, reserved (free for root only)", SOURCE);
pub(super) const INODES: Metric = Metric::gauge(
    "system.filesystem.inodes",
    "1",
    STATES,
    "places for files: used, free; file systems without a limit have none",
    SOURCE,
);
pub(super) const METRICS: &[Metric] = &[LIMIT, USAGE, INODES];

/// Those that are not on a device and still the host's own.
const OWN: [&str; 3] = ["zfs", "btrfs", "tmpfs"];
/// Full by their nature.
const READ_ONLY: [&str; 3] = ["squashfs", "iso9660", "erofs"];

/// A file system where it is mounted first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    point: String,
    kind: String,
}

pub(super) fn read(tree: &Tree, report: &mut Report<'_>) -> Result<(), String> {
    for Mount { point, kind } in mounts(&tree.read("proc/self/mountinfo")?).into_iter().take(DEVICES_MAX) {
        // Mounts come and go; what is behind a folder without rights is not told.
        let Ok(size) = rustix::fs::statvfs(tree.path(point.trim_start_matches('/'))) else { continue };
        if size.f_blocks == 0 {
            continue;
        }
        let bytes = |blocks: u64| blocks.saturating_mul(size.f_frsize);
        let labels = [point.as_str(), kind.as_str()];
        let state = |state| [labels[0], state, labels[1]];
        report.gauge(&LIMIT, &labels, bytes(size.f_blocks));
        report.gauge(&USAGE, &state("used"), bytes(size.f_blocks.saturating_sub(size.f_bfree)));
        report.gauge(&USAGE, &state("free"), bytes(size.f_bavail));
        report.gauge(&USAGE, &state("reserved"), bytes(size.f_bfree.saturating_sub(size.f_bavail)));
        if size.f_files > 0 {
            report.gauge(&INODES, &state("used"), size.f_files.saturating_sub(size.f_ffree));
            report.gauge(&INODES, &state("free"), size.f_ffree);
        }
    }
    Ok(())
}

/// The file systems worth watching, each once, in the order of their mounting.
///
/// Source: proc_pid_mountinfo(5).
fn mounts(mountinfo: &[u8]) -> Vec<Mount> {
    let mut devices = HashSet::new();
    let mount = |line| {
        let mut words = words(line);
        let device = words.nth(2)?;
        let point = unescape(words.nth(1)?);
        // Optional fields end with a dash.
        words.by_ref().find(|word| *word == b"-")?;
        let (kind, source) = (text(words.next()?), words.next()?);
        let own = source.starts_with(b"/dev/") || OWN.contains(&kind.as_str());
        let watched = own && !READ_ONLY.contains(&kind.as_str());
        (watched && devices.insert(device.to_vec())).then_some(Mount { point, kind })
    };
    lines(mountinfo).filter_map(mount).collect()
}

/// Blanks, tabs, line feeds and backslashes stand as a backslash with three octal digits.
fn unescape(word: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| first == b'\\');
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    text(&bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_file_system_of_the_host_is_there_once() {
        let file = br"22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
28 27 254:0 /var /mnt/again rw - ext4 /dev/vda rw
29 27 8:1 / /mnt/my\040disk\134 rw shared:1 master:2 - xfs /dev/sda1 rw
30 27 0:50 / /net rw - nfs4 server:/export rw
31 27 7:1 / /snap/x ro - squashfs /dev/loop1 ro
32 27 0:51 / /run rw - tmpfs tmpfs rw
33 27 0:51
";
        let mount = |point: &str, kind: &str| Mount { point: point.to_owned(), kind: kind.to_owned() };
        assert_eq!(mounts(file), [mount("/", "ext4"), mount(r"/mnt/my disk\", "xfs"), mount("/run", "tmpfs")]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_mounts_or_nothing(bytes: Vec<u8>, point in r"[\\0-9a-zé ]{0,20}") {
            mounts(&bytes);
            mounts(format!("1 2 3:4 / {point} rw - ext4 /dev/x").as_bytes());
        }
    }
}
