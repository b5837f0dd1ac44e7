//! Disks without room, and without inodes, under the server and under an agent (R5): everybody lives, the server reads on and
//! says why it takes nothing, the agent drops by rule and counts it, and with room again all goes on by itself.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::delivery::{is_balanced, is_delivered};
use super::process::{Process, wait_or};
use super::{Host, Site, hosts, web};

/// With room again, how long until ingest runs.
const RUNS_AGAIN: Duration = Duration::from_secs(60);
/// The log of a server takes some 40 MiB more before its room is gone, and what is in it is written once more as parts.
const SERVER_MEBIBYTES: u64 = 192;
const AGENT_MEBIBYTES: u64 = 64;
/// Bytes of each answer.
const BODY_BYTES: usize = 200_000;

/// What there is none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    Bytes,
    Inodes,
}

/// A small file system that nobody else uses; unmounted when it is dropped.
struct Disk {
    folder: PathBuf,
    lack: Lack,
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {said}")) }
}

impl Disk {
    /// Mounts one of so many MiB at `folder`; `None` with a message where that cannot be.
    fn mount(folder: PathBuf, lack: Lack, mebibytes: u64) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let image = folder.with_extension("image");
        File::create(&image).and_then(|file| file.set_len(mebibytes << 20)).unwrap();
        let (image, at) = (image.to_str().unwrap().to_owned(), folder.to_str().unwrap().to_owned());
        let few: &[&str] = if lack == Lack::Inodes { &["-N", "128"] } else { &[] };
        let made = run("mkfs.ext4", &[&["-q", "-F", "-m", "0"], few, &[&image]].concat())
            .and_then(|()| run("mount", &["-o", "loop", &image, &at]));
        match made {
            Ok(()) => Some(Self { folder, lack }),
            Err(why) => {
                eprintln!("skipped: a small file system cannot be made ({})", why.trim());
                None
            }
        }
    }

    fn filling(&self) -> PathBuf {
        self.folder.join("filling")
    }

    /// Takes all that is left.
    fn fill(&self) {
        let filling = self.filling();
        match self.lack {
            Lack::Inodes => {
                fs::create_dir_all(&filling).unwrap();
                for n in 0.. {
                    if File::create(filling.join(n.to_string())).is_err() {
                        return;
                    }
                }
            }
            Lack::Bytes => {
                let mut file = File::options().create(true).append(true).open(filling).unwrap();
                for length in [1 << 20, 4096, 1] {
                    while file.write_all(&vec![0; length]).is_ok() {}
                }
                let _ = file.sync_all();
            }
        }
    }

    fn empty(&self) {
        let filling = self.filling();
        let gone = if filling.is_dir() { fs::remove_dir_all(filling) } else { fs::remove_file(filling) };
        gone.unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run("umount", &["-l", self.folder.to_str().unwrap()]);
    }
}

/// Visits, not faster than an agent on a busy machine follows.
#[derive(Default)]
struct Visits(usize);

