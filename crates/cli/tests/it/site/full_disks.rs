//! Disks without room, and without inodes, under the server and under an agent (R5): everybody lives, the server reads on and
//! says why it takes nothing, the agent drops by rule and counts it, and with room again all goes on by itself.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::delivery::{is_balanced, is_delivered};
use super::process::Process;
use super::{Host, Site, hosts, web};

/// With room again, how long until ingest runs.
const RUNS_AGAIN: Duration = Duration::from_secs(60);
/// Bytes of each answer.
const BODY_BYTES: usize = 300_000;

/// What there is none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    Bytes,
    Inodes,
}

/// A file system of 64 MiB that nobody else uses; unmounted when it is dropped.
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
    /// Mounts one at `folder`; `None` with a message where that cannot be.
    fn mount(folder: PathBuf, lack: Lack) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let image = folder.with_extension("image");
        File::create(&image).and_then(|file| file.set_len(64 << 20)).unwrap();
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

/// Visits that must be there in the end.
#[derive(Default)]
struct Visits(Vec<String>);

impl Visits {
    fn some(&mut self, count: usize) {
        for _ in 0..count {
            let path = format!("/visit/{}", self.0.len());
            web::visit(std::slice::from_ref(&path));
            self.0.push(path);
        }
    }
}

/// Waits until all visits are there once; how long that took.
fn all_there(site: &Site<'_>, visits: &Visits) -> Duration {
    let begun = Instant::now();
    site.wait_for_each_once(&visits.0);
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
        let Some(disk) = Disk::mount(place.path().join("disk"), lack) else { return };
        let mut site = Site::with_data(far, &disk.folder.join("data"));
        web::serve_noise(&site, BODY_BYTES);
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        let mut visits = Visits::default();
        visits.some(5);
        all_there(&site, &visits);
        disk.fill();
        let (id, begun) = (site.server.as_ref().map(Process::id), Instant::now());
        // The log has room of its own for a while, and without inodes for longer.
        while !agent.said().contains("AGENT-NET-003") && visits.0.len() < 150 {
            visits.some(1);
            let there = site.seen(0).expect("it answers all the time").len();
            assert!(there >= 5, "{there}");
        }
        let said = agent.said();
        assert!(lack == Lack::Inodes || said.contains("507") || said.contains("503"), "{said}");
        let full_after = begun.elapsed();
        for _ in 0..20 {
            assert!(site.seen(0).is_some() && site.ask("GET", "/metrics", "").is_some(), "it reads on");
        }
        disk.empty();
        let took = all_there(&site, &visits);
        assert_eq!(site.server.as_ref().map(Process::id), id, "it was never started again");
        site.wait_agent("web-1", "at rest", |agent| is_delivered(agent) && is_balanced(agent));
        eprintln!(
            "no {lack:?} for the server: refused after {full_after:.1?}, all there {took:.1?} after there was room"
        );
        assert!(took <= RUNS_AGAIN, "{took:?}");
        assert_eq!(site.server.take().and_then(Process::end), Some(0));
        site.start_server();
        all_there(&site, &visits);
        assert_nothing_damaged(&agent, &site);
        assert_eq!(agent.end(), Some(0));
        drop((site, disk));
    });
}

fn under_the_agent(lack: Lack) {
    hosts(move |far| {
        let mut site = Site::new(far);
        let Some(disk) = Disk::mount(site.path("web-1"), lack) else { return };
        web::serve_noise(&site, BODY_BYTES);
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        let mut visits = Visits::default();
        visits.some(5);
        all_there(&site, &visits);
        disk.fill();
        site.kill_server();
        // More than what is held in memory, so that something is dropped: bodies first.
        visits.some(150);
        let id = agent.id();
        agent.wait_for("AGENT-NET-001", 1);
        site.start_server();
        visits.some(1);
        let took = all_there(&site, &visits);
        let how = site.wait_agent("web-1", "at rest", |agent| is_delivered(agent) && is_balanced(agent));
        let dropped = &how["status"]["stages"]["spool"]["dropped"];
        if lack == Lack::Bytes {
            assert!(agent.said().contains("AGENT-SPOOL-002"), "{}", agent.said());
            assert!(dropped["spool_full_bulk"].as_u64() > Some(0), "bodies were dropped, and counted: {how}");
        }
        assert_eq!(dropped["spool_full_records"], serde_json::Value::Null, "no exchange was: {how}");
        disk.empty();
        visits.some(5);
        all_there(&site, &visits);
        eprintln!(
            "no {lack:?} for the agent: {} exchanges, dropped {dropped}, delivered in {took:.1?}",
            visits.0.len()
        );
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