impl Visits {
    fn some(&mut self, count: usize) {
        for _ in 0..count {
            web::visit(&[format!("/visit/{}", self.0)]);
            self.0 += 1;
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Waits until the server has each exchange that the agent found, once; how long that took.
fn all_there(site: &Site<'_>) -> Duration {
    let begun = Instant::now();
    wait_or("what the agent found", || {
        let how = site.agent("web-1").unwrap_or_default();
        let found = &how["status"]["stages"]["exchanges"];
        let mut there = site.seen(0).unwrap_or_default();
        let rows = there.len();
        there.sort_by(|a, b| a.path.cmp(&b.path));
        there.dedup_by(|a, b| a.path == b.path && !a.path.is_empty());
        let same = rows > 0 && found["output"] == rows && found["in_flight"] == 0 && there.len() == rows;
        if same && is_delivered(&how) && is_balanced(&how) { Ok(()) } else { Err(format!("{rows} rows, {how}")) }
    });
    begun.elapsed()
}

/// Neither of them has found anything damaged.
fn assert_nothing_damaged(agent: &Process, site: &Site<'_>) {
    let server = fs::read_to_string(site.path("serve.log")).unwrap();
    assert!(!agent.said().contains("AGENT-SPOOL-004"), "{}", agent.said());
    assert!(!server.contains("damage") && !server.contains("panicked"), "{server}");
}

fn under_the_server(lack: Lack) {
    hosts(move |far| {
        let place = tempfile::tempdir().unwrap();
        let Some(disk) = Disk::mount(place.path().join("disk"), lack, SERVER_MEBIBYTES) else { return };
        let mut site = Site::with_data(far, &disk.folder.join("data"));
        web::serve_noise(&site, BODY_BYTES);
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        let mut visits = Visits::default();
        visits.some(5);
        all_there(&site);
        disk.fill();
        let (id, begun) = (site.server.as_ref().map(Process::id), Instant::now());
        // The log has room of its own for a while, and without inodes for longer.
        let patience = Duration::from_secs(if lack == Lack::Bytes { 60 } else { 5 });
        while !agent.said().contains("AGENT-NET-003") && begun.elapsed() < patience {
            visits.some(1);
            let there = site.seen(0).expect("it answers all the time").len();
            assert!(there > 0, "{there}");
        }
        let said = agent.said();
        assert!(lack == Lack::Inodes || said.contains("507") || said.contains("503"), "{said}");
        let full_after = begun.elapsed();
        for _ in 0..20 {
            assert!(site.seen(0).is_some() && site.ask("GET", "/metrics", "").is_some(), "it reads on");
        }
        disk.empty();
        let took = all_there(&site);
        assert_eq!(site.server.as_ref().map(Process::id), id, "it was never started again");
        eprintln!(
            "no {lack:?} for the server: refused after {full_after:.1?}, all there {took:.1?} after there was room"
        );
        assert!(took <= RUNS_AGAIN, "{took:?}");
        site.kill_server();
        site.start_server();
        all_there(&site);
        assert_nothing_damaged(&agent, &site);
        assert_eq!(agent.end(), Some(0));
        drop((site, disk));
    });
}

fn under_the_agent(lack: Lack) {
    hosts(move |far| {
        let mut site = Site::new(far);
        let Some(disk) = Disk::mount(site.path("web-1"), lack, AGENT_MEBIBYTES) else { return };
        web::serve_noise(&site, BODY_BYTES);
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        let mut visits = Visits::default();
        visits.some(5);
        all_there(&site);
        disk.fill();
        site.kill_server();
        // More than what is held in memory, so that something is dropped: bodies first.
        visits.some(150);
        let id = agent.id();
        agent.wait_for("AGENT-NET-001", 1);
        site.start_server();
        visits.some(1);
        let took = all_there(&site);
        let how = site.agent("web-1").expect("the server answers");
        let dropped = &how["status"]["stages"]["spool"]["dropped"];
        if lack == Lack::Bytes {
            assert!(agent.said().contains("AGENT-SPOOL-002"), "{}", agent.said());
            let gave_way = how["status"]["gave_way"].as_object().into_iter().flatten();
            let counted = gave_way.filter_map(|(_, count)| count.as_u64()).sum::<u64>();
            let bulk = dropped["spool_full_bulk"].as_u64().unwrap_or_default();
            assert!(bulk + counted > 0, "bodies were dropped, here or at the source, and counted: {how}");
        }
        assert_eq!(dropped["spool_full_records"], serde_json::Value::Null, "no exchange was: {how}");
        disk.empty();
        visits.some(5);
        all_there(&site);
        eprintln!("no {lack:?} for the agent: {} exchanges, dropped {dropped}, delivered in {took:.1?}", visits.0);
        assert_nothing_damaged(&agent, &site);
        assert_eq!((agent.id(), agent.end()), (id, Some(0)));
        drop((site, disk));
    });
}

#[test]
fn a_server_without_room_reads_on_and_goes_on() {
    under_the_server(Lack::Bytes);
}

#[test]
fn a_server_without_inodes_reads_on_and_goes_on() {
    under_the_server(Lack::Inodes);
}

#[test]
fn an_agent_without_room_drops_by_rule_and_goes_on() {
    under_the_agent(Lack::Bytes);
}

#[test]
fn an_agent_without_inodes_goes_on() {
    under_the_agent(Lack::Inodes);
}
